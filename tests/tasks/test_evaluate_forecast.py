"""Forecasts beside baselines, on the small world."""

import re
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import ConfigError
from hydromae.baselines.forecast.gr4j import Gr4j
from hydromae.baselines.gr4j_calibration import MEDIAN
from hydromae.evaluation.compare import Comparison
from hydromae.evaluation.overlap import Overlap, overlap_of
from hydromae.metrics import at_valid_times
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.store.view import open_store
from hydromae.tasks.evaluate_forecast import evaluate_forecasts
from hydromae.tasks.forecast_baselines import BaselineChoice, choose_baselines, fit_baselines, forcing_of, regimes_of
from hydromae.tasks.forecast_tables import markdown_tables
from support.baseline_flows import FORCING, make_rivers
from support.series_run import series_world
from support.sources import World

Log = pytest.LogCaptureFixture

LEVELS = [0.1, 0.5, 0.9]


def near_the_truth(store: Store) -> xr.Dataset:
    """A forecast with quantiles: what was observed, with a factor; 1 where nothing was."""
    observed = open_store(store)["riverflow"].load()
    issued, leads = pd.date_range("2001-05-21", "2001-07-15").values, np.array([1, 2, 3])
    blank = xr.DataArray(
        np.zeros((len(issued), 3, 4)),
        {"issue_time": issued, "lead_time": leads, "station": observed["station"].values},
        ("issue_time", "lead_time", "station"),
    )
    truth = at_valid_times(observed, blank).fillna(1.0)
    factors = xr.DataArray([0.7, 0.9, 1.2], {"quantile": LEVELS}, ("quantile",))
    spread = (truth * factors).assign_attrs(units="m3/s")
    return xr.Dataset({"riverflow": (0.95 * truth).assign_attrs(units="m3/s"), "riverflow_quantiles": spread})


def near_without_quantiles(store: Store) -> xr.Dataset:
    """The same as points alone, which are scored in half the time."""
    return near_the_truth(store)[["riverflow"]]


@pytest.fixture(scope="module")
def scored(prepared: tuple[World, Store], tmp_path_factory: pytest.TempPathFactory) -> tuple[Comparison, Path]:
    world, store = prepared
    output = tmp_path_factory.mktemp("scored")
    train = world.config().data.train
    assert train is not None
    made = near_the_truth(store)
    choice = BaselineChoice(("persistence",))
    comparison = evaluate_forecasts({"none": made}, store, train, output, choice, min_pairs=20, resamples=50)["none"]
    return comparison, output


def test_mean_and_median_of_the_model_stand_beside_the_baselines(scored: tuple[Comparison, Path]) -> None:
    comparison, output = scored
    models = [str(name) for name in comparison.scores["model"].values]
    assert models == ["hydromae", "hydromae, median", "persistence"]
    assert comparison.reference == "persistence"
    rmse = comparison.scores["score"].sel(metric="rmse", percentile=50)
    assert (rmse.sel(model="hydromae") < rmse.sel(model="hydromae, median")).all()
    np.testing.assert_allclose(rmse.sel(model="hydromae, median") / rmse.sel(model="hydromae"), 2, rtol=1e-5)
    crps = comparison.scores["score"].sel(metric="crps", percentile=50)
    assert crps.sel(model="hydromae, median").notnull().all() and crps.sel(model="persistence").isnull().all()
    table = pd.read_csv(output / "table.csv")
    assert set(table["model"]) == set(models) and set(table["forcing"]) == {"none"}
    with xr.open_dataset(output / "none_stations.nc", engine="h5netcdf", decode_timedelta=False) as stations:
        assert stations["crps"].sizes == {"lead_time": 3, "station": 4}
        assert stations["model"].values.tolist() == models
        beside = stations["rmse_of_models"].median("station")
        np.testing.assert_allclose(beside, rmse.transpose("model", "lead_time"), rtol=1e-5)


def test_the_page_names_forcing_metric_and_reference(scored: tuple[Comparison, Path]) -> None:
    page = "\n".join(markdown_tables({"none": scored[0]}, "small"))
    assert "**Nash-Sutcliffe efficiency. small; forcing none: no weather after the issue time**" in page
    assert "above or below persistence" in page and "| hydromae, median |" in page
    assert "root mean squared error (m3/s)" in page


