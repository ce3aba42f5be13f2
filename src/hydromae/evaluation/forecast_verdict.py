"""What the scores of a forecast mean in one sentence: which baselines it is ahead of, where not, and what to try."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import xarray as xr

from hydromae.evaluation.compare import UNSCORED
from hydromae.evaluation.standing import SCORED, SEEDS, Standing, baselines_in, model_in, standing_in, to_try

UNTRAINED: Final = "not_trained_for"  # attribute of scores: what of the forecast the run was not trained for
_REGIMES: Final = {
    "none": "without any weather after the issue time",
    "perfect": "with the observed weather of the horizon",
    "simulation": "as a simulation",
}
_LONGER: Final = "train for longer (training.epochs), on more stations or with a wider recurrence (model.recurrent_dim)"
_WEATHER: Final = f"give it a weather forecast (--forcing FILE), or {SEEDS}"


def forecast_verdict(scores: Mapping[str, xr.Dataset], metric: str = "nse") -> str:
    """A sentence over all regimes of forcing in which a baseline was scored, and one of what was not compared.

    Args:
        scores: regime -> `score` [model, metric, lead_time, percentile] as in a `Comparison`, with its tests if it has
            them.
        metric: one of which higher values are better.
    """
    compared = {regime: of_regime for regime, of_regime in scores.items() if baselines_in(of_regime)}
    if not compared:
        return ""
    stands = {regime: _standing(of_regime, metric) for regime, of_regime in compared.items()}
    parts, reasons = [], dict[str, None]()
    for regime, stand in stands.items():
        why, words = str(compared[regime].attrs.get(UNSCORED, "")), _REGIMES.get(regime, regime)
        other = compared[regime].attrs.get(SCORED)
        if other is not None and regime != "simulation":  # the weather is that of the baselines
            words = f"beside baselines {words}"
        model = other or "the model"
        nothing = f"nothing can be said of the forecast: {why or 'no station could be scored'}"
        parts.append(f"{words}, {f'{model} is {stand.words}' if stand.words else nothing}")
        if stand.words and (unsaid := _unsaid(compared[regime], metric)):
            reasons[f" Not compared {words}: {unsaid}{why and f' ({why})'}."] = None
    sentence = "; ".join(parts)
    if any(stand.words for stand in stands.values()):
        untrained = dict.fromkeys(str(of.attrs[UNTRAINED]) for of in compared.values() if of.attrs.get(UNTRAINED))
        behind = any(stand.behind for stand in stands.values())
        advice = f"; {to_try(behind, list(untrained), _advice(stands))}"
        foreign = any(SCORED in of.attrs for of in compared.values())  # whose training we do not know
        sentence += f" (median NSE over stations){'' if foreign else advice}"
    return f"{sentence[:1].upper()}{sentence[1:]}.{''.join(reasons)}"


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


def _standing(scores: xr.Dataset, metric: str) -> Standing:
    if "lead_time" not in scores.dims:
        return standing_in(scores, lambda places: "", metric)
    leads = scores["lead_time"].values.tolist()
    return standing_in(scores, lambda places: f"at {leads_in_words([leads[place] for place in places], leads)}", metric)


def _unsaid(scores: xr.Dataset, metric: str) -> str:
    """The baselines that lack a score, or the model does, with their lead times."""
    if "lead_time" not in scores.dims:
        return ""
    median = scores["score"].sel(metric=metric, percentile=50).transpose("model", "lead_time")
    leads, finite = median["lead_time"].values.tolist(), xr.DataArray(np.isfinite(median))
    own, lacking = finite.sel(model=model_in(scores)).values, {}
    for name in baselines_in(scores):
        both = own & finite.sel(model=name).values
        lacking[name] = [lead for lead, there in zip(leads, both, strict=True) if not there]
    return ", ".join(f"{name} at {leads_in_words(of, leads)}" for name, of in lacking.items() if of)


def _advice(stands: Mapping[str, Standing]) -> str:
    behind = [regime for regime, stand in stands.items() if stand.behind]
    return _WEATHER if behind == ["none"] and "perfect" in stands else _LONGER
