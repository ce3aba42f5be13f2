import numpy as np
import pytest

from hydromae.config import Kind
from hydromae.init.found import Candidate, summarise
from hydromae.init.guess import guess
from hydromae.init.words import rank, roles_of

RANDOM = np.random.default_rng(0)
RAIN = np.maximum(RANDOM.gamma(0.5, 6, 1000) - 2, 0)
WARMTH = RANDOM.normal(9, 5, 1000)
MOISTURE = RANDOM.uniform(0.1, 0.9, 1000)
FLOW = RANDOM.lognormal(1, 1, 1000)


def candidate(name: str, values: np.ndarray, units: str | None = None, kind: Kind = "grid") -> Candidate:
    return Candidate("f", (), "r", kind, None, (name,), units, None, None, 1, summarise(values))


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("total_precipitation_sum", "precip"),
        ("tp", "precip"),
        ("pr", "precip"),
        ("rainfallHourly", "precip"),
        ("temperature_2m_mean", "temp"),
        ("t2m", "temp"),
        ("tas", "temp"),
        ("volumetric_soil_water_layer_1", "soil"),
        ("swc", "soil"),
        ("potential_evaporation_sum", "evap"),
        ("pet", "evap"),
        ("discharge_vol", "riverflow"),
        ("gdf", "riverflow"),
        ("q", "riverflow"),
        ("QObs", "riverflow"),
        ("q_flag", None),
        ("terrain", None),
        ("template", None),
        ("dewpoint_temperature", None),
        ("soil_temperature", None),
        ("data", None),
    ],
)
def test_words_tell_the_role(name, role):
    found = roles_of(name)
    assert (next(iter(found)) if len(found) == 1 else None) == role


@pytest.mark.parametrize(
    ("name", "values", "role", "units"),
    [
        ("rain", RAIN, "precip", "mm/d"),
        ("tp", RAIN / 1000, "precip", "m"),
        ("pr", RAIN / 86400, "precip", "kg m-2 s-1"),
        ("temp", WARMTH, "temp", "degC"),
        ("temp", WARMTH + 273.15, "temp", "K"),
        ("soil", MOISTURE, "soil", "1"),
        ("soil", 100 * MOISTURE, "soil", "%"),
        ("pet", np.abs(WARMTH) / 5, "evap", "mm/d"),
        ("flow", FLOW, "riverflow", "m3/s"),
        ("discharge_spec", FLOW, "riverflow", "mm/d"),
        ("data", WARMTH, "temp", "degC"),
        ("data", WARMTH + 273.15, "temp", "K"),
        ("data", RAIN, "precip", "mm/d"),
        ("data", MOISTURE, "soil", "1"),
        ("rain", WARMTH, "temp", "degC"),
        ("temp", RAIN, "precip", "mm/d"),
        ("rain", RAIN * 1e6, None, "1"),
    ],
)
def test_values_tell_the_units_and_outweigh_the_name(name, values, role, units):
    found = guess(candidate(name, values))
    assert (found.role, found.units, found.said) == (role, units, False)


def test_units_of_the_file_are_kept_in_the_spelling_of_the_preset():
    found = guess(candidate("rain", RAIN, "mm"))
    assert (found.units, found.said, found.limits) == ("mm/d", True, (0.0, 500.0))
    assert guess(candidate("temp", WARMTH + 273.15, "K")).limits == (213.15, 333.15)
    assert guess(candidate("temp", WARMTH, "furlong")).limits == (None, None)


def test_flow_and_rain_of_a_station_are_not_told_by_values_alone():
    assert guess(candidate("x", FLOW, kind="series")).role is None
    assert guess(candidate("x", RAIN, kind="series")).role is None


def test_codes_are_no_values():
    found = summarise(np.array([-9999.0, 1e20, np.nan, 3.0, -99999.0]))
    assert (found.count, found.low, found.high, found.missing) == (1, 3.0, 3.0, 0.8)
    assert found.codes == (-99999.0, -9999.0, 1e20)
    assert summarise(np.full(5, -999.0)).count == 0


def test_daily_means_come_before_extremes_and_plain_names_before_others():
    names = ["temperature_max", "temp", "temperature"]
    assert sorted(names, key=lambda name: rank("temp", name)) == ["temperature", "temp", "temperature_max"]
    assert rank("evap", "evaporation") < rank("evap", "pet") < rank("evap", "peti")
