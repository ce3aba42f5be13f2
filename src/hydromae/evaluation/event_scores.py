"""Scores of probabilities of an event, of all stations together: Brier score and skill, F1, reliability."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float

from hydromae.evaluation.significance import RESAMPLES, block_draws, interval, spacing

BINS: Final = 10  # of the reliability table
WARN_AT: Final = 0.3
_NAMES: Final = {
    "brier": "Brier score",
    "skill": "Brier skill score against climatology",
    "gain": "Brier skill score of the first forecast against this one",
    "f1": "F1 of warnings",
}

Probabilities = Float[np.ndarray, "issue lead station"]


def score_events(
    probabilities: Mapping[str, Probabilities],
    occurred: Probabilities,
    issued: np.ndarray,
    leads: np.ndarray,
    *,
    climatology: str = "climatology",
    warn_at: float = WARN_AT,
    block_days: int,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> xr.Dataset:
    """Score forecasts of the probability of an event on the pairs that all of them have, all stations pooled.

    With p the probability and o 1 where the event occurred, else 0 (Brier 1950; Murphy 1973; Wilks 2019, chapter 9):

    - `brier`: mean (p - o)^2, and `skill`: 1 - brier / brier of climatology;
    - `gain`: 1 - brier of the first forecast / brier of this one, with the `p_value` of no difference of both;
    - `f1`: 2 h / (2 h + f + m) of h warnings (p >= `warn_at`) of an event, f without one and m events without a
      warning; the F1 that a forecast can have is highest at about half its value as threshold (Lipton et al. 2014,
      doi:10.1007/978-3-662-44851-9_15);
    - `forecast_share`, `observed_share` and `pairs_in_bin` [model, lead_time, bin]: mean probability, share of
      events, and number of pairs whose probability lies in each tenth: the reliability table.

    Intervals (`_lower`, `_upper`, 95 %) and p values come from a bootstrap of blocks of issue times, closed to a
    circle, the same for all forecasts, stations and lead times: see `hydromae.evaluation.significance`.

    Args:
        probabilities: by name, NaN where there is none; the first is compared with the others.
        occurred: 1, 0, or NaN where not known.
        issued: issue days, datetime64[D] [issue], in order.
        leads: lead times in days.
        climatology: name of the forecast that skill is measured against.
        warn_at: probability from which on a forecast is a warning, in (0, 1].
        block_days: length of a block: longer than the events last.
        resamples: number of resamples.
        seed: of the draws.

    Returns:
        float64 [model, lead_time]; also `pairs`, `events` (pairs in the event) and `stations` [lead_time], and
        `station_brier` [model, lead_time, station]. NaN at lead times without an event, and skill and gain where a
        Brier score of 0 would be divided by.
    """
    there = np.isfinite(occurred)
    for p in probabilities.values():
        there &= np.isfinite(p)
    names = list(probabilities)
    o = np.where(there, occurred, 0.0)
    sums = {name: _sums(np.where(there, p, 0.0), o, there, warn_at) for name, p in probabilities.items()}
    of_models = np.stack([sums[name] for name in names])  # [model, kind, issue, lead]
    pairs, events = there.sum((0, 2)), o.sum((0, 2))  # [lead]
    block = max(1, round(block_days / spacing(issued)))
    draws = block_draws(len(issued), block, resamples, np.random.default_rng(seed))  # [resample, issue]
    with np.errstate(all="ignore"):
        own = _scores(of_models.sum(2)[None], pairs[None].astype(np.float64), names.index(climatology))
        drawn = _scores(
            np.einsum("ri,mkil->rmkl", draws, of_models, optimize=True),
            draws @ there.sum(2).astype(np.float64),
            names.index(climatology),
        )
    result = xr.Dataset(coords={"model": np.array(names, dtype=object), "lead_time": np.asarray(leads)})
    any_event = events > 0
    for name, words in _NAMES.items():
        low, high, _ = interval(drawn[name])
        ends = {"": own[name][0], "_lower": low, "_upper": high}
        for end, value in ends.items():
            named = words + {"": "", "_lower": ", lower end of the 95 % interval", "_upper": ", upper end"}[end]
            kept = np.where(any_event, value, np.nan)
            result[name + end] = (("model", "lead_time"), kept, {"long_name": named, "units": "1"})
    p_value = interval(drawn["brier"] - drawn["brier"][:, :1])[2]
    p_value[0] = np.nan
    words = "two-sided p value of no difference from the Brier score of the first forecast"
    result["p_value"] = (
        ("model", "lead_time"),
        np.where(any_event, p_value, np.nan),
        {"long_name": words, "units": "1"},
    )
    counts = {"pairs": pairs, "events": events, "stations": there.any(0).sum(1)}
    described = {"pairs": "scored pairs", "events": "scored pairs in the event", "stations": "stations that are scored"}
    for name, value in counts.items():
        result[name] = ("lead_time", value.astype(np.int64), {"long_name": described[name], "units": "1"})
    result.update(_reliability(probabilities, o, there))
    result["station_brier"] = (
        ("model", "lead_time", "station"),
        np.stack([_mean((p - o) ** 2, there) for p in probabilities.values()]),
        {"long_name": "Brier score of a station", "units": "1"},
    )
    return result


def _sums(
    p: Probabilities, o: Probabilities, there: Bool[np.ndarray, "issue lead station"], warn_at: float
) -> np.ndarray:
    """Squared errors, hits, and warnings and events together, summed over stations."""
    warned = (p >= warn_at) & there
    return np.stack([((p - o) ** 2 * there).sum(-1), (warned * o).sum(-1), (warned + o).sum(-1)])


def _scores(
    sums: np.ndarray, pairs: np.ndarray, climatology: int
) -> dict[str, Float[np.ndarray, "resample model lead"]]:
    """Scores of the sums of `_sums` and the numbers of pairs."""
    brier = sums[:, :, 0] / pairs[:, None]
    return {
        "brier": brier,
        "skill": np.where(brier[:, [climatology]] > 0, 1 - brier / brier[:, [climatology]], np.nan),
        "gain": np.where(brier > 0, 1 - brier[:, :1] / brier, np.nan),
        "f1": 2 * sums[:, :, 1] / sums[:, :, 2],
    }


def _reliability(
    probabilities: Mapping[str, Probabilities], o: Probabilities, there: Bool[np.ndarray, "issue lead station"]
) -> xr.Dataset:
    leads = o.shape[1]
    place = np.broadcast_to(np.arange(leads)[None, :, None], o.shape)[there] * BINS
    shares = []
    for p in probabilities.values():
        inside = place + np.minimum((p[there] * BINS).astype(np.int64), BINS - 1)
        number, forecast, observed = (
            np.bincount(inside, weights, leads * BINS).reshape(leads, BINS) for weights in (None, p[there], o[there])
        )
        some = np.where(number > 0, number, np.nan)
        shares.append((forecast / some, observed / some, number))
    middles = (np.arange(BINS) + 0.5) / BINS
    words = {
        "forecast_share": "mean probability in the bin",
        "observed_share": "share of events in the bin",
        "pairs_in_bin": "pairs in the bin",
    }
    result = xr.Dataset(coords={"bin": ("bin", middles, {"long_name": "probability, middle of the bin", "units": "1"})})
    for (name, long_name), values in zip(words.items(), zip(*shares, strict=True), strict=True):
        result[name] = (("model", "lead_time", "bin"), np.stack(values), {"long_name": long_name, "units": "1"})
    return result


def _mean(values: Probabilities, there: Bool[np.ndarray, "issue lead station"]) -> Float[np.ndarray, "lead station"]:
    number = there.sum(0)
    return np.where(number > 0, np.where(there, values, 0.0).sum(0) / np.maximum(number, 1), np.nan)
