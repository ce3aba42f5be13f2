"""The examples of docs/extending.md work as they stand there; the rooms of readers and strategies test theirs."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hydromae.baselines.forecast import BASELINES, Baseline
from hydromae.evaluation import forecast_scores
from hydromae.evaluation.tables import quartile_table
from hydromae.metrics import METRICS, Metric, at_valid_times
from hydromae.tasks.forecast_baselines import choose_baselines, fit_baselines, forecast_baselines
from support.baseline_flows import FORCING, make_rivers
from support.flows import forecast, holes, series

PAGE = (Path(__file__).parents[2] / "docs/extending.md").read_text(encoding="utf-8")


def run_examples(section: str, **names: Any) -> dict[str, Any]:
    """Run all Python of one section of the page, one block after another, and give what it defines."""
    text = re.split(r"^## ", PAGE.split(f"## {section}\n")[1], flags=re.MULTILINE)[0]
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(block, names)
    return names


def test_the_baseline_of_the_page_forecasts_the_mean_of_the_last_week(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BASELINES, "last_week", BASELINES["persistence"])  # taken out again after the test
    run_examples("A baseline", BASELINES=BASELINES)
    rivers = make_rivers()
    rivers["riverflow"].loc["2005-03-01":"2005-03-10", "1001"] = [1.0, 9, 2, 3, 4, np.nan, 6, np.nan, 7, 8]
    rivers["riverflow"].loc["2005-03-01":"2005-03-10", "1002"] = np.nan
    train = date(2001, 1, 1), date(2004, 12, 31)
    fitted = fit_baselines(choose_baselines(["last_week"]), rivers, "riverflow", FORCING, train, 3)
    assert isinstance(fitted["last_week"], Baseline)
    issue = pd.DatetimeIndex(["2005-03-10"])
    made = forecast_baselines(fitted, rivers, issue, "none", lambda what, done: None)["last_week"]
    np.testing.assert_allclose(made.sel(station="1001").values, [[5.6, 5.6, 5.6]], rtol=1e-6)  # of 3, 4, 6, 7 and 8
    assert np.isnan(made.sel(station="1002")).all() and made.attrs["units"] == "mm/d"


def test_the_metric_of_the_page_is_scored_with_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METRICS, "volume_efficiency", METRICS["nse"])  # taken out again after the test
    names = run_examples("A metric", METRICS=METRICS, Metric=Metric, MEASURES=forecast_scores.MEASURES)
    monkeypatch.setattr(forecast_scores, "MEASURES", names["MEASURES"])
    observed = holes(series(300, 3), 0.05)
    made = forecast(series(300, 3))
    scores = forecast_scores.score_forecast(made, observed)
    truth = at_valid_times(observed, made).transpose(*made.dims).values  # [issue_time, lead_time, station]
    guess = np.where(np.isfinite(truth), made.values, np.nan)
    expected = 1 - np.nansum(abs(guess - truth), 0) / np.nansum(np.where(np.isfinite(guess), truth, np.nan), 0)
    np.testing.assert_allclose(scores["volume_efficiency"].values, expected)
    assert scores["volume_efficiency"].attrs["references"].startswith("Criss and Winston (2008)")
    table = quartile_table(forecast_scores.quartiles(scores), ["nse", "volume_efficiency"]).markdown()
    assert "volume_efficiency" in table and f"{np.median(expected[0]):.2f}" in table


def test_the_pages_that_tell_of_readers_and_strategies_have_their_sections() -> None:
    for page, heading in (("data", "Your own reader"), ("masks", "A strategy of your own")):
        text = (Path(__file__).parents[2] / f"docs/{page}.md").read_text(encoding="utf-8")
        assert f"## {heading}\n" in text
        assert f"({page}.md#{heading.lower().replace(' ', '-')})" in PAGE
