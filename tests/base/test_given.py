"""One thing where several are asked for, and days in whatever form: a text is not the row of its letters."""

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import ConfigError
from hydromae.base.given import as_day, as_days, as_names, as_period

DAY = np.datetime64("2004-06-01", "D")


@pytest.mark.parametrize(
    "given",
    [
        "2004-06-01",
        " 2004-06-01 ",
        "2004-06-01T23:59:59",
        date(2004, 6, 1),
        datetime(2004, 6, 1, 23, 59),
        datetime(2004, 6, 1, tzinfo=UTC),
        pd.Timestamp("2004-06-01 12:00", tz="Europe/London"),
        np.datetime64("2004-06-01"),
        np.datetime64("2004-06-01T23:59:59.999999999"),
        np.array("2004-06-01", "datetime64[ns]"),
        np.str_("2004-06-01"),
        xr.DataArray(np.datetime64("2004-06-01T09", "ns")),
        xr.date_range("2004-06-01", periods=1, use_cftime=False)[0],
    ],
)
def test_a_day_is_that_day_in_every_form(given: Any) -> None:
    found = as_day(given)
    assert found == DAY and found.dtype == DAY.dtype


@pytest.mark.parametrize(
    "given",
    [
        *("2004-6-1", "01/06/2004", "2004-06", "20040601", "2004-02-30", "yesterday", ""),
        *(
            20040601,
            2004.5,
            None,
            pd.NaT,
            np.datetime64("NaT", "D"),
            np.datetime64("2004-06"),
            np.datetime64("2004", "Y"),
        ),
    ],
)
def test_what_is_no_day_or_may_be_several_is_refused(given: Any) -> None:
    with pytest.raises(ConfigError, match=r"^the issue time .* is no day; write it as YYYY-MM-DD"):
        as_day(given, "issue time")


@pytest.mark.parametrize(
    "given",
    [
        ["2004-06-01", date(2004, 6, 2)],
        (day for day in ("2004-06-01", "2004-06-02")),
        np.array(["2004-06-01", "2004-06-02"], "datetime64[ns]"),
        np.array(["2004-06-01", "2004-06-02"]),
        pd.date_range("2004-06-01", periods=2),
        pd.Series(pd.date_range("2004-06-01", periods=2)),
        xr.DataArray(pd.date_range("2004-06-01", periods=2), dims="time"),
    ],
)
def test_several_days_keep_their_order(given: Any) -> None:
    assert as_days(given) == [DAY, DAY + np.timedelta64(1, "D")]


def test_one_day_is_a_list_of_one() -> None:
    for one in ("2004-06-01", date(2004, 6, 1), DAY, pd.Timestamp("2004-06-01"), xr.DataArray(DAY.astype("M8[ns]"))):
        assert as_days(one) == [DAY]
    assert as_days(None) is None


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("39001", ["39001"]),
        (["39001", "9002"], ["39001", "9002"]),
        (39001, ["39001"]),
        (np.int64(39001), ["39001"]),
        (39001.0, ["39001"]),
        ([39001, np.float64(9002.0)], ["39001", "9002"]),
        (np.array([39001, 9002]), ["39001", "9002"]),
        (pd.Index(["39001", "9002"]), ["39001", "9002"]),
        (xr.DataArray(["39001", "9002"], dims="station"), ["39001", "9002"]),
        (b"39001", ["39001"]),
        (np.str_("39001"), ["39001"]),
        ([], []),
        (None, None),
    ],
)
def test_names_are_text_of_one_or_several(given: Any, names: list[str] | None) -> None:
    assert as_names(given) == names


def test_a_period_is_two_days() -> None:
    assert as_period(("2004-06-01", np.datetime64("2004-06-02"))) == (date(2004, 6, 1), date(2004, 6, 2))
    assert as_period(np.array(["2004-06-01", "2004-06-02"], "M8[D]")) == (date(2004, 6, 1), date(2004, 6, 2))
    assert as_period(None) is None
    for wrong in ("2004-06-01", ["2004-06-01"], ("2004-06-01", "2004-06-02", "2004-06-03")):
        with pytest.raises(ConfigError, match="give its first and its last day"):
            as_period(wrong)
