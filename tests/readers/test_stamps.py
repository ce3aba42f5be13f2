"""A stamp is rounded to the second and stands for its calendar day, in every format."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from hydromae.base.errors import DataError
from hydromae.base.stamps import Clocks, calendar_days, stamp_of, stamps_of_texts
from hydromae.readers import open_table
from hydromae.readers.registered import _with_days
from hydromae.tasks.weather import Weather
from support.stamped import DAYS, FORMATS, VALUES, held, long_table, opened, texts, written
from support.weather import open_weather_file

MIDNIGHTS = DAYS.astype("datetime64[ns]")
EVERY_FORMAT = pytest.mark.parametrize("name", FORMATS)


@EVERY_FORMAT
def test_a_stamp_a_hair_before_midnight_is_of_the_day_that_begins(tmp_path: Path, name: str) -> None:
    written(name, tmp_path, MIDNIGHTS - np.timedelta64(100, "us"))
    source = opened(name, tmp_path)
    np.testing.assert_array_equal(source.held, DAYS)
    np.testing.assert_array_equal(held(source), VALUES)
    assert not any("stamps" in note for note in source.notes)


@EVERY_FORMAT
def test_local_midnights_in_utc_are_noted_and_the_remedy_of_the_note_mends_them(tmp_path: Path, name: str) -> None:
    written(name, tmp_path, MIDNIGHTS - np.timedelta64(1, "h"))
    early = opened(name, tmp_path)
    np.testing.assert_array_equal(early.held, DAYS - np.timedelta64(1, "D"))
    assert early.notes[:2] == (
        "rain: stamps at 23:00 stand for their calendar day",
        "rain: if they are local midnights written in UTC, set shift_days: 1",
    )
    mended = opened(name, tmp_path, shift_days=1)
    np.testing.assert_array_equal(mended.held, DAYS)
    np.testing.assert_array_equal(held(mended), VALUES)


@EVERY_FORMAT
def test_midnights_of_a_clock_with_summer_time_are_refused_and_local_days_are_read(tmp_path: Path, name: str) -> None:
    summer = np.arange(len(DAYS)) < 5
    path = written(name, tmp_path, np.where(summer, MIDNIGHTS - np.timedelta64(1, "h"), MIDNIGHTS))
    with pytest.raises(DataError, match=r"is at 00:00 on some days and at 23:00 on others.*write the local days"):
        opened(name, tmp_path)
    if path.is_dir():
        path.rename(tmp_path / "before")
    written(name, tmp_path, MIDNIGHTS)
    np.testing.assert_array_equal(held(opened(name, tmp_path)), VALUES)


@EVERY_FORMAT
def test_hours_are_said_to_be_hours(tmp_path: Path, name: str) -> None:
    written(name, tmp_path, MIDNIGHTS[0] + np.arange(10) * np.timedelta64(1, "h"))
    with pytest.raises(
        DataError, match=r"at 00:00, 01:00, 02:00, \.\.\.: its values are hourly, not daily; (of a table set|set|write)"
    ):
        opened(name, tmp_path)


@EVERY_FORMAT
def test_a_day_that_is_really_twice_is_not_taken_for_hours(tmp_path: Path, name: str) -> None:
    if name == "months":
        return  # a key cannot be twice in a file
    written(name, tmp_path, np.sort(np.append(MIDNIGHTS[:-1], MIDNIGHTS[4])) + np.timedelta64(9, "h"))
    with pytest.raises(DataError, match=r"twice.*remove one|more than once; keep one row"):
        opened(name, tmp_path)


@pytest.mark.parametrize(("name", "second"), [("camels", "CAMELS_GB_hydromet_timeseries_8_19990928-19991007.csv"),
                                              ("nrfa", "8_gdf.csv"), ("caravan", "lamah_8.nc")])  # fmt: skip
def test_stations_with_midnights_of_different_clocks_are_refused(tmp_path: Path, name: str, second: str) -> None:
    first = written(name, tmp_path, MIDNIGHTS - np.timedelta64(1, "h"))
    first.rename(tmp_path / second)
    if name == "nrfa":
        (tmp_path / second).write_text((tmp_path / second).read_text().replace("station,id,7", "station,id,8"))
    written(name, tmp_path, MIDNIGHTS)
    with pytest.raises(DataError, match="is at 00:00 on some days and at 23:00 on others"):
        opened(name, tmp_path, paths=[FORMATS[name][1], second])


def test_files_of_summer_and_winter_by_different_clocks_are_refused(tmp_path: Path) -> None:
    for name, part, moved in (("summer", MIDNIGHTS[:5], 1), ("winter", MIDNIGHTS[5:], 0)):
        long_table(part - np.timedelta64(moved, "h")).to_parquet(tmp_path / f"{name}.parquet", index=False)
    with pytest.raises(DataError, match=r"summer\.parquet, .*winter\.parquet: its time is at 00:00 on some days"):
        opened("parquet", tmp_path, paths=["summer.parquet", "winter.parquet"])


def test_a_column_with_a_time_zone_is_of_the_days_of_that_zone(tmp_path: Path) -> None:
    """Midnights of London, on both sides of the end of summer time, are those of London's days."""
    days = pd.date_range("1999-10-28", periods=8, tz="Europe/London")
    frame = pd.DataFrame({"date": days, "ID": 7, "rain": np.arange(8.0)})
    frame.to_parquet(tmp_path / "a.parquet", index=False)
    series = open_table(tmp_path / "a.parquet", "rain")
    np.testing.assert_array_equal(series["time"].values.astype("datetime64[D]"), days.tz_localize(None).to_numpy())
    np.testing.assert_array_equal(series.values[:, 0], np.arange(8.0))
    assert series.attrs["notes"] == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1999-09-30 23:59:59.9999", "1999-10-01T00:00:00"),
        ("1999-09-30T23:59:59,5", "1999-10-01T00:00:00"),
        ("1999-09-30 23:59:59.499", "1999-09-30T23:59:59"),
        ("1999-09-30 23:59:59", "1999-09-30T23:59:59"),
        ("1999-12-31T23:59:59.999Z", "2000-01-01T00:00:00"),
        ("1999-09-30 9:15", "1999-09-30T09:15:00"),
        ("1999-09-30 24:00", "1999-09-30T00:00:00"),
        ("1999-09-30T00:00:00+01:00", "1999-09-30T00:00:00"),
        (" 19990930 ", "1999-09-30T00:00:00"),
        ("1999-02-30", None),
        ("1999-9-30", None),
        ("30/09/1999", None),
    ],
)
def test_a_text_is_a_moment_to_the_second_or_none(text: str, expected: str | None) -> None:
    assert stamp_of(text) == (None if expected is None else np.datetime64(expected))


