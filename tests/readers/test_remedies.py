"""Each remedy that an error names, followed to the letter, gives the right values."""

import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.config.read import build_config
from hydromae.readers import open_netcdf_grid, open_zarr_grid
from hydromae.sources.cleaning import first_fault, number_text, within_limits
from hydromae.sources.source import Source, open_source
from support.stamped import DAYS, VALUES, grid, held, opened
from support.weather import open_weather_file

HOURS = DAYS[0].astype("datetime64[ns]") + np.arange(72) * np.timedelta64(1, "h")


def _source(root: Path, codes: tuple[float, ...] = (), **settings: Any) -> Source:
    modality = {"kind": "grid", "units": "mm", "paths": "a.nc", **settings}
    config = build_config({"data": {"missing_values": list(codes), "modalities": {"rain": modality}}}).data
    return open_source("rain", config.modalities["rain"], root, config.missing_values)


def _fault(source: Source) -> DataError | None:
    values = source.read(DAYS[0], len(DAYS))
    fault = first_fault(values, source.settings)
    return None if fault is None else source.error(fault, DAYS[fault.index[0]], "here")


def _number_in(error: DataError) -> float:
    said = re.search(r"is (\S+) mm, .*list the value in data\.missing_values", str(error))
    assert said is not None
    return float(said[1])


@pytest.mark.parametrize("code", [-10272.15, -9999 * 25.4, -32768 * 0.0007 + 1e-3, -99999 / 86.4, -9999 - 273.15])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_converted_code_is_printed_so_that_it_matches(tmp_path: Path, code: float, dtype: str) -> None:
    data = grid(DAYS)
    data["rain"] = data["rain"].astype(dtype)
    data["rain"][3, 0, 0] = code
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    error = _fault(_source(tmp_path, minimum=0.0))
    assert error is not None
    mended = _source(tmp_path, (_number_in(error),), minimum=0.0)
    assert _fault(mended) is None
    expected = np.where(np.arange(len(DAYS)) == 3, np.nan, VALUES)
    np.testing.assert_array_equal(held(mended), expected)


def test_numbers_are_printed_in_full_and_no_longer() -> None:
    short = float(np.float32(0.1))
    printed = [number_text(value) for value in (-7.0, float(np.float32(-10272.15)), 0.1, short, 1e-7, 9999.0)]
    assert printed == ["-7", "-10272.15", "0.1", "0.1", "1e-07", "9999"]


@pytest.mark.parametrize("scaling", ["log1p", "log", "sqrt", "standard"])
def test_rain_below_0_by_rounding_is_0(tmp_path: Path, scaling: str) -> None:
    data = grid(DAYS)
    data["rain"][3, 0, 0], data["rain"][4, 0, 0] = -2e-16, 500.0001
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    source = _source(tmp_path, minimum=0.0, maximum=500.0, scaling=scaling)
    assert _fault(source) is None
    assert held(source)[3:6].tolist() == [0, 500, 6]


@pytest.mark.parametrize("scaling", ["log1p", "log", "sqrt"])
def test_a_minimum_below_0_is_a_remedy_whatever_the_scaling(tmp_path: Path, scaling: str) -> None:
    data = grid(DAYS)
    data["rain"][3, 0, 0] = -0.003
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    error = _fault(_source(tmp_path, minimum=0.0, scaling=scaling))
    assert "or change the limits of data.modalities.rain" in str(error)
    mended = _source(tmp_path, minimum=-0.01, scaling=scaling)
    assert _fault(mended) is None and held(mended)[3] == 0
    assert _fault(_source(tmp_path, minimum=-0.001, scaling=scaling)) is not None


def test_what_is_missing_or_well_beyond_a_limit_is_left_as_it_is() -> None:
    settings = build_config({"data": {"modalities": {"precip": {"paths": "a"}}}}).data.modalities["precip"]
    values = np.array([np.nan, -1.0, -1e-5, 501.0, np.inf, 3.0], np.float32)
    kept = values.copy()
    within_limits(values, settings)
    np.testing.assert_array_equal(values, kept)


def test_the_packing_of_a_short_integer_gives_no_rain_below_0(tmp_path: Path) -> None:
    """A dry cell of ERA5's kind: packed with an offset, so that 0 comes back as a little less."""
    values = np.zeros((len(DAYS), 2, 2))
    values[0, 0, 1] = 30.0
    scale = 30.0 / 65534
    data = grid(DAYS)
    data["rain"].values[:] = values
    packed = {"dtype": "int16", "scale_factor": scale, "add_offset": 32767 * scale - 1e-9, "_FillValue": -32768}
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf", encoding={"rain": packed})
    raw = open_netcdf_grid(tmp_path / "a.nc").values
    assert raw.min() < 0
    source = _source(tmp_path, minimum=0.0, scaling="log1p")
    assert _fault(source) is None and held(source).min() == 0


SINGLE = {"height": 2.0, "expver": 1, "ensemble_member": 0, "number": 0}


