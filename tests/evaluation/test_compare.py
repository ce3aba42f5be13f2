import csv
import io

import numpy as np
import pytest

from hydromae.base.errors import DataError
from hydromae.evaluation.compare import compare
from hydromae.evaluation.significance import bootstrap_difference
from hydromae.metrics import nse
from support.flows import forecast, noisy, series

FLOW = series(500, 5)
GOOD = forecast(FLOW, seed=1, sd=0.1)
BAD = forecast(FLOW, seed=2, sd=0.4, quantiles=True)
TRAINING = series(4500, 5, seed=9, start="1985-10-01")


@pytest.fixture(scope="module")
def comparison():
    return compare({"good": GOOD, "bad": BAD}, FLOW, training=TRAINING, reference="bad", resamples=100)


def test_the_table_has_a_row_a_model_and_a_column_a_lead_time(comparison):
    table = comparison.table()
    assert table.columns == ("model", "lead 1", "lead 2", "lead 3", "stations")
    assert [row[0] for row in table.rows] == ["good", "bad"]
    median = nse(GOOD, FLOW).median("station")
    assert table.rows[0][1] == f"{median[0].item():.3f} +"
    assert not any(cell.endswith(("+", "-")) for cell in table.rows[1])


def test_scores_of_every_model_are_kept_for_each_station(comparison):
    for name, made in (("good", GOOD), ("bad", BAD.sel(quantile=0.5))):
        kept = comparison.stations["nse_of_models"].sel(model=name)
        assert np.allclose(kept, nse(made, FLOW).transpose(*kept.dims), atol=1e-5)
    assert set(comparison.stations) == {f"{name}_of_models" for name in ("nse", "kge", "rmse", "percent_bias")}


def test_a_worse_model_is_marked_as_such_and_an_equal_one_is_not():
    models = {"good": GOOD, "bad": BAD, "same": forecast(FLOW, seed=3, sd=0.1)}
    good, bad, same = compare(models, FLOW, resamples=100).table("kge").rows
    assert all(cell.endswith(" -") for cell in bad[1:4])
    assert not any(cell[-1] in "+-" for cell in (*good[1:4], *same[1:4]))


def test_tests_are_those_of_the_two_forecasts(comparison):
    alone = bootstrap_difference(GOOD, BAD, FLOW, resamples=100)
    ours = comparison.scores.sel(model="good", statistic="nse")
    for name in ("difference", "lower", "upper", "p_value"):
        assert np.allclose(ours[name], alone[name])
    assert comparison.scores["p_value"].sel(model="bad").isnull().all()
    assert (comparison.scores["stations_better"].sel(model="good") > 0.5).all()
    assert (comparison.scores["stations_worse"].sel(model="good") == 0).all()


def test_metrics_that_only_some_models_have_are_missing_for_the_others(comparison):
    crps = comparison.scores["score"].sel(metric="crps", percentile=50)
    assert crps.sel(model="good").isnull().all() and crps.sel(model="bad").notnull().all()
    assert comparison.table("crps").rows[0][1:] == ("-", "-", "-", "0")


def test_all_are_scored_on_the_days_that_all_have():
    holed = GOOD.copy()
    holed[100:200, :, 2] = np.nan
    short = compare({"bad": BAD, "holed": holed}, FLOW, resamples=10)
    whole = compare({"bad": BAD, "good": GOOD}, FLOW, resamples=10)
    pairs = [c.scores["score"].sel(metric="pairs", model="bad", percentile=25).values for c in (short, whole)]
    assert (pairs[0] <= pairs[1]).all()
    expected = nse(BAD.where(holed.notnull()), FLOW).median("station")
    assert np.allclose(short.scores["score"].sel(metric="nse", model="bad", percentile=50), expected)


