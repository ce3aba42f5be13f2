import numpy as np
import pytest
from scipy.signal import find_peaks

from hydromae.metrics import peaks
from support.flows import forecast, holes, labelled, noisy, series


def hydrograph(days, *peaks_at):
    flow = np.ones(days)
    for day, height in peaks_at:
        flow[day - 2 : day + 3] += height * np.array([0.3, 0.6, 1.0, 0.5, 0.2])
    return flow


def shifted(flow, days):
    return np.roll(flow, days)


def published_timing(q, p, day, window=3):
    """As neuralhydrology defines it, one series at a time."""
    found, _ = find_peaks(q, distance=100, prominence=np.std(q))
    late = []
    for k in found:
        if k - window < 0 or k + window >= len(q) or day[k + window] - day[k - window] != 2 * window:
            continue
        if p[k] > p[k - 1] and p[k] > p[k + 1]:
            late.append(0)
        else:
            late.append(abs(int(np.argmax(p[k - window : k + window + 1])) - window))
    return np.mean(late) if late else np.nan


def published_missed(q, p, percentile=80, window=1):
    """As neuralhydrology defines it for a series without gaps."""
    found_q, _ = find_peaks(q, distance=30, height=np.percentile(q, percentile))
    found_p, _ = find_peaks(p, distance=30, height=np.percentile(p, percentile))
    return np.mean([not (abs(found_p - k) <= window).any() for k in found_q])


@pytest.mark.parametrize("late", [-3, -1, 0, 2])
def test_a_prediction_that_is_late_by_some_days_has_that_error(late):
    flow = hydrograph(400, (50, 10), (200, 8), (330, 12))
    assert peaks(labelled(shifted(flow, late)), labelled(flow))["peak_timing"].item() == abs(late)


def test_a_peak_that_is_predicted_elsewhere_is_missed():
    flow = hydrograph(400, (50, 10), (200, 8), (330, 12))
    made = hydrograph(400, (50, 10), (203, 8), (331, 12))
    assert peaks(labelled(made), labelled(flow))["missed_peaks"].item() == pytest.approx(1 / 3)


def test_no_predicted_peak_at_all_misses_every_one():
    flow = hydrograph(400, (50, 10), (200, 8))
    assert peaks(labelled(np.linspace(1, 2, 400)), labelled(flow))["missed_peaks"].item() == 1


def test_a_peak_beside_a_gap_is_not_judged():
    flow = hydrograph(400, (50, 10), (200, 8))
    made = labelled(shifted(flow, 2))
    seen = labelled(flow)
    seen[52] = np.nan
    seen[198] = np.nan
    assert np.isnan(peaks(made, seen)["peak_timing"].item())
    assert np.isfinite(peaks(made, seen)["missed_peaks"].item())  # the one day on each side that it needs is there
    seen[49] = np.nan
    seen[201] = np.nan
    assert np.isnan(peaks(made, seen)["missed_peaks"].item())


def test_forecasts_issued_every_few_days_have_no_peak_to_judge():
    flow = series(1200, 2)
    sparse = peaks(forecast(flow, every=5), flow)
    assert sparse["peak_timing"].isnull().all() and sparse["missed_peaks"].isnull().all()
    assert peaks(forecast(flow, every=1), flow)["missed_peaks"].notnull().all()


@pytest.mark.parametrize("gaps", [0.0, 0.01])
def test_the_published_definitions_hold_for_many_stations_at_once(gaps):
    flow = holes(series(2000, 6), gaps)
    made = noisy(series(2000, 6), sd=0.2)
    made[:, 2] = made[:, 2].shift(time=1, fill_value=1.0)
    result = peaks(made, flow)
    for i in range(6):
        there = flow.notnull().values[:, i]
        q, p, day = flow.values[there, i], made.values[there, i], np.flatnonzero(there)
        assert result["peak_timing"][i].item() == pytest.approx(published_timing(q, p, day))
        if not gaps:
            assert result["missed_peaks"][i].item() == pytest.approx(published_missed(q, p))
    assert result["peak_timing"][2] > 0


def test_a_plateau_that_two_stations_share_is_no_peak_of_either():
    flow = np.ones((300, 2))
    flow[-1, 0] = flow[0, 1] = 50.0  # one station ends high, the next begins high
    flow[100:103, :] = [[2.0, 2.0], [9.0, 9.0], [2.0, 2.0]]
    result = peaks(labelled(shifted(flow[:, 0], 0)), labelled(flow[:, 0]))
    both = peaks(labelled(flow), labelled(flow))
    assert both["peak_timing"].values.tolist() == [0, 0]
    assert both["missed_peaks"][0] == result["missed_peaks"][0]
