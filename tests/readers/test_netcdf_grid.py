import warnings
from datetime import date
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.readers import open_netcdf_grid
from support.readers_sources import as_haduk, write_netcdf
from support.sources import day_range

DAYS = day_range(date(2010, 1, 30), date(2010, 2, 10))
VALUES = np.random.default_rng(0).gamma(1, 3, size=(len(DAYS), 4, 6))
VALUES[:, 0, :2] = np.nan


@pytest.mark.parametrize("south_up", [True, False])
def test_rows_run_from_the_north_whatever_the_file(tmp_path, south_up):
    grid = open_netcdf_grid(write_netcdf(tmp_path / "a.nc", VALUES, DAYS, south_up))
    assert grid.dims == ("time", "y", "x")
    np.testing.assert_array_equal(grid.values, VALUES)
    np.testing.assert_array_equal(grid[3:5, 1:, ::2].values, VALUES[3:5, 1:, ::2])
    assert (np.diff(grid["y"].values) == -5000).all() and (np.diff(grid["x"].values) == 5000).all()
    assert grid["y"].attrs["units"] == "m" and grid.attrs["units"] == "mm"
    assert any("rows from the south" in note for note in grid.attrs["notes"]) == south_up


def test_classic_netcdf_gives_what_netcdf_4_gives(tmp_path):
    classic = write_netcdf(tmp_path / "a.nc", VALUES, DAYS, classic=True)
    assert classic.read_bytes()[:3] == b"CDF"
    grid = open_netcdf_grid(classic)
    assert grid.equals(open_netcdf_grid(write_netcdf(tmp_path / "b.nc", VALUES, DAYS)))
    np.testing.assert_array_equal(grid[3:5, 1:, ::2].values, VALUES[3:5, 1:, ::2])


def _haduk(tmp_path, name="a.nc", **changes):
    written = {"attrs": {"grid_mapping": "transverse_mercator", "coordinates": "latitude longitude"}} | changes
    bounds = {"bounds": "time_bnds"}
    return write_netcdf(tmp_path / name, VALUES, DAYS, time_attrs=bounds, **(as_haduk(VALUES, DAYS) | written))


def test_the_projection_is_kept_and_auxiliary_coordinates_are_left_alone(tmp_path):
    grid = open_netcdf_grid(_haduk(tmp_path))
    np.testing.assert_array_equal(grid.values, VALUES)
    assert set(grid.coords) == {"time", "y", "x"} and grid["y"].attrs["units"] == "m"
    mapping = {"grid_mapping_name": "transverse_mercator", "false_easting": 400000.0}
    assert grid.attrs["grid_mapping_attrs"] == mapping and "crs_wkt" not in grid.attrs
    described = _haduk(tmp_path, "b.nc", transverse_mercator=((), 0, {"crs_wkt": "PROJCS[...]"}))
    assert open_netcdf_grid(described).attrs["crs_wkt"] == "PROJCS[...]"


def test_the_hours_that_a_value_covers_are_noted_and_nothing_is_shifted(tmp_path):
    grid = open_netcdf_grid(_haduk(tmp_path))
    assert "a value covers 09:00 to 09:00 of the next day" in grid.attrs["notes"]
    assert (grid["time"].values.astype("datetime64[D]") == DAYS).all()
    midnight = as_haduk(VALUES, DAYS)["time_bnds"]
    calendar_day = _haduk(tmp_path, "b.nc", time_bnds=(midnight[0], midnight[1] - 9))
    assert not any("covers" in note for note in open_netcdf_grid(calendar_day).attrs["notes"])
    before = open_netcdf_grid(_haduk(tmp_path, "c.nc", time_bnds=(midnight[0], midnight[1] - 24)))
    assert "a value covers 09:00 of the day before to 09:00" in before.attrs["notes"]


@pytest.mark.parametrize("hours", ["0900-0900 UTC", "09:00 to 09:00"])
def test_cell_methods_say_the_hours_where_there_are_no_bounds(tmp_path, hours):
    methods = {"cell_methods": f"time: sum (interval: 1 day comment: {hours})"}
    grid = open_netcdf_grid(write_netcdf(tmp_path / "a.nc", VALUES, DAYS, attrs=methods))
    assert "a value covers 09:00 to 09:00 of the next day" in grid.attrs["notes"]


@pytest.mark.parametrize("hour", [0, 9, 12, 23])
def test_a_stamp_stands_for_its_calendar_day(tmp_path, hour):
    grid = open_netcdf_grid(write_netcdf(tmp_path / "a.nc", VALUES, DAYS, hour=hour))
    assert (grid["time"].values.astype("datetime64[D]") == DAYS).all()
    stamped = [note for note in grid.attrs["notes"] if note.startswith("stamps")]
    assert stamped == ([] if hour == 0 else [f"stamps at {hour:02d}:00 stand for their calendar day"])