@given(st.integers(-(10**11), 10**11), st.integers(-499_999, 499_999), st.sampled_from(["ns", "us"]))
@settings(max_examples=200, deadline=None)
def test_less_than_half_a_second_never_changes_the_day(second: int, micros: int, unit: str) -> None:
    exact = np.datetime64(second, "s") if unit == "us" else np.datetime64(second // 100, "s")
    near = exact.astype(f"datetime64[{unit}]") + np.timedelta64(micros, "us")
    assert calendar_days(np.array([near]))[0] == exact.astype("datetime64[D]")


def test_many_texts_are_what_each_is() -> None:
    plain = [str(day) for day in DAYS]
    np.testing.assert_array_equal(stamps_of_texts(plain), DAYS.astype("datetime64[s]"))
    mixed = [*plain, "1999-02-30", "x", "", "19991001", *texts(MIDNIGHTS - np.timedelta64(1, "us"), 6)]
    found = stamps_of_texts(mixed)
    np.testing.assert_array_equal(np.isnat(found), [stamp_of(text) is None for text in mixed])
    np.testing.assert_array_equal(found[-10:], DAYS.astype("datetime64[s]"))
    assert np.isnat(stamps_of_texts(["1999-02-30"])).all() and stamps_of_texts([]).shape == (0,)


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        ([0], ()),
        ([540], ("stamps at 09:00 stand for their calendar day",)),
        ([0, 720], ("stamps at 00:00 and 12:00 stand for their calendar day",)),
        ([400, 500, 540, 555], ("stamps from 06:40 to 09:15 stand for their calendar day",)),
        ([1320, 1380], ("stamps at 22:00 and 23:00 stand for their calendar day",
                        "if they are local midnights written in UTC, set shift_days: 1")),
    ],
)  # fmt: skip
def test_times_of_day_are_noted_with_a_remedy_where_they_may_be_midnights(minutes: list[int], said: tuple[str]) -> None:
    assert Clocks(minutes).notes() == said


