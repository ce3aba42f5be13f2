import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.evaluation.hidden_spans import hide_spans
from hydromae.evaluation.infill_scores import score_infill


@pytest.fixture(scope="module")
def experiment():
    """Observed flow of two stations and what is hidden of it."""
    time = pd.date_range("2000-01-01", periods=700)
    values = np.random.default_rng(0).gamma(1, 2, (700, 2))
    observed = xr.DataArray(
        values, {"time": time, "station": ["1", "2"]}, ("time", "station"), "flow", {"units": "mm/d"}
    )
    return observed, hide_spans(observed, period=slice("2000-02-01", "2001-11-01"), spans={1: 50, 15: 4})


def test_a_perfect_filling_scores_one_at_every_length(experiment):
    observed, spans = experiment
    scores = score_infill(observed, observed, spans)
    assert scores["nse"].dims == ("length", "station") and scores["length"].values.tolist() == [1, 15]
    assert (scores["nse"] == 1).all() and (scores["log_nse"] == 1).all() and (scores["filled_share"] == 1).all()
    assert (scores["rmse"] == 0).all() and scores["rmse"].attrs["units"] == "mm/d"


def test_scores_are_those_of_the_hidden_days_of_that_length_alone(experiment):
    observed, spans = experiment
    filled = observed + np.random.default_rng(1).normal(size=observed.shape)
    filled.attrs = observed.attrs
    scores = score_infill(filled, observed, spans)
    for length in (1, 15):
        for station in ("1", "2"):
            hidden = spans.of_length(length).sel(station=station).values
            q, p = (series.sel(station=station).values[hidden] for series in (observed, filled))
            one = scores.sel(length=length, station=station)
            assert float(one["nse"]) == pytest.approx(1 - ((p - q) ** 2).sum() / ((q - q.mean()) ** 2).sum())
            assert float(one["bias"]) == pytest.approx((p - q).mean())
            small = q.mean() / 100
            p_log, q_log = np.log(np.maximum(p, 0) + small), np.log(q + small)
            expected = 1 - ((p_log - q_log) ** 2).sum() / ((q_log - q_log.mean()) ** 2).sum()
            assert float(one["log_nse"]) == pytest.approx(expected)


def test_what_is_not_hidden_does_not_matter(experiment):
    observed, spans = experiment
    filled = (observed + 1).assign_attrs(observed.attrs)
    other = filled.where(spans.mask, 1e9)
    xr.testing.assert_identical(score_infill(filled, observed, spans), score_infill(other, observed, spans))


def test_a_hidden_day_without_an_estimate_is_counted_not_scored(experiment):
    observed, spans = experiment
    first = spans.table.query("station == '1' and length == 15").iloc[0]
    filled = observed.copy()
    filled.loc[{"time": slice(first["first"], first["last"]), "station": "1"}] = np.nan
    scores = score_infill(filled, observed, spans)
    assert scores["filled_share"].values.tolist() == [[1, 1], [0.75, 1]] and (scores["nse"] == 1).all()
    few = score_infill(filled, observed, spans, min_pairs=46)
    assert few["nse"].isnull().values.tolist() == [[False, False], [True, False]]


def test_of_quantiles_the_median_is_scored(experiment):
    observed, spans = experiment
    filled = xr.concat([observed - 1, observed, observed + 5], pd.Index([0.1, 0.5, 0.9], name="quantile"))
    filled = filled.transpose("time", "station", "quantile").assign_attrs(observed.attrs)
    scores = score_infill(filled, observed, spans)
    assert (scores["nse"] == 1).all() and (scores["filled_share"] == 1).all() and (scores["log_nse"] == 1).all()
