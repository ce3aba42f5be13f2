"""Where a model stands among others, in words: ahead of whom, behind whom, where, and where beyond chance."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float

from hydromae.evaluation.compare import ALPHA

MODEL: Final = "hydromae"
SCORED: Final = "scored_model"  # attribute of scores: the model's name where it is not ours
SEEDS: Final = "average several runs (train or finetune once more with seed=1, then name both)"


@dataclass(frozen=True)
class Rival:
    """What a model is compared with.

    Attributes:
        scores: at each place, higher is better.
        beyond_chance: whether the model's difference from it was tested to be so; None where nothing was tested.
    """

    scores: Float[np.ndarray, " place"]
    beyond_chance: Bool[np.ndarray, " place"] | None = None


@dataclass(frozen=True)
class Standing:
    """The comparison in words, "" where nothing could be compared, and whether the model is behind anyone anywhere."""

    words: str
    behind: bool


def standing(
    own: Float[np.ndarray, " place"], rivals: Mapping[str, Rival], where: Callable[[Sequence[int]], str]
) -> Standing:
    """Compare a model's scores with those of others, where both have one. Equal scores count as behind.

    Args:
        own: scores of the model at each place: a lead time, a length of gap.
        rivals: by name.
        where: places in words, as `at leads 1 to 3`, of their positions.
    """
    ahead, behind = {}, {}
    for name, rival in rivals.items():
        both = np.isfinite(own) & np.isfinite(rival.scores)
        ahead[name], behind[name] = both & (own > rival.scores), both & (own <= rival.scores)
    clauses = [
        f"{word} {listed([f'{of}{group}' for group in groups])}"
        for word, of, places in (("ahead", "of ", ahead), ("behind", "", behind))
        if (groups := _grouped(places, rivals, where))
    ]
    return Standing(", but ".join(clauses), any(places.any() for places in behind.values()))


def standing_in(scores: xr.Dataset, where: Callable[[Sequence[int]], str], metric: str = "nse") -> Standing:
    """Compare the model's medians over stations in a `Comparison`'s scores with those of the baselines.

    Args:
        scores: `score` [model, metric, lead_time, percentile], or without lead_time, and the tests if there are any.
        where: lead times in words, of their positions.
        metric: one of which higher values are better.
    """
    by_lead = scores if "lead_time" in scores.dims else scores.expand_dims(lead_time=[0])
    median = by_lead["score"].sel(metric=metric, percentile=50).transpose("model", "lead_time")
    rivals = {
        name: Rival(median.sel(model=name).values, _beyond_chance(by_lead, name, metric))
        for name in baselines_in(scores)
    }
    return standing(median.sel(model=model_in(scores)).values, rivals, where)


def baselines_in(scores: xr.Dataset) -> list[str]:
    """The names in a comparison that are not the model's own mean, median or blend."""
    model = model_in(scores)
    own = (f"{model}, ", f"{model} with ")
    return [str(name) for name in scores["model"].values if name != model and not str(name).startswith(own)]


def model_in(scores: xr.Dataset) -> str:
    """What a comparison calls the model that it is about."""
    return str(scores.attrs.get(SCORED, MODEL))


def sentence(begin: str, stand: Standing, untrained: Sequence[str], advice: str) -> str:
    """What the model is ahead of, where it is behind, and what to try.

    Args:
        begin: where it was compared, the beginning of the sentence.
        stand: the comparison.
        untrained: what the run was not trained for, which comes first.
        advice: what to try where it is behind.
    """
    if not stand.words:
        return f"{begin}, nothing can be said of the model: no station could be scored."
    return f"{begin}, the model is {stand.words} (median NSE over stations); {to_try(stand.behind, untrained, advice)}."


def to_try(behind: bool, untrained: Sequence[str], advice: str) -> str:
    """What would make a model better, in words: what it was never trained for comes first."""
    if untrained:
        return f"to do better, train it for this ({'; '.join(untrained)})"
    return f"to do better, {advice if behind else SEEDS}"


def listed(parts: Sequence[str]) -> str:
    """Parts in words, as `a, b and c`."""
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)


def _beyond_chance(scores: xr.Dataset, name: str, metric: str) -> Bool[np.ndarray, " lead_time"] | None:
    """Whether the model differs from a baseline by the bootstrap; None where the two were not tested."""
    if "p_value" not in scores or metric not in scores["statistic"].values:
        return None
    model = model_in(scores)
    tested = scores["p_value"].sel(statistic=metric).transpose("model", "lead_time")
    # The reference is tested against nothing; each of the others is tested against it.
    untested = [str(one) for one in scores["model"].values if np.isnan(tested.sel(model=one)).all()]
    if name in untested:
        return None if model in untested else tested.sel(model=model).values < ALPHA
    return tested.sel(model=name).values < ALPHA if model in untested else None


def _grouped(
    places: Mapping[str, Bool[np.ndarray, " place"]],
    rivals: Mapping[str, Rival],
    where: Callable[[Sequence[int]], str],
) -> list[str]:
    """Names of the same places together, with these places, in the order of the rivals."""
    together: dict[str, list[str]] = {}
    for name, there in places.items():
        if there.any():
            words = f"{where(np.flatnonzero(there).tolist())} {_chance(rivals[name], there, where)}".strip()
            together.setdefault(words, []).append(name)
    return [f"{listed(names)} {words}".strip() for words, names in together.items()]


def _chance(rival: Rival, there: Bool[np.ndarray, " place"], where: Callable[[Sequence[int]], str]) -> str:
    if rival.beyond_chance is None:
        return ""
    beyond = there & rival.beyond_chance
    if not beyond.any():
        return "(within chance)"
    return "(beyond chance)" if (beyond == there).all() else f"(beyond chance {where(np.flatnonzero(beyond).tolist())})"
