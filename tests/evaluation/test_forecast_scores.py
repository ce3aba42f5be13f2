import warnings

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.evaluation.forecast_scores import persistence, pooled_events, quartiles, score_forecast
from hydromae.metrics import METRICS, at_valid_times, nse, persistence_skill
from support import scorer
from support.flows import forecast, holes, labelled, noisy, series

TRAINING = series(4500, 4, seed=9, start="1985-10-01")
TRUE = series(500, 4)
FLOW = holes(TRUE, 0.03)
MADE = forecast(TRUE, quantiles=True)


@pytest.fixture(scope="module")
def scores():
    return score_forecast(MADE, FLOW, reference=TRAINING)


def test_every_metric_of_the_catalogue_is_there_by_lead_time_and_station(scores):
    assert set(scores.data_vars) == set(METRICS)
    for name, values in scores.items():
        assert values.dims[-2:] == ("lead_time", "station"), name
        assert values.attrs["long_name"], name
    assert scores["nse"].notnull().all() and scores["flood_hits"].sum() > 0 and scores["low_flow_hits"].sum() > 0


def test_each_lead_time_is_scored_as_if_it_were_alone(scores):
    alone = score_forecast(MADE.sel(lead_time=[2]), FLOW, reference=TRAINING)
    for name in scores:
        assert np.allclose(alone[name].sel(lead_time=2), scores[name].sel(lead_time=2), equal_nan=True), name


def test_scores_survive_a_netcdf_file(scores, tmp_path):
    quarter = quartiles(scores)
    for name, dataset in (("scores.nc", scores), ("quartiles.nc", quarter)):
        dataset.to_netcdf(tmp_path / name, engine="h5netcdf")
        with xr.open_dataset(tmp_path / name, engine="h5netcdf", decode_timedelta=False) as read:
            assert read.load().broadcast_equals(dataset)
            assert all(read[v].attrs == dataset[v].attrs for v in dataset.data_vars)
    assert scores["rmse"].attrs["units"] == "mm/d"


def test_without_a_training_record_there_are_no_events(scores):
    bare = score_forecast(MADE, FLOW)
    assert not [name for name in bare if "flood" in name or "low_flow" in name]
    assert bare["crps"].equals(scores["crps"])


def test_a_forecast_without_quantiles_has_no_probabilistic_score(scores):
    point = score_forecast(MADE.sel(quantile=0.5, drop=True), FLOW, reference=TRAINING)
    assert set(scores) - set(point) == {"pinball", "crps", "coverage", "pit_density", "quantile_crossings"}
    assert all(point[name].equals(scores[name]) for name in point)


def test_a_series_is_scored_without_lead_times():
    result = score_forecast(noisy(TRUE), FLOW, reference=TRAINING)
    assert "lead_time" not in result.dims and "persistence_skill" not in result
    assert result["nse"].equals(nse(noisy(TRUE), FLOW))
    assert quartiles(result)["score"].dims == ("metric", "percentile")


def test_scoring_changes_neither_forecast_nor_observations():
    made, seen = MADE.copy(deep=True), FLOW.copy(deep=True)
    score_forecast(made, seen, reference=TRAINING)
    assert made.identical(MADE) and seen.identical(FLOW)


def test_a_station_that_is_nowhere_observed_is_nan_and_no_warning_is_given():
    dead = FLOW.copy()
    dead[:, 1] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = score_forecast(MADE, dead, reference=TRAINING)
    assert result["pairs"].sel(station="101").sum() == 0
    for name in set(result) - {"pairs"}:
        assert result[name].sel(station="101").isnull().all(), name


def test_stations_in_another_order_or_only_some_observed_are_scored_by_their_ids(scores):
    some = score_forecast(MADE.isel(station=[2, 0]), FLOW.isel(station=[0, 3, 2]), reference=TRAINING)
    assert sorted(some["station"].values) == ["100", "102"]
    assert some["nse"].sel(station="102").equals(scores["nse"].sel(station="102"))
    assert np.allclose(some["flood_f1"].sel(station="100"), scores["flood_f1"].sel(station="100"), equal_nan=True)


def test_persistence_is_the_last_flow_known_and_nothing_later():
    seen = TRUE.copy()
    seen[10:15, 0] = np.nan
    known = persistence(MADE, seen)
    assert (known.isel(issue_time=14, station=0) == TRUE[9, 0]).all()
    assert (known.isel(issue_time=15, station=0) == TRUE[15, 0]).all()
    later = seen.copy()
    later[15:] = 999.0
    assert persistence(MADE, later).isel(issue_time=slice(15)).equals(known.isel(issue_time=slice(15)))


def test_persistence_before_the_first_observation_is_the_training_record():
    seen = TRUE.copy()
    seen[:20] = np.nan
    assert persistence(MADE, seen).isel(issue_time=5).isnull().all()
    # the training record ends long before: its last day is the last flow known
    assert np.array_equal(persistence(MADE, seen, TRAINING).isel(issue_time=5, lead_time=0), TRAINING[-1])
    later = TRAINING.assign_coords(time=TRAINING["time"] + np.timedelta64(30 * 365, "D"))
    assert np.allclose(persistence(MADE, seen, later).isel(issue_time=5, lead_time=0), later.mean("time"))


