import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydromae.evaluation.scores import Scores, verdict, wins

errors = st.lists(st.tuples(*[st.floats(0.01, 100)] * 3), min_size=1, max_size=6)


def make(rows):
    modalities = {
        f"v{place}": {"kind": "grid", "units": "m", "measure": "cells", "values": 1,
                      "mse": dict(zip(("model", "mean", "nearest_day"), row, strict=True))}
        for place, row in enumerate(rows)
    }  # fmt: skip
    return Scores(split="val", period=("2009-01-01", "2009-12-31"), windows=1, modalities=modalities)


@given(errors)
def test_counts_of_the_verdict_are_those_of_the_scores(rows):
    scores = make(rows)
    beats_mean = sum(1 - model / mean > 0 for model, mean, _ in rows)
    beats_day = sum(1 - model / day > 0 for model, _, day in rows)
    assert wins(scores, "mean") == (beats_mean, len(rows))
    text = verdict(scores, str)
    assert f"with the mean for {beats_mean} of {len(rows)} modalit" in text
    assert f"with the nearest visible day for {beats_day} of {len(rows)}." in text


def test_the_worst_is_named_with_its_reference():
    text = verdict(make([(1.0, 4.0, 2.0), (3.0, 2.0, 6.0)]), {"v0": "rain", "v1": "snow"}.__getitem__)
    assert "Worst is snow: its squared error is 50 % above that of the mean." in text


def test_the_weakest_is_named_when_all_win():
    text = verdict(make([(1.0, 4.0, 2.0), (3.0, 12.0, 30.0)]), str)
    assert "Weakest is v0: its squared error is 50 % below that of the nearest visible day." in text


def test_a_tie_beats_nothing():
    scores = make([(2.0, 2.0, 2.0)])
    assert wins(scores, "mean") == (0, 1)
    assert "its squared error is equal to that of the mean" in verdict(scores, str)


@pytest.mark.parametrize("reference", [0.0, None, float("nan")])
def test_a_reference_without_a_number_is_not_compared(reference):
    scores = make([(1.0, 2.0, 2.0)])
    scores.modalities["v0"].mse["mean"] = reference
    assert wins(scores, "mean") == (0, 0)
