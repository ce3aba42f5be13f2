"""Units of daily values: which texts mean the same unit, and how one is converted to another.

Pint knows units, with the registry of cf-xarray for the spellings of CF. Both are loaded only for a unit that is none
of the usual ones, since that takes a second.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pint import Unit, UnitRegistry

# The units of the presets, as they are spelled there: no two of them are the same.
_USUAL = {"mm/d", "degC", "K", "m3/s", "1"}
# Spellings that the registry does not know, or takes for something else (deg C for degrees times a temperature).
_SPELLINGS = {"-": "1", "cumecs": "m3/s", "cumec": "m3/s", "cfs": "ft3/s", "deg c": "degC", "degree_c": "degC",
              "degrees_c": "degC"}  # fmt: skip
_MEASURED = ("mm/d", "degC", "m3/s", "kg/m**2/s", "W/m**2", "1")


def same_units(text: str, other_text: str) -> bool:
    """Whether two texts are spellings of one unit of daily values, as `mm`, `mm/day` and `mm d-1` are."""
    first, second = _plain(text), _plain(other_text)
    if first == second or first.lower() == second.lower():
        return True
    if {first, second} <= _USUAL:
        return False
    units = _unit(first), _unit(second)
    return None not in units and bool(units[0] == units[1])


def conversion(given: str, target: str) -> tuple[float, float]:
    """Factor and offset by which daily values in one unit become those in another.

    Water weighs 1,000 kg/m3, so kg m-2 s-1 becomes mm/d. m3/s does not: that needs the area of the catchment.

    Raises:
        ValueError: a unit is not known, or the units measure different things; the message says which.
    """
    registry = _registry()
    units = []
    for text in (given, target):
        unit = _unit(_plain(text))
        if unit is None:
            raise ValueError(f"{text!r} is no known unit; write it as mm/d, kg m-2 s-1, K, m3/s or %")
        units.append(unit)
    # In tenths, so that no constant is rounded twice.
    try:
        zero, ten = (float(registry.Quantity(x, units[0]).to(units[1], "water").magnitude) for x in (0.0, 10.0))
    except Exception as error:
        raise ValueError(f"{given} cannot become {target}, since they measure different things") from error
    return (ten - zero) / 10, zero


def convertible(given: str, target: str) -> bool:
    """Whether `conversion` can convert one unit to the other."""
    try:
        conversion(given, target)
    except ValueError:
        return False
    return True


def is_amount(text: str) -> bool | None:
    """Whether a unit is one of an amount of water, as mm, and not of a rate or a state; None where it is not known."""
    plain = _plain(text)
    try:
        unit = _registry().parse_units(plain)
    except Exception:  # as in `_unit`
        return None
    return any(unit.is_compatible_with(amount) for amount in ("mm", "kg/m**2"))


def _plain(text: str) -> str:
    plain = " ".join(text.split())
    return _SPELLINGS.get(plain.lower(), plain) or "1"


@cache
def _registry() -> "UnitRegistry[Any]":
    import pint
    from cf_xarray.units import units

    water = pint.Context("water")
    flux, rate = "[mass] / [length]**2 / [time]", "[length] / [time]"
    density = units.Quantity(1000.0, "kg/m**3")
    water.add_transformation(flux, rate, lambda ureg, value, **_: value / density)
    water.add_transformation(rate, flux, lambda ureg, value, **_: value * density)
    units.add_context(water)
    return units


@cache
def _unit(plain: str) -> "Unit | None":
    """A unit of daily values; None where it is not known.

    Sums over a day are written as a depth (mm) by some and as a rate (mm/d) by others: for daily values they are one.
    """
    registry = _registry()
    for text in (plain, plain.lower()):  # capitals mean other things (MM is megamolar), but archives write them
        try:
            unit = registry.parse_units(text)
        except Exception:  # pint raises many kinds of errors for a text that is no unit
            continue
        if any(unit.is_compatible_with(daily) for daily in ("mm", "kg/m**2")):
            return unit / registry.day
        if text == plain.lower() or any(unit.is_compatible_with(measured) for measured in _MEASURED):
            return unit
    return None
