"""How good the forecasts are and where not, in the sentences with which the page begins."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import xarray as xr
from jaxtyping import Float

from hydromae.evaluation.compare import ALPHA
from hydromae.evaluation.forecast_verdict import leads_in_words
from hydromae.evaluation.standing import MODEL, baselines_in
from hydromae.report.evaluation import REGIMES, Evaluation

_LATER: Final = 3  # lead time at which poor stations are counted, where there is one


def headline(evaluation: Evaluation) -> list[str]:
    """A sentence for each regime: the score, the strongest baseline and whether they differ; then the poor stations."""
    sentences = []
    for regime, scores in evaluation.scores.items():
        sentence = _sentence(regime, scores)
        if sentence:
            sentences.append(" ".join([sentence, *_poor(evaluation.stations.get(regime))]))
    return sentences


def _sentence(regime: str, scores: xr.Dataset) -> str:
    median = scores["score"].sel(metric="nse", percentile=50).transpose("model", "lead_time")
    leads = [int(lead) for lead in scores["lead_time"].values]
    own = median.sel(model=MODEL).values
    if not np.isfinite(own).any():
        return ""
    first, last = np.flatnonzero(np.isfinite(own))[[0, -1]]
    number = int(scores["stations"].sel(metric="nse", model=MODEL).max())
    span = f"{own[first]:.2f} at lead {leads[first]}"
    span += f" and {own[last]:.2f} at lead {leads[last]}" if last > first else ""
    text = f"{REGIMES[regime].capitalize()}, the median NSE over {number} stations is {span}"
    return f"{text}{_against(scores, median, leads)}.".replace("-", "\N{MINUS SIGN}")


def _against(scores: xr.Dataset, median: xr.DataArray, leads: Sequence[int]) -> str:
    """Beside the strongest baseline of each lead time: better, equal or worse, and how sure that is."""
    rivals = baselines_in(scores)
    if not rivals:
        return "; no baseline was scored"
    of_rivals = median.sel(model=rivals).values  # [rival, lead]
    compared = np.isfinite(median.sel(model=MODEL).values) & np.isfinite(of_rivals).any(axis=0)
    if not compared.any():
        return "; no baseline was scored"
    strongest = np.where(np.isnan(of_rivals), -np.inf, of_rivals).argmax(axis=0)
    tests = {name: _difference(scores, name) for name in rivals}
    at: dict[str, list[int]] = {}
    beside: dict[str, list[int]] = {}
    for place in np.flatnonzero(compared).tolist():
        name = rivals[strongest[place]]
        gain = float(median.sel(model=MODEL).values[place] - of_rivals[strongest[place], place])
        at.setdefault(_in_words(tests[name], place, gain), []).append(leads[place])
        beside.setdefault(name, []).append(leads[place])
    names = ", ".join(f"{name} at {leads_in_words(of_name, leads)}" for name, of_name in beside.items())
    parts = [f"{words} at {_leads(of_words, leads, words)}" for words, of_words in at.items()]
    return f": beside the strongest baseline ({names}) it is {', '.join(parts)}"


def _leads(some: Sequence[int], leads: Sequence[int], words: str) -> str:
    """Lead times in words, as they stand behind a negation too."""
    said = leads_in_words(some, leads)
    return said.replace("every", "any") if words.startswith("not") else said


def _in_words(test: tuple[np.ndarray, np.ndarray] | None, place: int, gain: float) -> str:
    """How the model stands at a lead time, by a test where there was one, else by the medians."""
    if test is None or not np.isfinite(test[0][place]):
        return f"{'better' if gain > 0 else 'worse'} (not tested)"
    difference, p_value = test[0][place], test[1][place]
    if p_value < ALPHA:
        return f"significantly {'better' if difference > 0 else 'worse'}"
    return "not clearly different"


def _difference(
    scores: xr.Dataset, rival: str
) -> tuple[Float[np.ndarray, " lead_time"], Float[np.ndarray, " lead_time"]] | None:
    """The model's gain over a rival and its p value, where one of the two is what the others were tested against."""
    tested = scores[["difference", "p_value"]].sel(statistic="nse").transpose("model", "lead_time")
    is_reference = np.isnan(tested["difference"].values).all(axis=1)
    references = [str(name) for name in scores["model"].values[is_reference]]
    for reference, other, sign in ((rival, MODEL, 1.0), (MODEL, rival, -1.0)):
        if reference in references and other not in references:
            row = tested.sel(model=other)
            return sign * row["difference"].values, row["p_value"].values
    return None


def _poor(stations: xr.Dataset | None) -> list[str]:
    """How many stations would be served as well by their mean flow."""
    if stations is None or "nse" not in stations:
        return []
    lead = min(_LATER, int(stations["lead_time"].max()))
    scores = stations["nse"].sel(lead_time=lead).values
    scores = scores[np.isfinite(scores)]
    if not scores.size:
        return []
    poor = int((scores < 0).sum())
    if not poor:
        return [f"At lead {lead} no station is worse off than with its mean flow (NSE below 0)."]
    return [f"At lead {lead} it is worse than the mean flow (NSE below 0) at {poor} of {scores.size} stations."]