@pytest.mark.parametrize(
    ("name", "place", "suffix"),
    [
        *(("height", place, suffix) for place in (0, 1, 3) for suffix in (".nc", ".zarr", "classic")),
        *((name, 1, ".nc") for name in SINGLE if name != "height"),
    ],
)
def test_a_dimension_of_one_entry_is_dropped(tmp_path: Path, name: str, place: int, suffix: str) -> None:
    dims = ["time", "y", "x"]
    dims.insert(place, name)
    data = grid(DAYS)
    data["rain"] = data["rain"].expand_dims({name: [SINGLE[name]]}).transpose(*dims)
    if suffix == ".zarr":
        data.to_zarr(tmp_path / "a.zarr", zarr_format=2, consolidated=False)
        found = open_zarr_grid(tmp_path / "a.zarr")
    else:
        data.to_netcdf(tmp_path / "a.nc", engine="scipy" if suffix == "classic" else "h5netcdf")
        found = open_netcdf_grid(tmp_path / "a.nc")
    assert found.dims == ("time", "y", "x") and found.name == "rain"
    np.testing.assert_array_equal(found.values, grid(DAYS)["rain"].values)
    np.testing.assert_array_equal(found[2:5, ::-1, 1].values, grid(DAYS)["rain"].values[2:5, ::-1, 1])


def test_one_day_one_row_or_one_column_is_not_dropped(tmp_path: Path) -> None:
    for part in ({"time": [3]}, {"y": [0]}, {"x": [1]}):
        data = grid(DAYS).isel(part)
        data["rain"] = data["rain"].expand_dims(height=[2.0])
        path = tmp_path / f"{next(iter(part))}.nc"
        data.to_netcdf(path, engine="h5netcdf")
        if "time" in part:
            assert open_netcdf_grid(path).shape == (1, 2, 2)
        else:  # which way a single row runs cannot be told, as before
            with pytest.raises(DataError, match="neither grows nor falls"):
                open_netcdf_grid(path)


def test_chunks_of_a_squeezed_variable_are_those_of_time_y_and_x(tmp_path: Path) -> None:
    data = grid(DAYS)
    data["rain"] = data["rain"].expand_dims(height=[2.0])
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf", encoding={"rain": {"chunksizes": (1, 5, 2, 1)}})
    assert open_netcdf_grid(tmp_path / "a.nc").encoding["chunksizes"] == (5, 2, 1)


@pytest.mark.parametrize("variable", [None, "rain"])
def test_of_several_members_one_is_to_be_written_and_then_is_read(tmp_path: Path, variable: str | None) -> None:
    data = grid(DAYS)
    data["rain"] = xr.concat([data["rain"], data["rain"] + 1], "number")
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with pytest.raises(
        DataError, match=r"rain has the dimensions number \(2\), time \(10\), y \(2\), x \(2\)"
    ) as error:
        open_netcdf_grid(tmp_path / "a.nc", variable)
    with xr.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as whole:
        _advised(str(error.value), r"\.isel\((\w+)=\[0\]\)", "number")
        whole.isel(number=[0]).to_netcdf(tmp_path / "b.nc", engine="h5netcdf")
    np.testing.assert_array_equal(open_netcdf_grid(tmp_path / "b.nc", variable).values, grid(DAYS)["rain"].values)


def _advised(sentence: str, pattern: str, expected: str) -> None:
    said = re.search(pattern, sentence)
    assert said is not None and said[1] == expected


def _hourly_grid() -> xr.Dataset:
    values = np.arange(72.0)[:, None, None] * np.ones((1, 2, 2))
    values[:, 0, 0] = np.nan  # sea
    data = grid(HOURS[:1]).drop_dims("time")
    data["rain"] = (("time", "y", "x"), values, {"units": "mm"})
    return data.assign_coords(time=HOURS)


@pytest.mark.parametrize("how", ["sum", "mean"])
def test_an_hourly_grid_is_made_daily_as_the_error_says(tmp_path: Path, how: str) -> None:
    _hourly_grid().to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with pytest.raises(DataError, match=r"1999-09-28 has 24 maps in its time, at 00:00, 01:00, 02:00") as error:
        open_netcdf_grid(tmp_path / "a.nc")
    _advised(str(error.value), rf"set the modality's key daily to .*\b({how})\b", how)
    found = opened("netcdf", tmp_path, daily=how)
    np.testing.assert_array_equal(found.held, DAYS[:3])
    by_day = np.arange(72.0).reshape(3, 24)
    expected = by_day.sum(1) if how == "sum" else by_day.mean(1)
    values = found.read(DAYS[0], 3)
    np.testing.assert_array_equal(values[:, 1, 1], expected)
    assert np.isnan(values[:, 0, 0]).all()


def test_an_hourly_table_is_made_daily_as_the_error_says(tmp_path: Path) -> None:
    two_hours = HOURS[::2].repeat(2)
    hourly = pd.DataFrame({"date": two_hours, "ID": np.tile([7, 8], 36), "rain": np.arange(72.0)})
    hourly.to_parquet(tmp_path / "a.parquet", index=False)
    message = (
        r"station 7 on 1999-09-28 more than once, at 00:00, 02:00, 04:00, \.\.\.: its values are of every 2 hours, not "
        r"daily; of a table set the modality's key daily to sum"
    )
    with pytest.raises(DataError, match=message):
        opened("parquet", tmp_path)
    source = opened("parquet", tmp_path, daily="sum")
    expected = np.arange(72.0).reshape(3, 12, 2).sum(1)
    np.testing.assert_array_equal(source.read(DAYS[0], 3), expected)


