"""What the scores of forecasts mean in words."""

import numpy as np
import pytest
import xarray as xr

from hydromae.evaluation.forecast_verdict import forecast_verdict, leads_in_words


def scores(**medians: list[float]) -> xr.Dataset:
    """Scores as a comparison has them: NSE at the 50th percentile by model."""
    values = np.array(list(medians.values()))[:, None, :, None]  # [model, metric, lead, percentile]
    names = [name.replace("_median", ", median") for name in medians]
    coords = {"model": names, "metric": ["nse"], "lead_time": np.arange(1, values.shape[2] + 1), "percentile": [50]}
    return xr.Dataset({"score": (tuple(coords), values)}, coords)


ONE = scores(hydromae=[0.5, 0.4, 0.3], hydromae_median=[0.6, 0.6, 0.6], persistence=[0.7, 0.2, 0.1], mean=[0.0, 0, 0])


@pytest.mark.parametrize(
    ("leads", "words"),
    [
        ((), "no lead time"),
        ((1, 2, 3, 4), "every lead time"),
        ((2,), "lead 2"),
        ((2, 3, 4), "leads 2 to 4"),
        ((1, 3), "leads 1 and 3"),
        ((1, 2, 4), "leads 1, 2 and 4"),
    ],
)
def test_lead_times_are_said_shortly_and_wholly(leads: tuple[int, ...], words: str) -> None:
    assert leads_in_words(leads, (1, 2, 3, 4)) == words


def test_the_verdict_says_for_each_regime_what_the_model_is_ahead_of_and_behind() -> None:
    text = forecast_verdict({"none": ONE, "perfect": scores(hydromae=[0.9], persistence=[0.7], mean=[0.0])})
    assert text == (
        "Without any weather after the issue time, the model is ahead of persistence at leads 2 and 3 and of mean at "
        "every lead time, but behind persistence at lead 1; with the observed weather of the horizon, the model is "
        "ahead of persistence and mean at every lead time (median NSE over stations); to do better, give it a weather "
        "forecast (--forcing FILE), or average several runs (train or finetune once more with seed=1, then name both)."
    )


def test_what_to_try_depends_on_where_the_model_is_behind() -> None:
    behind, ahead = scores(hydromae=[0.1], ridge=[0.2]), scores(hydromae=[0.3], ridge=[0.2])
    assert "to do better, train for longer" in forecast_verdict({"none": ahead, "perfect": behind})
    assert "to do better, train for longer" in forecast_verdict({"none": behind})
    assert "to do better, average several runs" in forecast_verdict({"none": ahead, "perfect": ahead})
    untrained = ahead.assign_attrs(not_trained_for="my: never hides the future")
    assert "to do better, train it for this (my: never hides the future)." in forecast_verdict({"none": untrained})


def test_without_a_baseline_there_is_no_verdict() -> None:
    assert forecast_verdict({"none": scores(hydromae=[0.5])}) == ""


def test_what_could_not_be_scored_is_not_said_to_be_behind() -> None:
    nothing = scores(hydromae=[np.nan, np.nan], persistence=[np.nan, np.nan])
    text = forecast_verdict({"none": nothing})
    assert (
        text
        == "Without any weather after the issue time, nothing can be said of the forecast: no station could be scored."
    )
    told = nothing.assign_attrs(unscored="no station is scored; set --min-pairs 73")
    assert forecast_verdict({"none": told}).endswith("of the forecast: no station is scored; set --min-pairs 73.")
    partly = scores(hydromae=[0.5, 0.4, np.nan], persistence=[0.7, 0.2, np.nan], ridge=[np.nan, np.nan, np.nan])
    text = forecast_verdict({"none": partly})
    assert "the model is ahead of persistence at lead 2, but behind persistence at lead 1 (median NSE" in text
    assert text.endswith("issue time: persistence at lead 3, ridge at every lead time.")
