from datetime import date

import numpy as np
import pytest
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.readers import open_caravan
from hydromae.readers.caravan import is_caravan
from support.readers_sources import write_caravan
from support.sources import day_range

DAYS = day_range(date(2001, 2, 20), date(2001, 3, 10))
FLOW = np.random.default_rng(0).lognormal(size=len(DAYS)).astype(np.float32)
FLOW[4:7] = np.nan


def test_stations_stand_side_by_side_under_the_names_of_their_files(tmp_path):
    paths = [
        write_caravan(tmp_path, "camelsgb_9001", DAYS + np.timedelta64(5, "D"), {"streamflow": 2 * FLOW}),
        write_caravan(tmp_path, "camels_01013500", DAYS, {"streamflow": FLOW, "total_precipitation_sum": FLOW}),
    ]
    series = open_caravan(paths, "streamflow")
    assert series["station"].values.tolist() == ["camels_01013500", "camelsgb_9001"]
    expected = np.full((len(DAYS) + 5, 2), np.nan, np.float32)
    expected[: len(DAYS), 0], expected[5:, 1] = FLOW, 2 * FLOW
    np.testing.assert_array_equal(series.values, expected)
    assert series["time"].values[0] == DAYS[0] and series.attrs["units"] == "mm/d"


@pytest.mark.parametrize(
    ("variable", "said", "units"),
    [
        ("total_precipitation_sum", None, "mm"),
        ("streamflow", "Observed streamflow [mm/d]", "mm/d"),
        ("streamflow", "streamflow: in millimetres\ntemperature: [degC]", None),
    ],
)
def test_units_are_those_in_brackets_behind_the_name_or_untold(tmp_path, variable, said, units):
    path = write_caravan(tmp_path, "hysets_1", DAYS, {variable: FLOW}, said)
    assert open_caravan([path], variable).attrs.get("units") == units


def test_units_of_the_variable_come_before_those_of_the_text(tmp_path):
    with xr.open_dataset(write_caravan(tmp_path, "a_1", DAYS, {"streamflow": FLOW})) as data:
        data["streamflow"].attrs["units"] = "m3/s"
        data.to_netcdf(tmp_path / "b_2.nc", engine="h5netcdf")
    assert open_caravan([tmp_path / "b_2.nc"], "streamflow").attrs["units"] == "m3/s"
    with pytest.raises(DataError, match=r"b_2\.nc: streamflow is in 'm3/s', but in .*a_1\.nc in 'mm/d'"):
        open_caravan([tmp_path / "a_1.nc", tmp_path / "b_2.nc"], "streamflow")


def test_a_file_is_known_by_its_variables_over_date(tmp_path):
    path = write_caravan(tmp_path, "lamah_7", DAYS, {"streamflow": FLOW})
    assert is_caravan(path) == "a netCDF of station lamah_7, 1 variables over date"
    (tmp_path / "other.nc").write_bytes(path.read_bytes()[:1000])
    with xr.open_dataset(path) as data:
        data.rename(date="time").to_netcdf(tmp_path / "time.nc", engine="h5netcdf")
        data.load().to_netcdf(tmp_path / "classic_7.nc", engine="scipy")
    assert not is_caravan(tmp_path / "other.nc") and not is_caravan(tmp_path / "time.nc")
    assert is_caravan(tmp_path / "classic_7.nc")
    np.testing.assert_array_equal(open_caravan([tmp_path / "classic_7.nc"], "streamflow").values[:, 0], FLOW)


def test_what_is_wrong_is_named(tmp_path):
    path = write_caravan(tmp_path, "a_1", DAYS, {"streamflow": FLOW})
    with pytest.raises(
        DataError, match=r"a_1\.nc: has no stream_flow over date, only streamflow; did you mean streamf"
    ):
        open_caravan([path], "stream_flow")
    twice = write_caravan(tmp_path, "a_2", DAYS[[0, 1, 1, *range(3, len(DAYS))]], {"streamflow": FLOW})
    with pytest.raises(DataError, match=r"a_2\.nc: has 2001-02-21 of station a_2 more than once"):
        open_caravan([twice], "streamflow")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match=r"a_1\.nc: is not netCDF-4 or is cut short"):
        open_caravan([path], "streamflow")
