"""Calendars without all real days, by an explicit rule; the expected days are counted by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.config import ModalityConfig
from hydromae.sources.source import open_source


def _source(root: Path, days: Any, units: str, said: str | None, **settings: Any):
    attrs = {"units": units} | ({} if said is None else {"calendar": said})
    values = np.arange(len(days), dtype=float)[:, None, None] * np.ones((1, 2, 2))
    coords = {"time": ("time", np.asarray(days), attrs), "y": [2.0, 1.0], "x": [1.0, 2.0]}
    data = xr.Dataset({"rain": (("time", "y", "x"), values, {"units": "mm"})}, coords)
    path = root / f"{said}_{len(settings)}.nc"
    data.to_netcdf(path, engine="h5netcdf")
    return open_source("rain", ModalityConfig(kind="grid", units="mm", paths=path.name, **settings), root, ())


def _dates(source):
    return [str(day) for day in source.held]


def test_noleap_keeps_dates_and_lacks_29_february(tmp_path):
    # Day 58 of 2000 is 28 February (31 + 28 - 1); the next is 1 March.
    source = _source(tmp_path, [57.5, 58.5, 59.5, 60.5], "days since 2000-01-01", "noleap", align_on="date")
    assert _dates(source) == ["2000-02-27", "2000-02-28", "2000-03-01", "2000-03-02"]
    values = source.read(np.datetime64("2000-02-28"), 3)[:, 0, 0]
    np.testing.assert_array_equal(values, [1, np.nan, 2])
    assert source.notes[0] == (
        "rain: days of the calendar noleap keep their dates, as align_on says; days that it lacks are missing"
    )


def test_noleap_counts_years_of_365_days(tmp_path):
    source = _source(tmp_path, [365 * 100, 365 * 100 + 1], "days since 1900-01-01", "365_day", align_on="date")
    assert _dates(source) == ["2000-01-01", "2000-01-02"]


def test_360_day_keeps_dates_leaves_30_february_out_and_lacks_the_31st(tmp_path):
    # 28, 29 and 30 February 2001, then 1 March; day 89 is 30 March, the next 1 April.
    source = _source(tmp_path, np.arange(57, 91), "days since 2001-01-01", "360_day", align_on="date")
    assert _dates(source)[:3] == ["2001-02-28", "2001-03-01", "2001-03-02"]
    assert _dates(source)[-2:] == ["2001-03-30", "2001-04-01"]
    values = source.read(np.datetime64("2001-02-28"), 33)[:, 0, 0]
    assert values[:2].tolist() == [0, 3] and np.isnan(values[31]) and values[32] == 33


def test_360_day_by_place_in_the_year_spreads_what_it_lacks(tmp_path):
    source = _source(tmp_path, np.arange(360), "days since 2001-01-01", "360_day", align_on="year")
    dates = _dates(source)
    # Day n of 360 is day round(n * 365 / 360) of 365: 36 stays 36 (36.5 to the even), 37 becomes 38.
    assert dates[0] == "2001-01-01" and dates[35] == "2001-02-05" and dates[36] == "2001-02-07"
    assert dates[-1] == "2001-12-31" and len(set(dates)) == 360


def test_a_day_that_a_file_of_another_calendar_lacks_is_an_error(tmp_path):
    with pytest.raises(DataError, match="lacks days of its calendar in its time after entry 1"):
        _source(tmp_path, [0, 1, 3], "days since 2001-01-01", "noleap", align_on="date")


def test_hours_of_noleap_become_days(tmp_path):
    source = _source(tmp_path, np.arange(58, 61, 0.25), "days since 2000-01-01", "noleap", align_on="date", daily="sum")
    assert _dates(source) == ["2000-02-28", "2000-03-01", "2000-03-02"]
    assert source.read(np.datetime64("2000-02-28"), 3)[:, 0, 0].tolist()[::2] == [0 + 1 + 2 + 3, 4 + 5 + 6 + 7]


def test_days_since_the_year_1_are_those_of_the_calendar_that_is_named(tmp_path):
    # From 0001-01-01 to 1970-01-01 there are 719162 days in the proleptic Gregorian calendar, and two more in the
    # standard one, whose days before 15 October 1582 are Julian.
    units = "days since 1-1-1 00:00:0.0"
    assert _dates(_source(tmp_path, [719162, 719163], units, "proleptic_gregorian"))[0] == "1970-01-01"
    standard = _source(tmp_path, [719164, 719165], units, "standard")
    assert _dates(standard)[0] == "1970-01-01" and not standard.notes


def test_days_since_the_year_1_without_a_calendar_are_standard_and_a_note_says_what_to_do(tmp_path):
    units = "days since 1-1-1"
    source = _source(tmp_path, [719162, 719163], units, None)
    assert _dates(source)[0] == "1969-12-30"
    assert "if its days are two days early, set calendar: proleptic_gregorian" in source.notes[0]
    mended = _source(tmp_path, [719162, 719163], units, None, calendar="proleptic_gregorian")
    assert _dates(mended)[0] == "1970-01-01" and not mended.notes


def test_bounds_are_counted_in_the_calendar_that_the_settings_name(tmp_path):
    data = xr.Dataset(
        {"rain": (("time", "y", "x"), np.arange(8.0)[:, None, None] * np.ones((1, 2, 2)), {"units": "mm"})},
        {
            "time": ("time", 719162 + np.arange(0.25, 2.25, 0.25), {"units": "days since 1-1-1", "bounds": "span"}),
            "y": [2.0, 1.0],
            "x": [1.0, 2.0],
        },
    )
    data["span"] = (("time", "side"), np.stack([data["time"].values - 0.25, data["time"].values], 1))
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    settings = {"calendar": "proleptic_gregorian", "daily": "sum"}
    source = open_source("rain", ModalityConfig(kind="grid", units="mm", paths="a.nc", **settings), tmp_path, ())
    assert _dates(source) == ["1970-01-01", "1970-01-02"]
    assert source.read(np.datetime64("1970-01-01"), 2)[:, 0, 0].tolist() == [0 + 1 + 2 + 3, 4 + 5 + 6 + 7]


def test_a_calendar_without_a_rule_is_refused_with_the_key(tmp_path):
    with pytest.raises(DataError, match=r"calendar noleap.*set the modality's key align_on to date or year"):
        _source(tmp_path, [0, 1], "days since 2001-01-01", "noleap")
