"""What the scores of a forecast mean in words: which baselines it beats, at which lead times."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import xarray as xr

MODEL: Final = "hydromae"
_REGIMES: Final = {
    "none": "without any weather after the issue time",
    "perfect": "with the observed weather of the horizon",
}


def beaten(scores: xr.Dataset, metric: str = "nse") -> dict[str, tuple[int, ...]]:
    """Lead times at which the model's median over stations is above that of each baseline.

    Args:
        scores: `score` [model, metric, lead_time, percentile] as in a `Comparison`.
        metric: a metric of which higher values are better.
    """
    median = scores["score"].sel(metric=metric, percentile=50).transpose("model", "lead_time")
    leads = median["lead_time"].values
    own = median.sel(model=MODEL).values
    return {name: tuple(leads[own > median.sel(model=name).values].tolist()) for name in baselines_in(scores)}


def baselines_in(scores: xr.Dataset) -> list[str]:
    """The names in a comparison that are not the model's own mean or median."""
    return [str(name) for name in scores["model"].values if not str(name).startswith(MODEL)]


def forecast_verdict(scores: Mapping[str, xr.Dataset]) -> str:
    """A sentence for each regime of forcing, without those in which no baseline was scored.

    Args:
        scores: regime -> scores as for `beaten`.
    """
    return " ".join(_sentence(regime, of_regime) for regime, of_regime in scores.items() if baselines_in(of_regime))


def leads_in_words(leads: Sequence[int], all_leads: Sequence[int]) -> str:
    """Lead times in words, as `leads 2 to 7`."""
    if not len(leads):
        return "no lead time"
    if len(leads) == len(all_leads):
        return "every lead time"
    if len(leads) == 1:
        return f"lead {leads[0]}"
    if len(leads) > 2 and np.array_equal(np.diff(leads), np.ones(len(leads) - 1)):
        return f"leads {leads[0]} to {leads[-1]}"
    return f"leads {', '.join(map(str, leads[:-1]))} and {leads[-1]}"


def scored(scores: xr.Dataset, metric: str = "nse") -> dict[str, tuple[int, ...]]:
    """Lead times at which both the model and a baseline have a score, for each baseline; arguments as for `beaten`."""
    median = scores["score"].sel(metric=metric, percentile=50).transpose("model", "lead_time")
    leads, finite = median["lead_time"].values, xr.DataArray(np.isfinite(median))
    own = finite.sel(model=MODEL).values
    return {name: tuple(leads[own & finite.sel(model=name).values].tolist()) for name in baselines_in(scores)}


def _sentence(regime: str, scores: xr.Dataset) -> str:
    all_leads = scores["lead_time"].values.tolist()
    words, both = _REGIMES.get(regime, regime).capitalize(), scored(scores)
    why = str(scores.attrs.get("unscored", ""))
    if not any(both.values()):
        return f"{words}, nothing can be said of the forecast: {why or 'no station could be scored'}."
    together: dict[str, list[str]] = {}
    for name, leads in beaten(scores).items():
        if both[name]:
            together.setdefault(leads_in_words(leads, all_leads), []).append(name)
    parts = [f"{' and '.join(names)} at {leads}" for leads, names in together.items()]
    lacking = {name: [lead for lead in all_leads if lead not in both[name]] for name in both}
    unsaid = [f"{name} at {leads_in_words(leads, all_leads)}" for name, leads in lacking.items() if leads]
    rest = f" Not compared: {', '.join(unsaid)}{why and f' ({why})'}." if unsaid else ""
    return f"{words}, the forecast beats {', '.join(parts)} (median NSE).{rest}"
