"""Files of other models scored, and stores and forecasts written for other tools, from the command line."""

from pathlib import Path

import pandas as pd
import pytest
import xarray as xr

from hydromae.store.store import Store
from hydromae.store.view import open_store
from support.sources import World


def test_a_file_is_scored_in_place_of_a_run(hydromae, prepared: tuple[World, Store], tmp_path: Path) -> None:
    flow = open_store(prepared[1])["riverflow"].load()
    (0.9 * flow).rename("q").assign_attrs(units="m3/s").to_netcdf(tmp_path / "theirs.nc", engine="h5netcdf")
    arguments = ("evaluate", "--predictions", tmp_path / "theirs.nc", "--data", prepared[1].path, "--min-pairs", "20")
    code, out, _ = hydromae(*arguments)
    assert code == 0 and "60 of the 200 days are scored, 2001-05-21 to 2001-07-19" in out
    table = pd.read_csv(tmp_path / "theirs_scores" / "table.csv")
    assert set(table["forcing"]) == {"simulation"} and set(table["model"]) == {"theirs", "climatology"}
    code, _, err = hydromae(*arguments)
    assert code != 0 and "is there already" in err
    assert hydromae(*arguments, "--overwrite")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("evaluate",), "no run is named"),
        (("evaluate", "--predictions", "theirs.nc"), "name --data"),
        (("evaluate", "run", "--predictions", "theirs.nc", "--data", "my.yaml"), "leave RUN"),
        (("evaluate", "run", "--variable", "q"), "name that, too"),
        (("export", "today.nc", "-o", "fews.nc", "--fews", "--names", "riverflow"), "leave --caravan, --names"),
        (("export", "stores/gb", "-o", "gb.nc", "--issue-time", "2012-01-01"), "written with --fews"),
    ],
)
def test_options_that_do_not_go_together_are_refused(hydromae, arguments: tuple[str, ...], said: str) -> None:
    code, _, err = hydromae(*arguments)
    assert code != 0 and said in " ".join(err.split())


def test_a_store_is_written_as_caravan_and_a_forecast_for_fews(
    hydromae, prepared: tuple[World, Store], tmp_path: Path
) -> None:
    code, out, _ = hydromae("export", prepared[1].path, "-o", tmp_path / "caravan", "--caravan", "mine")
    assert code == 0 and "Written" in out
    assert len(list((tmp_path / "caravan" / "timeseries" / "csv" / "mine").iterdir())) == len(prepared[1].station_ids)
    values = xr.DataArray([[[1.0]]], dims=("issue_time", "lead_time", "station"), name="riverflow")
    forecast = values.assign_coords(issue_time=pd.DatetimeIndex(["2012-01-01"]), lead_time=[1], station=["7"])
    forecast.to_netcdf(tmp_path / "today.nc", engine="h5netcdf")
    code, out, _ = hydromae("export", tmp_path / "today.nc", "-o", tmp_path / "fews.nc", "--fews")
    assert code == 0 and "fews.nc" in out
    with xr.open_dataset(tmp_path / "fews.nc", engine="h5netcdf") as data:
        assert data["riverflow"].dims == ("time", "stations")
