import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from hydromae.evaluation.events import COUNTS, flood_events, low_flow_spells
from support.flows import forecast, holes, labelled, noisy, series

LEVEL = xr.DataArray([5.0], {"station": ["100"]}, ("station",))


def high(*days, length=120):
    flow = np.ones(length)
    flow[list(days)] = 9.0
    return labelled(flow)


def counts(made, seen, tolerance=0, **settings):
    result = flood_events(made, seen, LEVEL, 1, tolerances=[tolerance], **settings)
    return [int(result[f"flood_{what}"].item()) for what in COUNTS]


def by_hand(made, seen, tolerance, independence):
    """Hits, misses, predicted events and false alarms of one station, day by day."""
    there = np.isfinite(made) & np.isfinite(seen)

    def events(flow):
        found = []
        for day in np.flatnonzero(there & (flow > 5.0)):
            if found and day - found[-1][-1] <= independence:
                found[-1].append(day)
            else:
                found.append([day])
        return found

    def met(ours, theirs):
        return sum(any(abs(a - b) <= tolerance for a in one for other in theirs for b in other) for one in ours)

    p, q = events(made), events(seen)
    return [met(q, p), len(q) - met(q, p), len(p), len(p) - met(p, q)]


@pytest.mark.parametrize(
    ("late", "tolerance", "hits"), [(0, 0, 1), (1, 0, 0), (1, 1, 1), (2, 1, 0), (2, 2, 1), (-2, 2, 1)]
)
def test_an_event_is_a_hit_within_the_days_allowed(late, tolerance, hits):
    assert counts(high(50 + late), high(50), tolerance) == [hits, 1 - hits, 1, 1 - hits]


def test_days_that_are_close_are_one_event_and_others_are_not():
    assert counts(high(50, 55), high(50, 55)) == [1, 0, 1, 0]
    assert counts(high(50, 56), high(50, 56)) == [2, 0, 2, 0]
    assert counts(high(50, 56), high(50, 56), independence=6) == [1, 0, 1, 0]


def test_one_long_predicted_event_meets_both_observed_ones():
    assert counts(high(*range(40, 61)), high(42, 58)) == [2, 0, 1, 0]


def test_precision_recall_and_f1_are_those_of_the_counts():
    result = flood_events(high(20, 50, 80, 110), high(20, 50, 95), LEVEL, 1, tolerances=[0])
    assert result["flood_precision"].item() == pytest.approx(2 / 4)
    assert result["flood_recall"].item() == pytest.approx(2 / 3)
    assert result["flood_f1"].item() == pytest.approx(4 / 7)


def test_no_event_at_all_has_no_rate_and_no_hit_has_the_worst():
    nothing = flood_events(high(), high(), LEVEL, 1, tolerances=[0])
    assert all(nothing[f"flood_{rate}"].isnull().all() for rate in ("precision", "recall", "f1"))
    missed = flood_events(high(), high(50), LEVEL, 1, tolerances=[0])
    assert missed["flood_recall"].item() == 0 and missed["flood_f1"].item() == 0
    assert missed["flood_precision"].isnull().all()


def test_days_without_an_observation_are_neither_missed_nor_false():
    seen = high(50)
    seen[50] = np.nan
    assert counts(high(50), seen) == [0, 0, 0, 0]


@given(st.integers(0, 2**16), st.integers(0, 3), st.integers(1, 6))
@settings(max_examples=40, deadline=None)
def test_many_stations_at_once_are_as_each_by_hand(seed, tolerance, independence):
    rng = np.random.default_rng(seed)
    values = np.where(rng.random((2, 60, 4)) < 0.12, 9.0, 1.0)
    values[rng.random(values.shape) < 0.1] = np.nan
    made, seen = (labelled(v) for v in values)
    threshold = xr.DataArray(np.full(4, 5.0), {"station": made["station"]}, ("station",))
    result = flood_events(made, seen, threshold, 1, tolerances=[tolerance], independence=independence)
    for i in range(4):
        ours = [int(result[f"flood_{what}"][0, i]) for what in COUNTS]
        assert ours == by_hand(values[0, :, i], values[1, :, i], tolerance, independence)


def test_more_days_allowed_never_lose_a_hit():
    flow = holes(series(600, 4), 0.05)
    threshold = flow.quantile(0.9, "time").drop_vars("quantile")
    result = flood_events(noisy(series(600, 4), sd=0.6), flow, threshold, tolerances=range(6))
    assert (result["flood_hits"].diff("tolerance") >= 0).all()
    assert (result["flood_false_alarms"].diff("tolerance") <= 0).all()
    assert result["flood_hits"][-1].sum() > result["flood_hits"][0].sum()


def test_a_perfect_forecast_hits_every_event_of_every_threshold_and_lead_time():
    flow = series(600, 3)
    levels = flow.quantile([0.8, 0.95], "time").rename(quantile="return_period")
    result = flood_events(forecast(flow, sd=0.0), flow, levels)
    assert result["flood_f1"].dims == ("return_period", "tolerance", "lead_time", "station")
    assert (result["flood_f1"] == 1).all() and (result["flood_misses"] == 0).all()
    assert (result["flood_hits"].sel(return_period=0.95) <= result["flood_hits"].sel(return_period=0.8)).any()


def test_low_flows_are_floods_of_the_flow_upside_down():
    flow = series(400, 2)
    made = noisy(flow)
    threshold = flow.quantile(0.05, "time").drop_vars("quantile")
    low = low_flow_spells(made, flow, threshold)
    upside_down = flood_events(-made, -flow, -threshold)
    for what in (*COUNTS, "precision", "recall", "f1"):
        assert np.array_equal(low[f"low_flow_{what}"], upside_down[f"flood_{what}"], equal_nan=True)
    assert low["low_flow_predicted"].sum() > 0


def test_a_station_without_a_threshold_or_with_too_few_days_is_nan():
    flow = series(200, 3)
    flow[50:, 2] = np.nan
    threshold = xr.DataArray([1.0, 1.0], {"station": ["101", "102"]}, ("station",))
    hits = flood_events(noisy(series(200, 3)), flow, threshold)["flood_hits"]
    assert hits.isnull().all("tolerance").values.tolist() == [True, False, True]
