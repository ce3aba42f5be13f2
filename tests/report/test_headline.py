"""The sentences with which the page begins."""

import numpy as np
import xarray as xr

from hydromae.report.evaluation import Evaluation
from hydromae.report.headline import headline

NAN = float("nan")


def evaluation(medians: dict[str, list[float]], tested: dict[str, list[tuple[float, float]]], poor: int) -> Evaluation:
    """Scores at two lead times: medians of each model, and (difference, p value) of those that were tested."""
    leads = [1, 2]
    shape = ("model", "metric", "lead_time", "percentile")
    score = np.repeat(np.array(list(medians.values()))[:, None, :, None], 3, axis=3)
    none = [(NAN, NAN)] * 2
    tests = np.array([tested.get(name, none) for name in medians])[:, None]  # [model, statistic, lead, 2]
    scores = xr.Dataset(
        {
            "score": (shape, score),
            "stations": (shape[:3], np.full(score.shape[:3], 10)),
            "difference": (("model", "statistic", "lead_time"), tests[..., 0]),
            "p_value": (("model", "statistic", "lead_time"), tests[..., 1]),
        },
        {
            "model": list(medians),
            "metric": ["nse"],
            "lead_time": leads,
            "percentile": [25, 50, 75],
            "statistic": ["nse"],
        },
    )
    nse = np.full((2, 10), 0.5)
    nse[:, :poor] = -1
    stations = xr.Dataset({"nse": (("lead_time", "station"), nse)}, {"lead_time": leads})
    return Evaluation("", {}, {"none": scores}, {"none": stations}, None)


def test_the_strongest_baseline_of_each_lead_is_named_with_the_test_against_it() -> None:
    medians = {"hydromae": [0.7, 0.4], "persistence": [0.6, 0.1], "climatology": [0.1, 0.3]}
    tested = {"persistence": [(-0.1, 0.01), (-0.3, 0.01)], "climatology": [(-0.6, 0.01), (-0.1, 0.2)]}
    (text,) = headline(evaluation(medians, tested, poor=3))
    assert "the median NSE over 10 stations is 0.70 at lead 1 and 0.40 at lead 2" in text
    assert "(persistence at lead 1, climatology at lead 2)" in text
    assert "significantly better at lead 1, not clearly different at lead 2" in text
    assert "at 3 of 10 stations" in text


def test_a_baseline_that_is_the_reference_of_the_tests_turns_their_sign() -> None:
    medians = {"hydromae": [0.7, 0.2], "ridge": [0.6, 0.4]}
    (text,) = headline(evaluation(medians, {"hydromae": [(0.1, 0.01), (-0.2, 0.01)]}, poor=0))
    assert "significantly better at lead 1, significantly worse at lead 2" in text
    assert "At lead 2 no station" in text


def test_what_was_not_tested_is_said_to_be_so() -> None:
    medians = {"hydromae": [0.7, -0.4], "ridge": [0.5, 0.1], "esp": [0.6, 0.2]}
    (text,) = headline(evaluation(medians, {"hydromae": [(0.2, 0.01)] * 2, "esp": [(0.1, 0.2)] * 2}, poor=0))
    assert "better (not tested) at lead 1, worse (not tested) at lead 2" in text
    assert "\N{MINUS SIGN}0.40 at lead 2" in text


def test_what_is_unlike_nowhere_is_not_said_of_every_lead() -> None:
    medians = {"hydromae": [0.7, 0.4], "ridge": [0.6, 0.3]}
    (text,) = headline(evaluation(medians, {"hydromae": [(0.1, 0.5)] * 2}, poor=0))
    assert "(ridge at every lead time) it is not clearly different at any lead time" in text
