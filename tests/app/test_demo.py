"""The demo from end to end, and the parts of it that take no training."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.app import demo
from hydromae.metrics.pairs import MIN_PAIRS
from hydromae.sample import SampleSize
from hydromae.sample.sizes import SIZES
from hydromae.tasks.enough_pairs import days_between_issues

Hydromae = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("size", ["tiny", "small", "full"])
def test_every_sample_s_held_out_period_has_issue_times_enough_to_be_scored(size: SampleSize) -> None:
    first, last = SIZES[size].val
    every = days_between_issues((first, last), demo.HORIZON)
    assert 1 <= every <= 5 and ((last - first).days - demo.HORIZON) // every + 1 >= MIN_PAIRS


def test_a_period_too_short_for_that_has_an_issue_time_each_day() -> None:
    assert days_between_issues((date(2004, 1, 1), date(2004, 2, 1)), demo.HORIZON) == 1


def test_the_table_has_every_forecast_once_with_its_regime(tmp_path: Path) -> None:
    values = np.arange(2 * 7 * 3, dtype=np.float32).reshape(2, 7, 3)
    for number, regime in enumerate(("none", "perfect")):
        coords: dict[str, Any] = {
            "issue_time": pd.to_datetime(["2004-01-01", "2004-01-06"]),
            "lead_time": np.arange(1, 8),
            "station": np.array(["0017", "23", "4"], dtype=object),
        }
        made = xr.Dataset({"riverflow": (tuple(coords), values + 100 * number, {"units": "m3/s"})}, coords)
        made.to_netcdf(tmp_path / f"{regime}.nc", engine="h5netcdf")
    demo.write_table({regime: tmp_path / f"{regime}.nc" for regime in ("none", "perfect")}, tmp_path / "forecast.csv")
    table = pd.read_csv(tmp_path / "forecast.csv", dtype={"station": str}, parse_dates=["issue_time"])
    assert len(table) == 2 * values.size and set(table["station"]) == {"0017", "23", "4"}
    row = table.set_index(["forcing", "issue_time", "lead_time", "station"])["riverflow"]
    assert row.is_unique and row["perfect", pd.Timestamp("2004-01-06"), 2, "23"] == 100 + values[1, 1, 1]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> demo.Demo:
    """The whole demo on the tiny sample."""
    done = demo.run_demo(tmp_path_factory.mktemp("demo") / "demo", "tiny")
    assert done is not None
    return done


@pytest.mark.slow
def test_forecasts_open_in_xarray_with_their_dimensions_and_units(tiny: demo.Demo) -> None:
    assert [path.stem for path in tiny.forecasts] == ["none", "perfect"]
    for path in tiny.forecasts:
        with xr.open_dataset(path, engine="h5netcdf") as made:
            assert made["riverflow"].dims == ("issue_time", "lead_time", "station")
            assert made["riverflow_quantiles"].dims == ("issue_time", "lead_time", "station", "quantile")
            units = {name: made[name].attrs["units"] for name in ("riverflow", "riverflow_specific")}
            assert units == {"riverflow": "m3/s", "riverflow_specific": "mm/d"}
            assert all(isinstance(station, str) for station in made["station"].values)
            assert made["lead_time"].values.tolist() == list(range(1, demo.HORIZON + 1))
            valid = made["issue_time"].values[:, None] + made["lead_time"].values.astype("timedelta64[D]")
            assert (made["valid_time"].values == valid).all()
            # Quantiles never cross, and nothing is below 0.
            assert (made["riverflow_quantiles"].diff("quantile") >= 0).all() and float(made["riverflow"].min()) >= 0


@pytest.mark.slow
def test_no_forecast_reaches_past_the_held_out_period(tiny: demo.Demo) -> None:
    first, last = (np.datetime64(day) for day in SIZES["tiny"].val)
    with xr.open_dataset(tiny.forecasts[0], engine="h5netcdf") as made:
        assert made["issue_time"].values.min() >= first and made["valid_time"].values.max() <= last


@pytest.mark.slow
def test_the_spreadsheet_says_what_the_netcdf_says(tiny: demo.Demo) -> None:
    table = pd.read_csv(tiny.table, dtype={"station": str}, parse_dates=["issue_time", "valid_time"])
    rows = table.set_index(["forcing", "issue_time", "lead_time", "station"])
    for path in tiny.forecasts:
        with xr.open_dataset(path, engine="h5netcdf") as made:
            assert len(rows.loc[path.stem]) == made["riverflow"].size
            one = made.isel(issue_time=3, lead_time=4, station=5)
            key = (path.stem, pd.Timestamp(one["issue_time"].values), 5, str(one["station"].values))
            for column, value in (
                ("riverflow", one["riverflow"]),
                ("riverflow_specific", one["riverflow_specific"]),
                ("riverflow_q0.5", one["riverflow_quantiles"].sel(quantile=0.5)),
            ):
                np.testing.assert_allclose(rows.loc[key, column], float(value), rtol=1e-4)


@pytest.mark.slow
def test_the_demo_prints_and_shows_forecasts_beside_the_baselines(hydromae: Hydromae, tiny: demo.Demo) -> None:
    directory = tiny.table.parent
    code, output, _ = hydromae("demo", directory, "--size", "tiny")  # everything but the training is done again
    assert code == 0
    for regime in ("none", "perfect"):
        assert f"forcing {regime}" in output
    assert "persistence" in output and "climatology" in output and "the forecast beats" in output
    page = tiny.page.read_text(encoding="utf-8")
    assert "<h2>Forecasts</h2>" in page and "Hydrograph of station" in page
