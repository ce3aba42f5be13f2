"""Forecasts of anybody, labelled alike."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.readers.predictions import open_predictions

ISSUES = pd.date_range("2001-05-01", periods=3)


def flow(dims: tuple[str, ...], *shape: int) -> xr.DataArray:
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    return xr.DataArray(values, dims=dims, name="q", attrs={"units": "m3/s"})


def test_other_names_hours_and_members_become_ours(tmp_path: Path) -> None:
    given = flow(("number", "gauge_id", "step", "init_time"), 2, 2, 2, 3).assign_coords(
        gauge_id=["1", "2"], init_time=ISSUES, step=("step", [24, 48], {"units": "hours"})
    )
    given.to_netcdf(tmp_path / "theirs.nc", engine="h5netcdf")
    read = open_predictions(tmp_path / "theirs.nc", None, ["riverflow"])
    assert read.values.dims == ("issue_time", "lead_time", "station") and read.is_forecast
    assert read.values["lead_time"].values.tolist() == [1, 2] and read.values.attrs["units"] == "m3/s"
    np.testing.assert_array_equal(read.values.values, given.mean("number").transpose("init_time", "step", "gauge_id"))
    assert read.notes == ("q has 2 members, whose mean is scored",)


def test_quantiles_without_a_mean_have_their_median_scored(tmp_path: Path) -> None:
    given = flow(("time", "station", "quantile"), 3, 2, 3).assign_coords(
        time=ISSUES, station=["1", "2"], quantile=[0.1, 0.5, 0.9]
    )
    given.to_netcdf(tmp_path / "spread.nc", engine="h5netcdf")
    read = open_predictions(tmp_path / "spread.nc", "q", [])
    np.testing.assert_array_equal(read.values.values, given.values[..., 1])
    assert read.quantiles is not None and read.quantiles.dims == ("time", "station", "quantile")
    percent = given.assign_coords(quantile=[10, 50, 90])
    percent.to_netcdf(tmp_path / "percent.nc", engine="h5netcdf")
    with pytest.raises(DataError, match="give each once, between 0 and 1"):
        open_predictions(tmp_path / "percent.nc", "q", [])
    given.isel(quantile=[0, 2]).to_netcdf(tmp_path / "spread.nc", engine="h5netcdf")
    with pytest.raises(DataError, match=r"not that of 0\.5, which is scored as the forecast; add it"):
        open_predictions(tmp_path / "spread.nc", "q", [])


def test_tables_say_their_issue_day_by_lead_or_by_date(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"issue_time": ["2001-05-01", "2001-05-02"], "lead_time": [2, 1], "ID": ["007", "007"], "q": [1, 2]}
    )
    frame.to_csv(tmp_path / "lead.csv", index=False)
    dated = frame.drop(columns="lead_time").assign(date="2001-05-03")
    dated.to_parquet(tmp_path / "date.parquet", index=False)
    lead, date = (open_predictions(tmp_path / name, None, []).values for name in ("lead.csv", "date.parquet"))
    xr.testing.assert_identical(lead, date)
    expected = np.array([[np.nan, 1], [2, np.nan]], np.float32)  # [issue_time, lead_time]
    np.testing.assert_array_equal(lead.values[..., 0], expected)
    assert lead["station"].values.tolist() == ["007"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"issue_time": pd.date_range("2001-05-01", periods=3, freq="6h")}, "more than one issue_time on 2001-05-01"),
        (
            {"lead_time": ("lead_time", [6, 30], {"units": "hours"})},
            r"lead_time of 0\.25 days; give one value for each",
        ),
        ({"lead_time": ("lead_time", [1, 2], {"units": "months"})}, "lead_time is in months; give days"),
        ({"lead_time": [1, 1]}, "lead times 1, 1 days; give each once"),
        ({"station": ["7", "07"]}, "7 and 07"),
    ],
)
def test_what_cannot_be_labelled_is_refused(tmp_path: Path, changed: dict[str, object], said: str) -> None:
    coordinates = {"issue_time": ISSUES, "lead_time": [1, 2], "station": ["1", "2"], **changed}
    flow(("issue_time", "lead_time", "station"), 3, 2, 2).assign_coords(coordinates).to_netcdf(
        tmp_path / "wrong.nc", engine="h5netcdf"
    )
    with pytest.raises(DataError, match=said):
        open_predictions(tmp_path / "wrong.nc", None, [])
