from dataclasses import replace

import numpy as np
import pytest

from hydromae.drawing.series import SHOWN_DAYS, choose_span, choose_stations, efficiency, sample_series


def test_efficiency_is_that_of_the_hidden_days_alone(reconstruction):
    sample = sample_series(reconstruction, "flow")
    station = 2
    used = (sample.state[:, station] == 1) & np.isfinite(sample.observed[:, station])
    observed, estimate = sample.observed[used, station], sample.reconstructed[used, station]
    expected = 1 - np.sum((estimate - observed) ** 2) / np.sum((observed - observed.mean()) ** 2)
    assert efficiency(sample)[station] == pytest.approx(expected, rel=1e-5)
    elsewhere = np.where(sample.state == 0, 1e6, sample.reconstructed).astype(np.float32)
    assert np.array_equal(efficiency(replace(sample, reconstructed=elsewhere)), efficiency(sample))


def test_a_station_with_few_hidden_days_is_not_scored(reconstruction):
    reconstruction["flow_state"][5:, 0] = 0
    scores = efficiency(sample_series(reconstruction, "flow"))
    assert np.isnan(scores[0]) and np.isfinite(scores[1:]).all()


def test_stations_are_spread_from_the_best_score_to_the_poorest(reconstruction):
    sample = sample_series(reconstruction, "flow")
    observed, state = (np.repeat(values[:, 3:4], 6, axis=1) for values in (sample.observed, sample.state))
    worse = np.arange(6, dtype=np.float32)[::-1]  # station 5 is perfect, station 0 furthest off
    sample = replace(sample, observed=observed, state=state, reconstructed=observed + worse)
    chosen = choose_stations(sample)
    assert chosen[0] == 5 and chosen[-1] == 0
    assert chosen == sorted(chosen, reverse=True) and len(chosen) == 4


def test_without_scores_the_stations_with_most_observations_are_drawn(reconstruction):
    reconstruction["flow_state"][:] = 0
    reconstruction["flow"][:30, 0] = np.nan
    reconstruction["flow"][:, 1] = np.nan
    chosen = choose_stations(sample_series(reconstruction, "flow"))
    assert len(chosen) == 4 and not {0, 1} & set(chosen)


def test_the_days_drawn_hold_the_most_hidden_days(reconstruction):
    long = reconstruction[["flow", "flow_reconstructed", "flow_state"]].isel(time=np.arange(40).repeat(10))
    long = long.assign_coords(time=np.datetime64("2009-01-01") + np.arange(400))
    long["flow_state"][:] = 0
    long["flow_state"][250:300, 0] = 1
    long["flow_reconstructed"][:] = 1.0
    long["flow"][:] = 2.0
    span = choose_span(sample_series(long, "flow"), 0)
    assert span.stop - span.start == SHOWN_DAYS
    assert span.start <= 250 and span.stop >= 300
