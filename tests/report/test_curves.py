import base64

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hydromae.report.curves import loss_curves, smooth
from hydromae.report.inputs import load_run


@given(st.lists(st.floats(-1e3, 1e3) | st.just(float("nan")), min_size=1, max_size=40), st.integers(1, 15))
def test_smoothing_is_the_mean_of_finite_neighbours(values, width):
    array = np.array(values)
    smoothed = smooth(array, width)
    for place in range(len(array)):
        near = array[max(0, place - width // 2) : place + width // 2 + 1]
        finite = near[np.isfinite(near)]
        expected = finite.mean() if finite.size else np.nan
        assert np.isclose(smoothed[place], expected, atol=1e-8, equal_nan=True)


def test_the_cost_of_predicting_the_mean_is_drawn_for_modalities_only(bare_run, metrics, write_metrics):
    write_metrics(bare_run / "metrics.jsonl", metrics)
    held = load_run(bare_run)
    pictures = loss_curves(held.metrics, held.label)
    drawn = [base64.b64decode(picture.source.partition(",")[2]).decode() for picture in pictures]
    assert ["predicting the mean" in image for image in drawn] == [False, True, True, True, True, False]


def test_thousands_of_records_stay_small(bare_run, metrics, write_metrics):
    many = [{**metrics[0], "step": step, "loss": float(1 + step % 7)} for step in range(20_000)]
    write_metrics(bare_run / "metrics.jsonl", many)
    held = load_run(bare_run)
    assert all(len(picture.source) < 150_000 for picture in loss_curves(held.metrics, held.label))
