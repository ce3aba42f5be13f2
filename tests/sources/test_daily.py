"""Values of less than a day become days by the rule of the settings."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from pydantic import ValidationError

from hydromae.base.errors import DataError
from hydromae.config import ModalityConfig
from hydromae.sources.joined import open_modality
from hydromae.sources.source import Source, open_source

DAY = np.datetime64("2010-03-01")
HOUR = np.timedelta64(1, "h")


def _hours(first: str, count: int, step: int = 1) -> np.ndarray:
    return np.datetime64(first, "s") + np.arange(count) * step * HOUR


def _write(path: Path, stamps: np.ndarray, values: Any, units: str = "mm", **extra: Any) -> Path:
    """Hourly maps of two cells, of which the second holds ten times the first."""
    cells = np.asarray(values, float)[:, None, None] * [[1.0], [10.0]]
    seconds = (stamps - np.datetime64("2010-01-01", "s")).astype(np.int64)
    data = xr.Dataset(
        {"rain": (("time", "y", "x"), np.repeat(cells, 2, 2), {"units": units})},
        {"time": ("time", seconds, {"units": "seconds since 2010-01-01"}), "y": [2.0, 1.0], "x": [1.0, 2.0]},
    )
    data = data.assign(extra)
    if "bounds" in extra:
        data["time"].attrs["bounds"] = "bounds"
    data.to_netcdf(path, engine="h5netcdf")
    return path


def _opened(root: Path, *paths: str, codes: tuple[float, ...] = (), **settings: Any) -> Source:
    given = {"kind": "grid", "units": "mm", "paths": paths or ("a.nc",), **settings}
    return open_source("rain", ModalityConfig(**given), root, codes)


def _first_cell(source: Source, first: str = "2010-03-01", count: int = 2) -> list[float]:
    values = source.read(np.datetime64(first), count)
    np.testing.assert_allclose(values[:, 1], values[:, 0] * 10, rtol=1e-6)
    return values[:, 0, 0].tolist()


@pytest.mark.parametrize(
    ("how", "expected"),
    [("sum", [0 + 1 + 2 + 3, 4 + 5 + 6 + 7]), ("mean", [1.5, 5.5]), ("max", [3, 7]), ("min", [0, 4])],
)
def test_each_rule_gives_what_is_computed_by_hand(tmp_path, how, expected):
    _write(tmp_path / "a.nc", _hours("2010-03-01", 8, step=6), np.arange(8))
    source = _opened(tmp_path, daily=how)
    assert _first_cell(source) == expected
    assert source.held.tolist() == [DAY, DAY + 1]
    assert source.notes == (f"rain: 6-hourly values become daily by {how}; a value covers 00:00 to 24:00",)


def test_a_day_from_9_is_dated_by_its_beginning_and_reaches_into_the_next_file(tmp_path):
    hours = _hours("2010-03-01", 72)
    _write(tmp_path / "a.nc", hours[:30], np.arange(30))
    _write(tmp_path / "b.nc", hours[30:], np.arange(30, 72))
    source = _opened(tmp_path, "a.nc", "b.nc", daily="sum", day_start=9)
    # 9 + ... + 32 of 1 March, in both files, and 33 + ... + 56 of 2 March; the rest is no whole day.
    assert _first_cell(source, "2010-02-28", 5)[1:3] == [sum(range(9, 33)), sum(range(33, 57))]
    assert np.isnan([_first_cell(source, "2010-02-28", 5)[i] for i in (0, 3, 4)]).all()
    assert source.held.tolist() == [DAY, DAY + 1] and len(source.pieces) == 2
    assert "a value covers 09:00 to 09:00 of the next day" in source.notes[0]


@pytest.mark.parametrize(("stamped", "first"), [("begin", 0), ("end", 1), ("middle", 0.5)])
def test_a_stamp_is_what_the_settings_say(tmp_path, stamped, first):
    stamps = np.datetime64("2010-03-01", "s") + (np.arange(48) * 3600 + int(first * 3600)).astype("timedelta64[s]")
    _write(tmp_path / "a.nc", stamps, np.arange(48))
    assert _first_cell(_opened(tmp_path, daily="sum", stamped=stamped)) == [sum(range(24)), sum(range(24, 48))]


def test_bounds_of_time_say_what_a_stamp_is(tmp_path):
    stamps = _hours("2010-03-01 01:00", 48)
    seconds = (stamps - np.datetime64("2010-01-01", "s")).astype(np.int64)
    bounds = (("time", "side"), np.stack([seconds - 3600, seconds], 1))
    _write(tmp_path / "a.nc", stamps, np.arange(48), bounds=bounds)
    assert _first_cell(_opened(tmp_path, daily="sum")) == [sum(range(24)), sum(range(24, 48))]


def test_a_day_that_lacks_an_hour_is_missing(tmp_path):
    hours = _hours("2010-03-01", 96)
    kept = np.delete(np.arange(96), 30)
    values = kept.astype(float)
    values[kept == 60] = -999  # of 3 March
    _write(tmp_path / "a.nc", hours[kept], values)
    source = _opened(tmp_path, daily="max", codes=(-999.0, -9990.0))
    found = source.read(DAY, 4)[:, 0, 0]
    np.testing.assert_array_equal(found, [23, np.nan, np.nan, 95])
    assert source.notes[1] == "rain: 1 day lacks some values of less than a day: missing"


def test_a_lazy_slice_is_the_slice_of_all(tmp_path):
    _write(tmp_path / "a.nc", _hours("2010-03-01", 24 * 9), np.arange(24 * 9))
    values = _opened(tmp_path, daily="mean").pieces[0].values
    whole = values.values
    np.testing.assert_array_equal(values[2:7:2, :, 1].values, whole[2:7:2, :, 1])
    np.testing.assert_array_equal(values[4].values, whole[4])
    np.testing.assert_array_equal(whole[:, 0, 0], np.arange(24 * 9).reshape(9, 24).mean(1))


def test_a_table_of_hours_is_summed_station_by_station(tmp_path):
    hours = _hours("2010-03-01", 48)
    table = pd.DataFrame({"date": hours.repeat(2), "ID": np.tile(["a", "b"], 48), "rain": np.arange(96.0)})
    table[(table["ID"] != "b") | (table["date"] != hours[30])].sample(frac=1, random_state=0).to_csv(
        tmp_path / "a.csv", index=False
    )
    source = _opened(tmp_path, "a.csv", kind="series", daily="sum", variable="rain")
    expected = np.arange(96.0).reshape(2, 24, 2).sum(1)
    expected[1, 1] = np.nan
    np.testing.assert_array_equal(source.read(DAY, 2), expected)


def test_two_tables_that_follow_each_other_share_a_day_from_9(tmp_path):
    hours = _hours("2010-03-01", 72)
    for name, part in (("a", slice(0, 30)), ("b", slice(30, 72))):
        table = pd.DataFrame({"date": hours[part], "ID": "7", "rain": np.arange(72.0)[part]})
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    source = _opened(tmp_path, "a.csv", "b.csv", kind="series", daily="sum", day_start=9, variable="rain")
    np.testing.assert_array_equal(source.read(DAY, 2)[:, 0], [sum(range(9, 33)), sum(range(33, 57))])


def test_one_source_may_be_hourly_and_another_daily(tmp_path):
    days = pd.DataFrame({"date": ["2010-03-01", "2010-03-02", "2010-03-03"], "ID": "7", "flow": [1.0, 2.0, 3.0]})
    days.iloc[[0, 2]].to_csv(tmp_path / "days.csv", index=False)
    hours = pd.DataFrame({"date": _hours("2010-03-01", 48), "ID": "7", "flow": np.arange(48.0)})
    hours.to_csv(tmp_path / "hours.csv", index=False)
    sources = {"archive": {"paths": "days.csv"}, "live": {"paths": "hours.csv", "daily": "mean"}}
    settings = ModalityConfig(kind="series", units="m3/s", variable="flow", sources=sources)
    source = open_modality("flow", settings, tmp_path, ())
    assert source.read(DAY, 3)[:, 0].tolist() == [1, np.mean(range(24, 48)), 3]


@pytest.mark.parametrize(
    ("units", "settings", "message"),
    [
        ("kg m-2 s-1", {"daily": "sum", "units": "mm/d", "convert_from": "kg m-2 s-1"}, "a rate or a state"),
        ("K", {"daily": "sum", "units": "degC", "convert_from": "K"}, "a rate or a state"),
        ("mm", {"daily": "mean", "units": "mm/d"}, "an amount, whose mean over a day is not in mm/d.*daily to sum"),
    ],
)
def test_a_rule_that_makes_no_daily_value_of_the_unit_is_refused(tmp_path, units, settings, message):
    _write(tmp_path / "a.nc", _hours("2010-03-01", 48), np.arange(48), units)
    with pytest.raises(DataError, match=message):
        _opened(tmp_path, **settings)


@pytest.mark.parametrize(
    ("units", "convert_from", "how", "factor"),
    [("m", "m", "sum", 24 * 1000), ("kg m-2 s-1", "kg m-2 s-1", "mean", 86400), ("mm/h", "mm/h", "mean", 24)],
)
def test_units_are_converted_after_the_rule(tmp_path, units, convert_from, how, factor):
    _write(tmp_path / "a.nc", _hours("2010-03-01", 24), np.full(24, 0.5), units)
    source = _opened(tmp_path, daily=how, units="mm/d", convert_from=convert_from)
    assert _first_cell(source, count=1) == pytest.approx([0.5 * factor])


def test_what_cannot_be_is_named_before_it_is_hidden_in_a_sum(tmp_path):
    values = np.ones(24)
    values[5] = -0.5
    _write(tmp_path / "a.nc", _hours("2010-03-01", 24), values)
    with pytest.raises(DataError, match=r"a\.nc: rain at 2010-03-01 05:00:00 is -0\.5, below the smallest"):
        _opened(tmp_path, daily="sum", minimum=0.0).read(DAY, 1)
    values[5] = -1e-9
    _write(tmp_path / "a.nc", _hours("2010-03-01", 24), values)
    assert _first_cell(_opened(tmp_path, daily="sum", minimum=0.0), count=1) == [23]


@pytest.mark.parametrize(
    ("stamps", "settings", "message"),
    [
        (_hours("2010-03-01", 4, 24), {}, r"holds one value a day or less; leave data\.modalities\.rain\.daily out"),
        (_hours("2010-03-01", 20, 5), {}, "come every 5 hours, which make up no day"),
        (_hours("2010-03-01 00:30", 48), {}, r"begins at 2010-03-01 00:30:00.*set data\.modalities\.rain\.stamped"),
        (_hours("2010-03-01 03:00", 20), {}, "holds no whole day of 24 values"),
        (_hours("2010-03-01", 48)[::-1], {}, "follows 2010-03-02T23:00:00 in its time; sort"),
        (np.delete(_hours("2010-03-01", 96), np.arange(24, 48)), {}, "2010-03-02 is absent"),
    ],
)
def test_steps_that_make_up_no_days_are_refused(tmp_path, stamps, settings, message):
    _write(tmp_path / "a.nc", stamps, np.arange(len(stamps)))
    with pytest.raises(DataError, match=message):
        _opened(tmp_path, daily="sum", **settings)


def test_a_rule_of_days_without_daily_is_refused():
    with pytest.raises(ValidationError, match="day_start is for values of less than a day; set daily"):
        ModalityConfig(kind="grid", units="mm", day_start=9)
