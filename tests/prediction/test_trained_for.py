"""A run that is asked for what it was not trained for says so, in a warning and in the file."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import xarray as xr

from hydromae.prediction.predictor import Predictor
from hydromae.prediction.trained_for import beyond_filling, beyond_forecasts, beyond_ungauged, trained_horizon
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.tasks.forecast import forecast
from hydromae.tasks.infill import infill
from hydromae.tasks.ungauged import ungauged
from support.series_run import series_world
from support.sources import FIRST, World
from support.untrained import untrained_run

ISSUE = [FIRST + timedelta(days=150)]
PERIOD = (date(2001, 6, 1), date(2001, 6, 10))
Made = tuple[World, Store]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    world = series_world(tmp_path_factory.mktemp("world"))
    world.raw["model"] = {}
    return world, prepare(world.config())


def run(made: Made, path: Path, days: int = 1, window: int = 28, **masking: Any) -> Path:
    model: dict[str, Any] = {"series_patch_size": 1, "series_patch_days": days}
    if "rolling_forecast" in masking["strategies"]:
        model["rolling"] = ["riverflow"]
    return untrained_run(*made, path, masking=masking, model=model, data={"window": window}).path


@pytest.mark.parametrize(
    ("masking", "days", "window", "expected"),
    [
        ({"strategies": {"random": 1}}, 1, 28, 0),
        ({"strategies": {"random": 1, "forecast": 0}}, 1, 28, 0),
        ({"strategies": {"forecast": 1}, "horizon": 5}, 1, 28, 5),
        ({"strategies": {"forecast": 1, "random": 3}, "horizon": 5}, 7, 28, 7),  # whole tokens
        ({"strategies": {"forecast": 1}, "horizon": 40}, 1, 28, 27),
        ({"strategies": {"forecast": 1}, "horizon": 5}, 7, 7, 0),  # a window of one token has no future
        ({"strategies": {"rolling_forecast": 1}, "horizon": 5}, 7, 28, 7),
        ({"strategies": {"rolling_forecast": 1, "random": 1}, "horizon": 40}, 7, 28, 21),
    ],
)
def test_the_trained_horizon_is_what_the_masks_hide(
    made: Made, tmp_path: Path, masking: dict[str, Any], days: int, window: int, expected: int
) -> None:
    assert trained_horizon(Predictor(run(made, tmp_path / "run", days, window, **masking))) == expected


@pytest.mark.parametrize(
    ("masking", "horizon", "forcing", "message"),
    [
        ({"strategies": {"random": 1}}, 3, "none", "was not trained to forecast"),
        ({"strategies": {"forecast": 1}, "horizon": 3}, 4, "none", "up to 3 days ahead .* but is asked for 4"),
        ({"strategies": {"forecast": 1}, "forcing": 1}, 3, "none", "never trained to forecast without weather"),
        ({"strategies": {"forecast": 1}, "forcing": 0}, 3, "perfect", "never trained to forecast with weather"),
        ({"strategies": {"forecast": 1}, "horizon": 3}, 3, "none", None),
        ({"strategies": {"forecast": 1}, "forcing": 1}, 3, "perfect", None),
    ],
)
def test_a_forecast_beyond_the_training_is_flagged(
    made: Made,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    masking: dict[str, Any],
    horizon: int,
    forcing: str,
    message: str | None,
) -> None:
    path = run(made, tmp_path / "run", **masking)
    forecast(path, ISSUE, tmp_path / "out.nc", horizon=horizon, forcing=forcing)
    forecast(path, ISSUE, tmp_path / "out.csv", horizon=horizon, forcing=forcing)
    with xr.open_dataset(tmp_path / "out.nc", engine="h5netcdf", decode_timedelta=False) as file:
        flag = file.attrs["not_trained_for"]
        assert file.attrs["quantiles"].startswith("none")
    table = pd.read_csv(tmp_path / "out.csv")
    said = [record.getMessage() for record in caplog.records if "trained" in record.getMessage()]
    if message is None:
        assert flag == "nothing" and "not_trained_for" not in table and not said
        return
    assert pd.Series([flag]).str.contains(message).all() and table["not_trained_for"].eq(flag).all()
    assert said[0] == flag


@pytest.mark.parametrize(
    ("masking", "filling", "simulating"),
    [
        ({"strategies": {"forecast": 1}}, True, True),
        ({"strategies": {"gap": 1}}, False, True),
        ({"strategies": {"span": 1}, "targets": {"span": ["evap"]}}, True, True),
        ({"strategies": {"modality": 1}}, True, False),
        ({"strategies": {"modality": 1}, "targets": {"modality": ["evap"]}}, True, True),
        ({"strategies": {"place": 1}}, True, True),  # its windows hold one station, of which place hides some days
        ({"strategies": {"random": 1, "modality": 0}}, False, True),
    ],
)
def test_what_masks_hide_is_what_a_run_is_trained_for(
    made: Made, tmp_path: Path, masking: dict[str, Any], filling: bool, simulating: bool
) -> None:
    predictors = [Predictor(run(made, tmp_path / "run", **masking))]
    assert bool(beyond_filling(predictors, ["riverflow"])) is filling
    assert bool(beyond_ungauged(predictors, "riverflow")) is simulating


def test_place_masks_of_windows_of_several_stations_hide_whole_ones(prepared: Made, tmp_path: Path) -> None:
    model = {"series_patch_size": 1}
    path = untrained_run(*prepared, tmp_path / "run", masking={"strategies": {"place": 1}}, model=model).path
    assert not beyond_ungauged([Predictor(path)], "riverflow")
    path = untrained_run(
        *prepared, tmp_path / "few", masking={"strategies": {"place": 1}, "series_mask_ratio": 0.2}, model=model
    ).path
    assert beyond_ungauged([Predictor(path)], "riverflow")


@pytest.mark.parametrize("suffix", [".nc", ".csv", ".parquet"])
def test_fills_and_simulations_beyond_the_training_are_flagged_in_the_file(
    made: Made, tmp_path: Path, caplog: pytest.LogCaptureFixture, suffix: str
) -> None:
    path = run(made, tmp_path / "run", strategies={"forecast": 1})
    for task, message in ((infill, "was not trained to fill gaps of evap, riverflow"), (ungauged, "ungauged stations")):
        output = tmp_path / f"{task.__name__}{suffix}"
        caplog.clear()
        task(path, output, period=PERIOD).close()  # type: ignore[operator]
        if suffix == ".nc":
            with xr.open_dataset(output, engine="h5netcdf") as file:
                flag = file.attrs["not_trained_for"]
        else:
            table = pd.read_csv(output) if suffix == ".csv" else pd.read_parquet(output)
            flag = table["not_trained_for"].unique().item()
        assert message in flag and flag in caplog.text


def test_of_several_runs_each_says_what_it_was_not_trained_for(made: Made, tmp_path: Path) -> None:
    paths = [
        run(made, tmp_path / "a", strategies={"random": 1}),
        run(made, tmp_path / "b", strategies={"forecast": 1}, horizon=2),
    ]
    found = beyond_forecasts([Predictor(path) for path in paths], 3, "none")
    assert [sentence.split(":")[0] for sentence in found] == [str(path) for path in paths]
