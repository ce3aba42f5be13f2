"""Forecasts of anybody, scored as those of a run."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import ConfigError, DataError
from hydromae.runs.directory import RunDirectory
from hydromae.store.store import Store
from hydromae.store.view import open_store
from hydromae.tasks.evaluate_forecast import evaluate_forecast
from hydromae.tasks.evaluate_predictions import PredictionScores, evaluate_predictions
from hydromae.tasks.forecast_baselines import BaselineChoice
from support.sources import World

PERSISTENCE, NONE = BaselineChoice(("persistence",)), BaselineChoice(())


def simulated(store: Store, factor: float = 0.9) -> xr.DataArray:
    """What was observed, times a factor; 1 where nothing was."""
    return (open_store(store)["riverflow"].load() * factor).fillna(1.0).assign_attrs(units="m3/s")


def forecast_frame(store: Store, last: str = "2001-07-10") -> pd.DataFrame:
    """Rows of forecasts that are the observations of the day, times 0.9, at leads 1 and 2."""
    flow = simulated(store).to_pandas()
    rows = [
        (issue, lead, station, flow.loc[issue + pd.Timedelta(days=lead), station])
        for issue in pd.date_range("2001-05-25", last)
        for lead in (1, 2)
        for station in flow.columns
    ]
    return pd.DataFrame(rows, columns=["issue_time", "lead_time", "station", "flow"])


def medians(done: PredictionScores, metric: str = "rmse") -> np.ndarray:
    (comparison,) = done.comparisons.values()
    model = str(comparison.scores["model"].values[0])
    return comparison.scores["score"].sel(model=model, metric=metric, percentile=50).values


def test_a_run_s_own_forecast_has_the_scores_that_evaluating_the_run_gives(
    run: RunDirectory, prepared: tuple[World, Store], tmp_path: Path
) -> None:
    scored = evaluate_forecast(
        run.path,
        tmp_path / "run",
        split="val",
        every=1,
        horizon=2,
        forcing=["perfect"],
        baselines=PERSISTENCE,
        min_pairs=5,
    )
    done = evaluate_predictions(
        tmp_path / "run" / "perfect.nc", prepared[1], tmp_path / "file", baselines=PERSISTENCE, min_pairs=5
    )
    assert list(done.comparisons) == ["perfect"]  # as the file says
    theirs, own = (scores["perfect"].scores.drop_attrs() for scores in (done.comparisons, scored))
    xr.testing.assert_identical(theirs, own.drop_vars("valid_time", errors="ignore"))
    assert (tmp_path / "run" / "table.csv").read_text() == (tmp_path / "file" / "table.csv").read_text()


def test_a_table_of_another_model_is_scored_under_its_name_and_says_what_is_scored(
    prepared: tuple[World, Store], tmp_path: Path
) -> None:
    store = prepared[1]
    frame = forecast_frame(store)
    extra = frame[frame["station"] == store.station_ids[0]].assign(station="9999")
    early = frame[frame["issue_time"] == "2001-05-25"].assign(issue_time=pd.Timestamp("2001-05-10"))
    path = tmp_path / "theirs.csv"
    pd.concat([frame, extra, early]).rename(columns={"flow": "flow [m3/s]"}).to_csv(path, index=False)
    done = evaluate_predictions(path, store, baselines=PERSISTENCE, min_pairs=20)
    assert done.output == tmp_path / "theirs_scores"
    flow = open_store(store)["riverflow"].load().sel(time=slice("2001-05-26", "2001-07-11")).values
    expected = np.median(np.sqrt(np.nanmean((0.1 * flow[:47]) ** 2, axis=0)))
    assert medians(done)[0] == pytest.approx(expected, rel=1e-4)
    assert done.tables[0].rows[0][0] == "theirs"
    assert "Beside baselines without any weather after the issue time, theirs is ahead of persistence" in done.verdict
    assert "to do better" not in done.verdict
    page = (done.output / "table.md").read_text()
    for said in (
        "47 of the 48 issue times are scored, 2001-05-25 to 2001-07-10, lead times 1 to 2 days",
        "1 issue times are not scored, since they are outside of the data",
        "not in the data, so not scored: station 9999",
        "4 of the 5 stations",
        "was trained is not checked here",
    ):
        assert said in page, said


def test_flow_over_the_catchment_and_other_units_are_converted(prepared: tuple[World, Store], tmp_path: Path) -> None:
    store = prepared[1]
    assert store.areas is not None
    flow = simulated(store)
    specific = (flow * 86.4 / xr.DataArray(store.areas, dims="station")).assign_attrs(units="mm/d")
    litres = (1000 * flow).assign_attrs(units="L/s")
    done = []
    for name, values in (("m3", flow), ("mm", specific), ("litres", litres)):
        values.rename("q").to_netcdf(tmp_path / f"{name}.nc", engine="h5netcdf")
        done.append(evaluate_predictions(tmp_path / f"{name}.nc", store, baselines=NONE, min_pairs=20))
    np.testing.assert_allclose(medians(done[1]), medians(done[0]), rtol=1e-4)
    np.testing.assert_allclose(medians(done[2]), medians(done[0]), rtol=1e-4)
    assert any("converted from mm/d to m3/s by the areas of the data" in note for note in done[1].notes)


def test_a_simulation_stands_beside_climatology_only_and_days_of_the_training_are_left_out(
    prepared: tuple[World, Store], tmp_path: Path
) -> None:
    store = prepared[1]
    simulated(store).rename("q").to_netcdf(tmp_path / "sim.nc", engine="h5netcdf")
    done = evaluate_predictions(
        tmp_path / "sim.nc", store, baselines=BaselineChoice(("climatology", "ridge")), min_pairs=20
    )
    (comparison,) = done.comparisons.values()
    assert comparison.scores["model"].values.tolist() == ["sim", "climatology"]
    observed = open_store(store)["riverflow"].load().sel(time=slice("2001-05-21", None))
    known = open_store(store)["riverflow"].load().sel(time=slice(None, "2001-05-20"))
    usual = known.sel(time=slice("2001-05-05", None))  # what climatology knows of the season, some days of it
    assert usual.size and comparison.scores["score"].dims[0] == "model"
    if np.isfinite(medians(done)).all():
        assert (medians(done) < np.sqrt((observed**2).mean())).all()
    assert any("ridge start from flow of the day before" in note for note in done.notes)
    assert any("200 days are scored" in note or "60 of the 200 days" in note for note in done.notes)


def test_results_of_neuralhydrology_are_taken_as_xarray_writes_them(
    prepared: tuple[World, Store], tmp_path: Path
) -> None:
    store = prepared[1]
    flow = simulated(store)
    ours = flow.rename(station="basin", time="date").expand_dims("time_step", axis=2).assign_coords(time_step=[0])
    twice = xr.concat([0 * ours.assign_coords(time_step=[-1]), ours], "time_step")
    results = xr.Dataset({"Q(m3/s)_obs": twice, "Q(m3/s)_sim": twice}).drop_attrs()
    results.rename({name: str(name).replace("/", "_") for name in results}).to_netcdf(
        tmp_path / "nh.nc", engine="h5netcdf"
    )
    flow.rename("q").to_netcdf(tmp_path / "q.nc", engine="h5netcdf")
    theirs, own = (evaluate_predictions(tmp_path / n, store, baselines=NONE, min_pairs=20) for n in ("nh.nc", "q.nc"))
    np.testing.assert_array_equal(medians(theirs), medians(own))
    assert any("2 values of a day (time_step), of which the last is taken" in note for note in theirs.notes)


def test_quantiles_of_a_table_are_scored_as_those_of_a_forecast(prepared: tuple[World, Store], tmp_path: Path) -> None:
    frame = forecast_frame(prepared[1])
    for level, factor in ((0.1, 0.7), (0.5, 1.0), (0.9, 1.3)):
        frame[f"flow_q{level}"] = factor * frame["flow"]
    hours = frame.assign(lead_time=24 * frame["lead_time"]).rename(columns={"lead_time": "lead_time [hours]"})
    hours.to_csv(tmp_path / "spread.csv", index=False)
    done = evaluate_predictions(tmp_path / "spread.csv", prepared[1], baselines=NONE, min_pairs=20)
    scores = done.comparisons["none"].scores
    assert scores["model"].values.tolist() == ["spread", "spread, median"]
    assert scores["lead_time"].values.tolist() == [1, 2]
    crps = scores["score"].sel(model="spread, median", metric="crps", percentile=50)
    assert crps.notnull().all() and (crps > 0).all()


def test_what_cannot_be_scored_is_refused_with_a_remedy(prepared: tuple[World, Store], tmp_path: Path) -> None:
    store, frame = prepared[1], forecast_frame(prepared[1], "2001-05-30")

    def refused(name: str, changed: pd.DataFrame) -> str:
        changed.to_csv(tmp_path / name, index=False)
        with pytest.raises((DataError, ConfigError)) as caught:
            evaluate_predictions(tmp_path / name, store, baselines=NONE)
        return str(caught.value)

    (tmp_path / "test_results.p").write_bytes(pickle.dumps({"39001": 1}))
    with pytest.raises(
        DataError, match=r"is a pickle, which runs whatever code .*xr\.concat.*to_netcdf\('test_results"
    ):
        evaluate_predictions(tmp_path / "test_results.p", store)
    (tmp_path / "hidden.nc").write_bytes(pickle.dumps({"39001": 1}))
    with pytest.raises(DataError, match="is a pickle"):
        evaluate_predictions(tmp_path / "hidden.nc", store)
    assert "last that is known" in refused("zero.csv", frame.assign(lead_time=frame["lead_time"] - 1))
    assert "two rows of issue_time 2001-05-25, lead_time 1" in refused("twice.csv", pd.concat([frame, frame[:1]]))
    assert "-9999 in places, a code for missing" in refused("codes.csv", frame.assign(flow=-9999.0))
    assert "--variable" in refused("two.csv", frame.assign(other=1.0))
    assert "none of its stations" in refused("ids.csv", frame.assign(station="x" + frame["station"].astype(str)))
    early = frame.assign(issue_time=frame["issue_time"] - pd.Timedelta(days=60))
    assert "name --split train" in refused("early.csv", early)
    assert (
        "converted" not in (said := refused("unit.csv", frame.rename(columns={"flow": "flow [K]"}))) and "in K" in said
    )
