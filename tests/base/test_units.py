"""Spellings of units and conversions, as archives write them."""

import subprocess
import sys

import pytest

from hydromae.base.units import conversion, same_units

ALIKE = (
    ("mm/d", "mm/day", "mm d-1", "mm day-1", "mm d^-1", "mm day^-1", "mm", "MM/DAY", " mm  d-1 "),
    ("degC", "deg C", "degree_C", "degrees_C", "degree_Celsius", "degrees_Celsius", "celsius", "C", "°C", "DEGC"),
    ("m3/s", "m3 s-1", "m^3/s", "m^3 s^-1", "m3 s^-1", "m**3/s", "m**3 s**-1", "m³/s", "cumecs", "M3/S"),
    ("1", "", "-", "dimensionless", "m3/m3", "m3 m-3", "m^3/m^3"),
    ("K", "kelvin", "Kelvin"),
)


@pytest.mark.parametrize("spellings", ALIKE, ids=lambda spellings: spellings[0])
def test_spellings_are_of_one_unit_and_of_no_other(spellings: tuple[str, ...]) -> None:
    for text in spellings:
        assert same_units(text, spellings[0]) and same_units(spellings[0], text), text
        assert not any(same_units(text, other[0]) for other in ALIKE if other is not spellings), text


def test_a_text_that_is_no_unit_is_only_like_itself() -> None:
    assert same_units("flow index", "Flow  index") and not same_units("flow index", "m3/s")


@pytest.mark.parametrize(
    ("given", "wanted", "value", "converted"),
    [
        ("K", "degC", 273.15, 0.0),
        ("degF", "degC", 212.0, 100.0),
        ("kg m-2 s-1", "mm/d", 1 / 86400, 1.0),
        ("kg m**-2 s**-1", "mm/d", 2 / 86400, 2.0),
        ("kg m-2", "mm/d", 3.0, 3.0),
        ("m", "mm/d", 0.005, 5.0),
        ("mm/h", "mm/d", 1.0, 24.0),
        ("inch/d", "mm/d", 1.0, 25.4),
        ("ft3/s", "m3/s", 1.0, 0.028316846592),
        ("Ml/d", "m3/s", 86.4, 1.0),
        ("%", "1", 35.0, 0.35),
    ],
)
def test_values_are_converted(given: str, wanted: str, value: float, converted: float) -> None:
    factor, offset = conversion(given, wanted)
    assert value * factor + offset == pytest.approx(converted, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("given", "wanted", "said"),
    [
        ("flow index", "m3/s", "'flow index' is no known unit; write it as mm/d"),
        ("mm/d", "degC", "mm/d cannot become degC, since they measure different things"),
        ("m3/s", "mm/d", "m3/s cannot become mm/d, since they measure different things"),
    ],
)
def test_what_cannot_be_converted_is_said(given: str, wanted: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        conversion(given, wanted)


def test_the_registry_is_not_loaded_for_the_usual_units() -> None:
    code = (
        "import sys, hydromae.app.cli; from hydromae.base.units import same_units; "
        "assert same_units('mm/d', 'mm/d') and not same_units('degC', 'm3/s'); print('pint' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
