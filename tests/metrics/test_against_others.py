"""Metrics against independent implementations, on data with gaps."""

import numpy as np
import pytest

from hydromae.metrics import duration_curve, errors, kge, nse, probabilistic
from support import scorer
from support.flows import LEVELS, forecast, holes, noisy, series

FLOW = holes(series(600, 5), 0.1)
MADE = holes(noisy(series(600, 5)), 0.05)


def by_station(function):
    both = np.isfinite(FLOW.values) & np.isfinite(MADE.values)
    return [function(MADE.values[k, i], FLOW.values[k, i]) for i, k in enumerate(both.T)]


@pytest.mark.parametrize(
    ("name", "theirs"),
    [("nse", "nse"), ("kge", "kge_2009"), ("kge_2012", "kge_2012"), ("rmse", "rmse"), ("mae", "mae"), ("bias", "me")],
)
def test_hydroerr_agrees(name, theirs):
    hydroerr = pytest.importorskip("HydroErr", reason="HydroErr is not installed")
    ours = {**kge(MADE, FLOW), **errors(MADE, FLOW), "nse": nse(MADE, FLOW)}[name]
    # with sample standard deviations their ratio is the same
    assert np.allclose(ours, by_station(getattr(hydroerr, theirs)), rtol=1e-9)


def test_the_scorer_of_the_benchmark_agrees():
    theirs = np.array(by_station(lambda p, o: scorer.load().metrics(o, p)))  # [station, metric]
    error, curve = errors(MADE, FLOW), duration_curve(MADE, FLOW)
    ours = (nse(MADE, FLOW), kge(MADE, FLOW)["kge"], error["rmse"], curve["fhv"], error["mae"])
    assert np.allclose(np.stack(ours, -1), theirs, rtol=1e-9)


def test_the_scorer_of_the_benchmark_agrees_on_quantiles():
    flow = series(400, 4)
    made = forecast(flow, every=2, horizon=3, quantiles=True)
    seen = holes(flow, 0.1)
    gb = scorer.load()
    observed = np.stack([seen.reindex(time=made["issue_time"].values + np.timedelta64(k, "D")) for k in (1, 2, 3)], -1)
    observed = observed.transpose(1, 0, 2)  # [station, issue_time, lead_time]
    last = np.ones(observed.shape[:2])
    rows = gb.score(
        made.transpose("station", "issue_time", "lead_time", "quantile").values, [1, 2, 3], LEVELS, observed, last
    )
    ours = probabilistic(made, seen).mean("station")
    for name in ("pinball", "crps"):
        assert np.allclose(ours[name], [row[f"{name}_mean"] for row in rows], atol=6e-5)
    assert np.allclose(
        ours["coverage"].sel(interval=0.8, method="nearest"), [r["coverage_0.10_0.90"] for r in rows], atol=6e-5
    )


def test_bias_in_percent_is_that_of_sums():
    both = FLOW.notnull() & MADE.notnull()
    expected = 100 * (MADE.where(both).sum("time") / FLOW.where(both).sum("time") - 1)
    assert np.allclose(errors(MADE, FLOW)["percent_bias"], expected)
