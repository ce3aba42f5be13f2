"""A forecast in the layout that Delft-FEWS imports."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.readers.predictions import open_predictions
from hydromae.results.fews import export_fews


def forecast(members: int = 0) -> xr.Dataset:
    """Two issue times, three leads and two stations."""
    dims, random = ("issue_time", "lead_time", "station"), np.random.default_rng(0)
    flow = random.gamma(2, 5, (2, 3, 2)).astype(np.float32)
    flow[1, 2, 0] = np.nan
    data = xr.Dataset(
        {
            "riverflow": (dims, flow, {"units": "m3/s", "long_name": "river flow"}),
            "riverflow_quantiles": ((*dims, "quantile"), np.stack([0.5 * flow, flow], -1), {"units": "m3/s"}),
        },
        {
            "issue_time": pd.date_range("2012-01-01", periods=2),
            "lead_time": ("lead_time", [1, 2, 3], {"units": "days"}),
            "station": np.array(["01013500", "39001"], dtype=object),
            "quantile": [0.05, 0.5],
            "latitude": ("station", [44.5, 51.4]),
            "longitude": ("station", [-68.5, -0.3]),
        },
    )
    if members:
        every = np.stack([flow + member for member in range(members)], 2)
        data["riverflow_members"] = (("issue_time", "lead_time", "member", "station"), every, {"units": "m3/s"})
    return data


def test_the_last_issue_time_lies_along_time_with_ids_as_characters(tmp_path: Path) -> None:
    given = forecast()
    given.to_netcdf(tmp_path / "forecast.nc", engine="h5netcdf")
    path = export_fews(tmp_path / "forecast.nc", tmp_path / "fews.nc")
    with xr.open_dataset(path, engine="h5netcdf") as data:
        assert data["riverflow"].dims == ("time", "stations")
        np.testing.assert_array_equal(data["time"].values, pd.date_range("2012-01-03", periods=3).values)
        np.testing.assert_array_equal(data["analysis_time"].values, [np.datetime64("2012-01-02")])
        np.testing.assert_array_equal(data["riverflow"].values, given["riverflow"].values[1])
        np.testing.assert_array_equal(data["riverflow_q05"].values, given["riverflow"].values[1] * np.float32(0.5))
        assert "riverflow_q50" in data and data["riverflow"].attrs["units"] == "m3/s"
        assert [text.decode() for text in data["station_id"].values] == ["01013500", "39001"]
        np.testing.assert_array_equal(data["lat"].values, [44.5, 51.4])
    with h5py.File(path) as file:
        assert file["station_id"].dtype == "S1" and file["station_id"].attrs["cf_role"] in (
            b"timeseries_id",
            "timeseries_id",
        )
        assert str(file["time"].attrs["units"]).strip("b'").startswith("minutes since 1970-01-01 00:00:00.0 +0000")
        assert file["riverflow"][2, 0] == np.float32(9.96921e36)


def test_members_are_realizations_and_an_issue_time_and_stations_are_chosen(tmp_path: Path) -> None:
    given = forecast(3)
    path = export_fews(given, tmp_path / "fews.nc", "2012-01-01", ["39001"])
    with xr.open_dataset(path, engine="h5netcdf") as data:
        assert data["riverflow_members"].dims == ("time", "realization", "stations")
        np.testing.assert_array_equal(
            data["riverflow_members"].values[..., 0], given["riverflow_members"].values[0, ..., 1]
        )
        assert data["realization"].values.tolist() == [0, 1, 2] and data["realization"].attrs["units"] == "1"
    read = open_predictions(path, "riverflow_members", [])  # what others write so can be scored, too
    assert read.values.dims == ("time", "station") and read.values["station"].values.tolist() == ["39001"]
    np.testing.assert_allclose(read.values[:, 0], given["riverflow"].values[0, :, 1] + 1, rtol=1e-6)


def test_what_is_no_forecast_or_not_in_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no issue time 2013-01-01; name one from 2012-01-01 to 2012-01-02"):
        export_fews(forecast(), tmp_path / "fews.nc", "2013-01-01")
    with pytest.raises(DataError, match="has no station 7"):
        export_fews(forecast(), tmp_path / "fews.nc", stations="7")
    with pytest.raises(DataError, match="is no forecast"):
        export_fews(forecast().mean("issue_time"), tmp_path / "fews.nc")
    assert not (tmp_path / "fews.nc").exists()