def test_an_hourly_hdf5_grid_is_made_daily_as_the_error_says(tmp_path: Path) -> None:
    hourly = np.arange(72, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"], file["dates"] = hourly, np.array([str(hour)[:16] for hour in HOURS], "S")
    with pytest.raises(DataError, match=r"1999-09-28 has 24 maps in its dates.*hourly, not daily; set the mod"):
        opened("hdf5", tmp_path)
    source = opened("hdf5", tmp_path, daily="sum")
    np.testing.assert_array_equal(held(source)[:3], np.arange(72.0).reshape(3, 24).sum(1))


def _timed(path: Path, time: Any, **attrs: str) -> Path:
    data = grid(DAYS).assign_coords(time=("time", time, attrs))
    data.to_netcdf(path, engine="h5netcdf")
    return path


@pytest.mark.parametrize("calendar", ["all_leap", "julian"])
def test_another_calendar_is_mended_as_the_error_says(tmp_path: Path, calendar: str) -> None:
    path = _timed(tmp_path / "a.nc", np.arange(10.0), units="days since 1999-09-28", calendar=calendar)
    with pytest.raises(DataError, match=rf"has the calendar {calendar}, .*write its time as days since 1970-01-01 in "
                       r"the calendar standard, each the day") as error:  # fmt: skip
        open_netcdf_grid(path)
    assert "install" not in str(error.value) and "cftime" not in str(error.value)
    days = (DAYS - np.datetime64("1970-01-01")).astype(float)
    mended = _timed(tmp_path / "b.nc", days, units="days since 1970-01-01", calendar="standard")
    np.testing.assert_array_equal(open_netcdf_grid(mended)["time"].values.astype("datetime64[D]"), DAYS)


@pytest.mark.parametrize("units", ["months since 1999-09-01", "fortnights since 1999-09-01", "days since never"])
def test_units_without_a_length_are_mended_as_the_error_says(tmp_path: Path, units: str) -> None:
    path = _timed(tmp_path / "a.nc", np.arange(10.0), units=units)
    with pytest.raises(DataError, match="write it in days since 1970-01-01, as CF has it") as error:
        open_netcdf_grid(path)
    assert "install" not in str(error.value)


@pytest.mark.parametrize(
    ("since", "calendar", "first"),
    [
        # The standard calendar is Julian before 1582-10-15. The numbers are cftime's for 1999-09-28.
        ("0001-01-01", "standard", 730026),
        ("1-1-1 00:00:0.0", "gregorian", 730026),
        ("0001-01-01", "proleptic_gregorian", 730024),
        ("1582-10-15", "standard", 152289),
        ("1582-10-04", "standard", 152290),
        ("1600-01-01 00:00:00", "standard", 146002),
        ("1800-1-1", "standard", 72953),
        ("1970-01-01T00:00:00Z", "standard", 10862),
        ("1970-01-01 00:00:00 +00:00", "standard", 10862),
        ("1999-09-28 00:00:00 UTC", "standard", 0),
    ],
)
@pytest.mark.parametrize(
    ("unit", "size"), [("days", 1), pytest.param("hours", 24, marks=pytest.mark.slow), ("seconds", 86400)]
)
def test_days_are_counted_from_any_year_without_another_package(
    tmp_path: Path, since: str, calendar: str, first: int, unit: str, size: int
) -> None:
    time = (first + np.arange(10)) * size
    path = _timed(tmp_path / "a.nc", time, units=f"{unit} since {since}", calendar=calendar)
    np.testing.assert_array_equal(open_netcdf_grid(path)["time"].values.astype("datetime64[D]"), DAYS)


def test_an_offset_of_the_reference_from_utc_counts(tmp_path: Path) -> None:
    path = _timed(tmp_path / "a.nc", np.arange(10), units="days since 1999-09-28 00:00 +01:00")
    found = open_netcdf_grid(path)
    np.testing.assert_array_equal(found["time"].values.astype("datetime64[D]"), DAYS - np.timedelta64(1, "D"))
    assert "stamps at 23:00 stand for their calendar day" in found.attrs["notes"]


def test_a_calendar_in_weather_says_no_word_of_installing(tmp_path: Path) -> None:
    data = xr.Dataset({"evap": (("time", "station"), np.ones((3, 1)), {"units": "mm"})}, {"station": ["7"]})
    data["time"] = ("time", [0, 1, 2], {"units": "days since 1999-01-01", "calendar": "noleap"})
    data.to_netcdf(tmp_path / "w.nc", engine="h5netcdf")
    with pytest.raises(DataError, match=r"w\.nc: has the calendar noleap.*in the calendar standard") as error:
        open_weather_file(tmp_path / "w.nc")
    assert "install" not in str(error.value)