def test_a_forecast_that_persists_has_no_skill_against_persistence():
    kept = persistence(MADE, FLOW)
    assert np.allclose(score_forecast(kept.assign_attrs(units="mm/d"), FLOW)["persistence_skill"], 0)


def test_days_that_persistence_lacks_do_not_count_for_its_skill():
    point = MADE.sel(quantile=0.5, drop=True)
    late = FLOW.copy()
    late[:150] = np.nan  # no flow is known at the first issue times
    known = persistence(MADE, late)
    known = known.where(known["issue_time"] > known["issue_time"][299])
    ours = persistence_skill(point, FLOW, known)
    assert np.allclose(ours, persistence_skill(point[300:], FLOW, known[300:]))


def test_the_independent_scorer_agrees_to_four_decimals(scores):
    gb = scorer.load()
    leads = MADE["lead_time"].values.tolist()
    seen = np.stack(
        [FLOW.reindex(time=MADE["issue_time"].values + np.timedelta64(lead, "D")).values.T for lead in leads], -1
    )  # [station, issue_time, lead_time]
    last = persistence(MADE, FLOW, TRAINING).isel(lead_time=0).values.T
    values = MADE.transpose("station", "issue_time", "lead_time", "quantile").values
    rows = gb.score(values, leads, MADE["quantile"].values, seen, last)
    ours = quartiles(scores)["score"]
    for i, row in enumerate(rows):
        for metric in ("nse", "kge"):
            theirs = [row[f"{metric}_{q}"] for q in ("p25", "median", "p75")]
            assert np.allclose(ours.sel(metric=metric).isel(lead_time=i), theirs, atol=6e-5)
        medians = ours.sel(percentile=50).isel(lead_time=i)
        assert medians.sel(metric="persistence_skill").item() == pytest.approx(row["rmse_skill_median"], abs=6e-5)
        assert medians.sel(metric="fhv").item() == pytest.approx(row["fhv_median"], abs=6e-3)
        assert scores["crps"].isel(lead_time=i).mean().item() == pytest.approx(row["crps_mean"], abs=6e-5)


@pytest.mark.slow
def test_a_file_for_the_benchmark_is_scored_as_the_benchmark_scores_it(tmp_path):
    gb = scorer.load()
    if not gb.GB.exists():
        pytest.skip(f"no data at {gb.GB}")
    ids, area, seen, last = gb.truth()
    table = pd.read_parquet(gb.GB / "catchment_daily_604_1970_2012.parquet", columns=["date", "ID", "discharge_spec"])
    table = table.pivot(index="date", columns="ID", values="discharge_spec").reindex(columns=ids)
    flow = labelled(table.to_numpy(np.float32), table.index[0]).assign_coords(station=[str(i) for i in ids])
    assert np.array_equal(table.index, flow["time"])
    issued = flow.sel(time=gb.issue_dates()).rename(time="issue_time")
    truth = at_valid_times(flow, issued.expand_dims(lead_time=range(1, 8)))
    made = noisy(truth.fillna(1.0), sd=0.5).rename("riverflow").assign_attrs(units="mm/d")
    made.to_netcdf(tmp_path / "forecast.nc", engine="h5netcdf")
    rows = gb.score(*gb.read(tmp_path / "forecast.nc", ids, area), seen, last)
    ours = quartiles(score_forecast(made, flow, reference=flow.sel(time=slice("1989-01-01", "2009-09-30"))))
    for lead, row in enumerate(rows, 1):
        of = ours["score"].sel(lead_time=lead)
        assert ours["stations"].sel(metric="nse", lead_time=lead) == row["catchments"]
        for metric in ("nse", "kge"):
            theirs = [row[f"{metric}_{q}"] for q in ("p25", "median", "p75")]
            assert np.allclose(of.sel(metric=metric), theirs, atol=6e-5)
        assert of.sel(metric="persistence_skill", percentile=50).item() == pytest.approx(
            row["rmse_skill_median"], abs=6e-5
        )


def test_quartiles_are_over_the_stations_that_have_a_value(scores):
    holed = scores.copy()
    holed["nse"] = scores["nse"].where(scores["station"] != "101")
    result = quartiles(holed)
    rest = scores["nse"].sel(station=["100", "102", "103"])
    expected = np.percentile(rest, [25, 50, 75], axis=1).T
    assert np.allclose(result["score"].sel(metric="nse"), expected)
    assert (result["stations"].sel(metric="nse") == 3).all() and (result["stations"].sel(metric="kge") == 4).all()


def test_metrics_with_more_dimensions_are_named_by_their_places(scores):
    names = quartiles(scores)["metric"].values.tolist()
    assert "flood_f1[return_period=2,tolerance=1]" in names and "coverage[interval=0.8]" in names
    assert len(names) == len(set(names))


def test_pooled_events_are_those_of_the_sums(scores):
    pooled = pooled_events(scores)
    hits, misses = scores["flood_hits"].sum("station"), scores["flood_misses"].sum("station")
    assert np.allclose(pooled["flood_recall"], hits / (hits + misses).where(hits + misses > 0), equal_nan=True)
    assert pooled["flood_recall"].notnull().any() and "low_flow_f1" in pooled


def test_units_that_differ_are_refused_before_anything_is_scored():
    with pytest.raises(DataError, match="convert one before scoring"):
        score_forecast(MADE.assign_attrs(units="m3/s"), FLOW)