def test_dimensions_in_any_order_and_falling_columns_are_put_right(tmp_path):
    with xr.open_dataset(write_netcdf(tmp_path / "a.nc", VALUES, DAYS), decode_times=False) as data:
        turned = data.isel(projection_x_coordinate=slice(None, None, -1))
        turned.transpose("projection_x_coordinate", "time", "projection_y_coordinate").to_netcdf(
            tmp_path / "b.nc", engine="h5netcdf"
        )
    grid = open_netcdf_grid(tmp_path / "b.nc")
    np.testing.assert_array_equal(grid.values, VALUES)
    np.testing.assert_array_equal(grid[2:7].values, VALUES[2:7])


def test_packed_values_are_unpacked(tmp_path):
    with xr.open_dataset(write_netcdf(tmp_path / "a.nc", VALUES, DAYS), decode_times=False) as data:
        packing = {"dtype": "int16", "scale_factor": 0.01, "add_offset": 100.0, "_FillValue": -32768}
        del data["rainfall"].encoding["_FillValue"]
        data.to_netcdf(tmp_path / "b.nc", engine="h5netcdf", encoding={"rainfall": packing})
    np.testing.assert_allclose(open_netcdf_grid(tmp_path / "b.nc").values, VALUES, atol=0.00501)


def test_one_of_two_variables_must_be_named(tmp_path):
    dims = ("time", "projection_y_coordinate", "projection_x_coordinate")
    path = write_netcdf(tmp_path / "a.nc", VALUES, DAYS, snow=(dims, 2 * VALUES))
    with pytest.raises(DataError, match=r"a\.nc: has 2 variables over three dimensions \(rainfall, snow\).*key variab"):
        open_netcdf_grid(path)
    np.testing.assert_array_equal(open_netcdf_grid(path, "snow").values, 2 * VALUES)
    with pytest.raises(DataError, match=r"a\.nc: has no variable rain over time, y and x, only rainfall, snow"):
        open_netcdf_grid(path, "rain")


@pytest.mark.parametrize(
    ("days", "message"),
    [
        (DAYS[[0, 1, 1, *range(3, 12)]], "2010-01-31 is twice in its time"),
        (DAYS[[0, 2, 1, *range(3, 12)]], "2010-01-31 follows 2010-02-01 in its time"),
        (
            np.append(DAYS[:-1], DAYS[-1:] + np.timedelta64(1, "D")),
            r"2010-02-10 is absent from its time.*allow_absent_days",
        ),
    ],
)
def test_wrong_days_are_named(tmp_path, days, message):
    with pytest.raises(DataError, match=rf"a\.nc: .*{message}"):
        open_netcdf_grid(write_netcdf(tmp_path / "a.nc", VALUES, days))


def test_another_calendar_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"a\.nc: has the calendar 360_day.*set the modality's key align_on to date"):
        open_netcdf_grid(write_netcdf(tmp_path / "a.nc", VALUES, DAYS, calendar="360_day"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda data: data.drop_vars("projection_y_coordinate"),
            "has no coordinate y .*unclear which way its rows run",
        ),
        (lambda data: data.drop_vars("time"), "has no time with units"),
        (
            lambda data: data.assign_coords(projection_y_coordinate=[1.0, 3.0, 2.0, 4.0]).assign_coords(
                projection_y_coordinate=lambda d: d["projection_y_coordinate"].assign_attrs(axis="Y")
            ),
            "its y neither grows nor falls",
        ),
    ],
)
def test_a_grid_whose_directions_cannot_be_told_is_refused(tmp_path, change, message):
    with xr.open_dataset(write_netcdf(tmp_path / "a.nc", VALUES, DAYS), decode_times=False) as data:
        change(data).to_netcdf(tmp_path / "b.nc", engine="h5netcdf")
    with pytest.raises(DataError, match=rf"b\.nc: .*{message}"):
        open_netcdf_grid(tmp_path / "b.nc")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"CDF\x05" + bytes(50), "is netCDF of the kind CDF-5.*nccopy"),
        (b"CDF\x01" + b"\xff" * 50, "is classic netCDF that is damaged"),
        (b"", "is not netCDF-4 or is cut short"),
        (None, "cut sh"),
    ],
)
def test_a_foreign_or_truncated_file_is_named(tmp_path, content, message):
    path = write_netcdf(tmp_path / "a.nc", VALUES, DAYS)
    path.write_bytes(path.read_bytes()[:3000] if content is None else content)
    with pytest.raises(DataError, match=rf"a\.nc: .*{message}"):
        open_netcdf_grid(path)


def test_plain_hdf5_is_refused_without_a_warning(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "p.h5", "w") as file:
        file["data"] = np.zeros((4, 3, 4), np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match="no time with units"):
            open_netcdf_grid(tmp_path / "p.h5")
