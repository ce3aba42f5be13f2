"""A reply as the page takes it: lines, bands, and errors beside the truth."""

from typing import Any, Final

import numpy as np
from jaxtyping import Bool, Float

from hydromae.serve.painted import Reply

_USUAL: Final = (90, 50)  # percent, of the bands that are drawn where a run has their levels


def described(label: str, levels: tuple[float, ...], reply: Reply) -> dict[str, Any]:
    """One run's reply, for JSON; None where there is no value.

    Args:
        label: of the run.
        levels: of its quantiles.
        reply: what it answers.
    """
    ahead = np.arange(len(reply.mean)) >= reply.history
    last = last_seen(reply)
    made: dict[str, Any] = {
        "label": label,
        "first": int(reply.first.astype(np.int64)),
        "mean": reply.mean.tolist(),
        "bands": bands(levels, reply.quantiles),
        "persistence": last,
        "errors": {
            "ahead": _errors(reply, levels, ahead & np.isfinite(reply.mean)),
            "hidden": _errors(reply, levels, reply.hidden & ~ahead & np.isfinite(reply.mean)),
        },
    }
    if last is not None:
        level = np.full(len(reply.mean), last)
        made["errors"]["persistence"] = _off(level, reply.observed, ahead & np.isfinite(reply.mean))
    return made


def last_seen(reply: Reply) -> float | None:
    """The last flow that the model saw up to the issue day; None where it saw none."""
    known, seen = reply.observed[: reply.history], ~reply.hidden[: reply.history]
    places = np.flatnonzero(np.isfinite(known) & seen)
    return float(known[places[-1]]) if places.size else None


def bands(levels: tuple[float, ...], quantiles: Float[np.ndarray, "day quantile"] | None) -> list[dict[str, Any]]:
    """The bands of 90 and 50 %, or else the widest and the narrowest between quantiles as far from the middle."""
    if quantiles is None:
        return []
    places = [(low, len(levels) - 1 - low) for low in range(len(levels) // 2)]
    shares = {
        round(100 * (levels[high] - levels[low])): (low, high)
        for low, high in places
        if np.isclose(levels[low] + levels[high], 1)
    }
    kept = _USUAL if shares.keys() >= set(_USUAL) else dict.fromkeys([max(shares), min(shares)]) if shares else ()
    return [
        {
            "share": share,
            "low": quantiles[:, shares[share][0]].tolist(),
            "high": quantiles[:, shares[share][1]].tolist(),
        }
        for share in kept
    ]


def _errors(reply: Reply, levels: tuple[float, ...], asked: Bool[np.ndarray, " day"]) -> dict[str, Any] | None:
    """How far the mean is from what was observed on some days; None where nothing was."""
    made = _off(reply.mean, reply.observed, asked)
    if made is None:
        return None
    days = asked & np.isfinite(reply.observed)
    for band in bands(levels, reply.quantiles)[:1]:
        low, high = (np.array(band[edge])[days] for edge in ("low", "high"))
        made |= {
            "share": band["share"],
            "inside": float(np.mean((reply.observed[days] >= low) & (reply.observed[days] <= high))),
        }
    return made


def _off(
    said: Float[np.ndarray, " day"], observed: Float[np.ndarray, " day"], asked: Bool[np.ndarray, " day"]
) -> dict[str, Any] | None:
    """Root mean square and mean error on those of some days that were observed; None where none was."""
    days = asked & np.isfinite(observed)
    if not days.any():
        return None
    off = said[days].astype(np.float64) - observed[days]
    return {"days": int(days.sum()), "rmse": float(np.sqrt(np.mean(off**2))), "bias": float(off.mean())}
