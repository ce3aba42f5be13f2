import pytest

from hydromae.init.found import Candidate
from hydromae.init.variables import rank, roles_of, units_in, variable_of


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
    ("name", "given", "role", "units", "convert_from"),
    [
        ("rain", None, "precip", "mm/d", None),
        ("rain", "mm", "precip", "mm/d", None),
        ("tp", "m", "precip", "mm/d", "m"),
        ("pr", "kg m-2 s-1", "precip", "mm/d", "kg m-2 s-1"),
        ("t2m", "K", "temp", "degC", "K"),
        ("swvl1", "m3 m-3", "soil", "1", None),
        ("soil", "%", "soil", "1", "%"),
        ("flow", "ft3/s", "riverflow", "m3/s", "ft3/s"),
        ("streamflow", "mm/d", "riverflow", "mm/d", None),
        ("discharge_spec", None, "riverflow", "mm/d", None),
        ("rain", "W m-2", "precip", "W m-2", None),
        ("data", "K", None, "K", None),
    ],
)
def test_a_name_tells_the_variable_and_the_file_its_units(name, given, role, units, convert_from):
    found = variable_of(Candidate("f", (), "r", "grid", None, (name,), given, None, None, 1))
    assert (found.role, found.units, found.convert_from) == (role, units, convert_from)
    assert found.said is (given is not None or "spec" in name)


@pytest.mark.parametrize(
    ("name", "role", "units"),
    [
        ("flow_m3s", "riverflow", "m3/s"),
        ("Flow (m3/s)", "riverflow", "m3/s"),
        ("discharge_m3_s", "riverflow", "m3/s"),
        ("flow m^3/s", "riverflow", "m3/s"),
        ("discharge_vol", "riverflow", "m3/s"),
        ("q_mm", "riverflow", "mm/d"),
        ("flow_cfs", "riverflow", "ft3/s"),
        ("flow_m3", "riverflow", None),
        ("flow", "riverflow", None),
        ("rain_mm", "precip", "mm/d"),
        ("rain (mm/d)", "precip", "mm/d"),
        ("rain_mm_h", "precip", None),
        ("temp_c", "temp", "degC"),
        ("T2M (K)", "temp", "K"),
        ("temp_max", "temp", None),
    ],
)
def test_units_are_read_from_a_name_only_where_it_says_them(name, role, units):
    assert units_in(name, role) == units


def test_daily_means_come_before_extremes_and_plain_names_before_others():
    names = ["temperature_max", "temp", "temperature"]
    assert sorted(names, key=lambda name: rank("temp", name)) == ["temperature", "temp", "temperature_max"]
    assert rank("evap", "evaporation") < rank("evap", "pet") < rank("evap", "peti")