@pytest.mark.slow
def test_grids_are_no_forcing_of_the_baselines_and_what_they_lack_is_told(
    prepared: tuple[World, Store], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world, store = prepared
    assert forcing_of(store, ["riverflow"]) == ["evap"]
    train = world.config().data.train
    assert train is not None
    choice = BaselineChoice(("persistence", "climatology"))  # of which summer has none in a training that ends in May
    with caplog.at_level("WARNING", "hydromae"):
        evaluate_forecasts({"none": near_the_truth(store)}, store, train, tmp_path, choice, min_pairs=20, resamples=10)
    assert "no series is rain" not in caplog.text  # neither would read it
    assert re.search(r"climatology, forcing none: lacks [\d.]+ % of its forecasts", caplog.text)
    assert "persistence, forcing none" not in caplog.text


def test_a_baseline_that_would_read_rain_is_told_to_have_none(
    prepared: tuple[World, Store], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world, store = prepared
    train = world.config().data.train
    assert train is not None
    choice = BaselineChoice(("persistence", "recession"))
    with caplog.at_level("WARNING", "hydromae"):
        evaluate_forecasts(
            {"none": near_without_quantiles(store)}, store, train, tmp_path, choice, min_pairs=20, resamples=10
        )
    assert "no series is rain (they are riverflow, evap): recession must do without" in caplog.text


def test_days_declared_wrong_are_neither_scored_nor_seen_by_baselines(tmp_path: Path) -> None:
    """A month of one value, which persistence foresees without fault, counts for nobody."""
    found, choice = [], BaselineChoice(("persistence",))
    june = (date(2001, 5, 25), date(2001, 6, 25))
    for number, value in enumerate((7.0, 4000.0)):
        world = series_world(tmp_path / str(number))
        world.series["riverflow"][144:176] = value
        world.write_series()
        store = prepare(world.config(f"data.store={tmp_path / str(number) / 'store'}"))
        made, train = near_without_quantiles(store), store.periods["train"]
        for days in ((), (june,))[number:]:
            seen, output = store.with_excluded(days), tmp_path / f"{number}_{len(days)}"
            one = evaluate_forecasts({"none": made}, seen, train, output, choice, min_pairs=5, resamples=2)["none"]
            found.append(one.scores["score"].sel(model="persistence", metric=["nse", "rmse", "pairs"], percentile=50))
    silent, declared, other = (one.values for one in found)
    np.testing.assert_array_equal(declared, other)
    assert (silent[2] > declared[2] + 20).all()  # pairs that were scored
    flow = world.series["riverflow"].astype(np.float64)
    flow[144:176] = np.nan
    issues = np.arange(140, 196)
    last = pd.DataFrame(flow).ffill().to_numpy()[issues]
    errors = np.sqrt(np.nanmean((flow[issues + 1] - last) ** 2, axis=0))
    assert declared[1, 0] == pytest.approx(np.median(errors), rel=1e-4)


def test_every_row_of_days_that_were_trained_on_says_so(prepared: tuple[World, Store], tmp_path: Path) -> None:
    store, overlap = prepared[1], Overlap(9, "9 of the 60 scored days were trained on")
    choice = BaselineChoice(("persistence",))
    made = {"none": near_the_truth(store)}
    one = evaluate_forecasts(
        made, store, store.periods["train"], tmp_path, choice, min_pairs=20, resamples=2, overlap=overlap
    )["none"]
    assert [row[0] for row in one.table("nse").rows] == [
        "hydromae [trained on]",
        "hydromae, median [trained on]",
        "persistence [trained on]",
    ]
    assert (pd.read_csv(tmp_path / "table.csv")["days_trained_on"] == 9).all()
    assert (tmp_path / "table.md").read_text().count("9 of the 60 scored days were trained on") == 7
    for name in ("none", "none_scores", "none_stations"):
        with xr.open_dataset(tmp_path / f"{name}.nc", engine="h5netcdf", decode_timedelta=False) as file:
            assert overlap_of(file.attrs) == overlap


def test_tables_without_scores_say_why(prepared: tuple[World, Store], tmp_path: Path, caplog: Log) -> None:
    store, choice = prepared[1], BaselineChoice(("persistence",))
    made = {"none": near_without_quantiles(store)}
    with caplog.at_level("WARNING", "hydromae"):
        evaluate_forecasts(made, store, store.periods["train"], tmp_path, choice, min_pairs=100, resamples=2)
    said = re.search(r"needs 100 observed days .* and the most are (\d+); set --min-pairs (\d+)", caplog.text)
    assert said is not None and said[1] == said[2]
    assert said[0] in (tmp_path / "table.md").read_text()
    caplog.clear()
    with caplog.at_level("WARNING", "hydromae"):  # what was said to be set is enough
        evaluate_forecasts(made, store, store.periods["train"], tmp_path, choice, min_pairs=int(said[1]), resamples=2)
    assert "needs" not in caplog.text or "at lead times" in caplog.text


def test_gr4j_is_calibrated_when_asked_and_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def calibrate(rain, potential, flow, settings, on_progress):
        on_progress(0.5)
        return np.tile(MEDIAN, (flow.shape[1], 1))

    monkeypatch.setattr("hydromae.baselines.forecast.gr4j.calibrate", calibrate)
    told: list[tuple[str, float]] = []
    fitted = fit_baselines(
        BaselineChoice(("gr4j",)),
        make_rivers(),
        "riverflow",
        FORCING,
        (date(2001, 1, 1), date(2003, 12, 31)),
        2,
        on_stage=lambda what, share: told.append((what, share)),
    )
    assert [share for what, share in told if what == "Calibrating GR4J"] == [0.5, 1.0]
    assert isinstance(fitted["gr4j"], Gr4j)
    assert "gr4j" not in choose_baselines().names


def test_the_lstm_learns_the_regimes_that_are_asked_for() -> None:
    assert choose_baselines(["lstm"], ["perfect"]).lstm.regimes == "perfect"
    assert choose_baselines(["lstm"], ["none", "perfect"], steps=7).lstm.regimes == "both"
    assert choose_baselines(["lstm"], steps=7).lstm.steps == 7
    assert regimes_of(["none", "none"]) == ("none",)
    for names in ([], ["none", "hourly"]):
        with pytest.raises(ConfigError):
            regimes_of(names)