def _weather(path: Path, stamps: np.ndarray, dim: str = "time", **extra: list[float]) -> Weather:
    leads = {"lead_time": ("lead_time", [1.0, 2.0], {"units": "days"})} if dim == "issue_time" else {}
    dims = (dim, *leads, *extra, "station")
    sizes = {dim: len(stamps), "lead_time": 2, "station": 1}
    values = np.ones([sizes.get(one, 1) for one in dims]) * VALUES[: len(stamps)].reshape(-1, *[1] * (len(dims) - 1))
    made = xr.DataArray(
        values, dims=dims, coords={dim: stamps, **leads, "station": ["7"], **extra}, attrs={"units": "mm"}
    )
    moment = {"units": "days since 1970-01-01", "dtype": "float64"}
    dataset = made.to_dataset(name="evap")
    if path.suffix == ".zarr":
        dataset.to_zarr(path, zarr_format=2, consolidated=False, encoding={dim: moment})
    else:
        dataset.to_netcdf(path, engine="h5netcdf", encoding={dim: moment})
    return open_weather_file(path)


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_weather_a_hair_before_midnight_is_of_the_day_that_begins(tmp_path: Path, suffix: str) -> None:
    weather = _weather(tmp_path / f"w{suffix}", MIDNIGHTS - np.timedelta64(100, "us"))
    assert weather.after("evap", 2, 3)[0, :, 0].tolist() == [4.0, 5.0, 6.0]
    issued = _weather(tmp_path / f"i{suffix}", MIDNIGHTS - np.timedelta64(100, "us"), "issue_time")
    assert issued.after("evap", 2, 2)[0, :, 0].tolist() == [3.0, 3.0]


def test_weather_by_local_midnights_in_utc_is_noted_and_mixed_clocks_are_refused(tmp_path: Path, caplog) -> None:
    with caplog.at_level(logging.WARNING):
        weather = _weather(tmp_path / "w.nc", MIDNIGHTS - np.timedelta64(1, "h"))
    assert weather.after("evap", 2, 3)[0, :, 0].tolist() == [5.0, 6.0, 7.0]
    assert "stamps at 23:00 stand for their calendar day" in caplog.text
    assert "if they are local midnights written in UTC, write the local days as time" in caplog.text
    summer = np.arange(len(DAYS)) < 5
    with pytest.raises(DataError, match=r"m\.nc: its time is at 00:00 on some days and at 23:00 on others"):
        _weather(tmp_path / "m.nc", np.where(summer, MIDNIGHTS - np.timedelta64(1, "h"), MIDNIGHTS))


def test_hourly_weather_is_said_to_be_hourly(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"evap has a time more than once; give one value a day and station, .*hourly"):
        _weather(tmp_path / "w.nc", MIDNIGHTS[0] + np.arange(10) * np.timedelta64(1, "h"))


def test_a_single_member_of_weather_is_taken_as_it_is(tmp_path: Path) -> None:
    weather = _weather(tmp_path / "w.nc", MIDNIGHTS, ensemble_member=[0.0])
    assert weather.after("evap", 2, 3)[0, :, 0].tolist() == [4.0, 5.0, 6.0]


def test_a_reader_of_another_package_is_held_to_the_same_rule() -> None:
    values = xr.DataArray(
        VALUES[:, None],
        dims=("time", "station"),
        coords={"time": MIDNIGHTS - np.timedelta64(1, "ms"), "station": ["7"]},
        attrs={"notes": ("its own",)},
    )
    made = _with_days(Path("a.txt"), values)
    np.testing.assert_array_equal(made["time"].values.astype("datetime64[D]"), DAYS)
    assert made.attrs["notes"] == ("its own",)
    assert len(_with_days(Path("a.txt"), values.assign_coords(time=MIDNIGHTS - np.timedelta64(2, "h"))).notes) == 3