def test_a_lead_time_that_one_lacks_is_scored_for_the_others():
    few = GOOD.sel(lead_time=[1, 3])
    result = compare({"bad": BAD, "few": few}, FLOW, resamples=10)
    score = result.scores["score"].sel(metric="nse", percentile=50)
    assert np.isnan(score.sel(model="few").values).tolist() == [False, True, False]
    assert np.allclose(score.sel(model="bad"), nse(BAD, FLOW).median("station"))
    assert result.table().rows[1][2] == "-"
    empty = GOOD.where(GOOD["lead_time"] != 2)
    assert compare({"bad": BAD, "few": empty}, FLOW, resamples=10).table().rows == result.table().rows


def test_lead_times_that_a_reader_decoded_are_those_of_the_others():
    days = GOOD["lead_time"].values.astype("timedelta64[D]").astype("timedelta64[ns]")
    result = compare({"bad": BAD, "good": GOOD.assign_coords(lead_time=days)}, FLOW, training=TRAINING, resamples=20)
    same = compare({"bad": BAD, "good": GOOD}, FLOW, training=TRAINING, resamples=20)
    assert result.scores.identical(same.scores)
    assert result.scores["lead_time"].attrs["standard_name"] == "forecast_period"


def test_stations_and_issue_times_that_one_lacks_are_left_out_for_all():
    fewer = GOOD.isel(station=[3, 1, 0], issue_time=slice(50, None))
    result = compare({"bad": BAD, "fewer": fewer}, FLOW, resamples=10)
    assert (result.scores["stations"].sel(metric="nse") == 3).all()
    expected = nse(BAD.sel(station=fewer["station"], issue_time=fewer["issue_time"]), FLOW).median("station")
    assert np.allclose(result.scores["score"].sel(metric="nse", model="bad", percentile=50), expected)


def test_records_hold_scores_and_tests_in_full(comparison):
    rows = list(csv.DictReader(io.StringIO(comparison.records(["nse", "rmse"]).csv())))
    assert len(rows) == 2 * 2 * 3
    first = rows[0]
    assert (first["model"], first["metric"], first["lead_time"]) == ("good", "nse", "1")
    one = comparison.scores.sel(model="good", statistic="nse", lead_time=1)
    assert float(first["median"]) == one["score"].sel(metric="nse", percentile=50).item()
    assert float(first["p_value"]) == one["p_value"].item()
    assert all(row["p_value"] == "" for row in rows if row["metric"] == "rmse" or row["model"] == "bad")


def test_series_are_compared_without_lead_times(tmp_path):
    result = compare({"one": noisy(FLOW, 1, 0.1), "two": noisy(FLOW, 2, 0.5)}, FLOW, reference="two", resamples=50)
    assert result.table().columns == ("model", "all days", "stations")
    assert result.table().rows[0][1].endswith(" +")
    assert len(result.records().rows) == 4
    result.scores.to_netcdf(tmp_path / "comparison.nc", engine="h5netcdf")


def test_one_model_alone_is_a_table_too():
    result = compare({"good": GOOD}, FLOW)
    assert result.table().rows[0][-1] == "5" and result.scores["p_value"].isnull().all()


def test_the_order_of_models_is_kept_and_changes_no_number():
    one = compare({"good": GOOD, "bad": BAD}, FLOW, reference="bad", resamples=20)
    other = compare({"bad": BAD, "good": GOOD}, FLOW, reference="bad", resamples=20)
    assert other.scores["model"].values.tolist() == ["bad", "good"]
    again = other.scores.sel(model=["good", "bad"], metric=one.scores["metric"])
    assert again.equals(one.scores)


def test_models_that_share_nothing_are_refused_by_name():
    with pytest.raises(DataError, match="good, bad: no issue time and station that all have"):
        compare({"good": GOOD.isel(station=[0]), "bad": BAD.isel(station=[1])}, FLOW)
    with pytest.raises(DataError, match="worse: not among the forecasts; the reference is one of good"):
        compare({"good": GOOD}, FLOW, reference="worse")
    with pytest.raises(DataError, match="at least one"):
        compare({}, FLOW)
