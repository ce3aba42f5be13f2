"""Where a model stands among others, in words."""

from collections.abc import Sequence

import numpy as np
import pytest
import xarray as xr

from hydromae.evaluation.standing import Rival, baselines_in, sentence, standing, standing_in, to_try


def where(places: Sequence[int]) -> str:
    return f"at {', '.join(map(str, places))}"


def rival(*scores: float, beyond: Sequence[bool] | None = None) -> Rival:
    return Rival(np.array(scores), None if beyond is None else np.array(beyond))


def test_who_is_beaten_at_the_same_places_is_said_together() -> None:
    own = np.array([0.5, 0.4])
    stand = standing(own, {"a": rival(0.1, 0.1), "b": rival(0.2, 0.2), "c": rival(0.6, 0.1)}, where)
    assert stand.words == "ahead of a and b at 0, 1 and of c at 1, but behind c at 0" and stand.behind


def test_an_equal_score_is_behind_and_an_unknown_one_neither() -> None:
    stand = standing(np.array([0.5, 0.5, np.nan]), {"a": rival(0.5, np.nan, 0.1)}, where)
    assert stand.words == "behind a at 0" and stand.behind
    nothing = standing(np.array([np.nan]), {"a": rival(0.5)}, where)
    assert nothing.words == "" and not nothing.behind
    assert (
        sentence("There", nothing, (), "more") == "There, nothing can be said of the model: no station could be scored."
    )


def test_chance_is_said_of_those_that_were_tested() -> None:
    own = np.array([0.5, 0.5, 0.5])
    some = standing(own, {"a": rival(0.1, 0.1, 0.9, beyond=[True, False, False])}, where)
    assert some.words == "ahead of a at 0, 1 (beyond chance at 0), but behind a at 2 (within chance)"
    every = standing(own, {"a": rival(0.1, 0.1, 0.1, beyond=[True] * 3)}, where)
    assert every.words == "ahead of a at 0, 1, 2 (beyond chance)" and not every.behind


@pytest.mark.parametrize("reference", ["ridge", "hydromae", "mean"])
def test_only_the_test_between_model_and_baseline_counts(reference: str) -> None:
    """Each model is tested against the reference, which has no test of its own."""
    models = ["hydromae", "hydromae, median", "ridge", "mean"]
    p_value = np.array([[np.nan if model == reference else 0.01] for model in models])
    scores = xr.Dataset(
        {
            "score": (("model", "metric", "percentile"), np.array([0.5, 0.6, 0.4, 0.3])[:, None, None]),
            "p_value": (("model", "statistic"), p_value),
        },
        {"model": models, "metric": ["nse"], "percentile": [50], "statistic": ["nse"]},
    )
    assert baselines_in(scores) == ["ridge", "mean"]
    expected = {
        "ridge": "ahead of ridge (beyond chance) and of mean",
        "hydromae": "ahead of ridge and mean (beyond chance)",
        "mean": "ahead of ridge and of mean (beyond chance)",
    }[reference]
    assert standing_in(scores, lambda places: "").words == expected


def test_what_was_never_trained_comes_before_other_advice() -> None:
    assert to_try(True, ["a", "b"], "more") == "to do better, train it for this (a; b)"
    assert to_try(True, [], "more") == "to do better, more"
    assert "with seed=1" in to_try(False, [], "more")
