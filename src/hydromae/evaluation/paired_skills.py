"""How hiding one modality affects the others: skills of paired reconstructions, with intervals over windows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from hydromae.evaluation.reconstruction import SquaredErrors
from hydromae.evaluation.significance import BLOCK_DAYS, RESAMPLES, block_draws

MEAN: Final = "mean"  # the method that all others are compared with
_AT_ONCE = 50  # resamples whose errors are held in memory together


@dataclass(frozen=True)
class PairedErrors:
    """Squared errors of several reconstructions of the same hidden values, window by window.

    Attributes:
        methods: names of the columns, `MEAN` among them.
        sums: [window, method, place] sums of squared errors, float64; a grid has one place, series their stations.
        counts: [window, place] number of scored values.
    """

    methods: tuple[str, ...]
    sums: Float[np.ndarray, "window method place"]
    counts: Float[np.ndarray, "window place"]

    @classmethod
    def of_windows(cls, windows: Sequence[SquaredErrors]) -> "PairedErrors":
        """Made from the sums of one or more windows, all with the same methods."""
        methods = tuple(windows[0].sums)
        sums = [np.stack([np.atleast_1d(w.sums[m].cpu().numpy()) for m in methods]) for w in windows]
        counts = [np.atleast_1d(w.counts.cpu().numpy()) for w in windows if w.counts is not None]
        return cls(methods, np.stack(sums).astype(np.float64), np.stack(counts).astype(np.float64))

    def mse(self, weights: Float[np.ndarray, "resample window"]) -> Float[np.ndarray, "resample method"]:
        """Mean squared error of each method, the median over places, with each window counted as often as `weights`
        says.

        NaN where nothing is scored.
        """
        counts = weights @ self.counts  # [resample, place]
        sums = np.einsum("rw,wmp->rmp", weights, self.sums, optimize=True)  # [resample, method, place]
        with np.errstate(invalid="ignore", divide="ignore"):
            errors = np.where(counts[:, None] > 0, sums / counts[:, None], np.nan)
        scored = (counts > 0).any(-1)
        median = np.full(errors.shape[:2], np.nan)
        median[scored] = np.nanmedian(errors[scored], axis=-1)  # [resample, method]
        return median


@dataclass(frozen=True)
class PairedSkills:
    """Skills 1 - MSE / MSE of the mean (Murphy 1988) and their differences from a reference method.

    Attributes:
        mse: method -> mean squared error.
        skill: method -> skill, its lower and its upper end.
        change: method -> skill - skill of the reference, its lower and its upper end.
        values: number of scored values.
    """

    mse: Mapping[str, float]
    skill: Mapping[str, tuple[float, float, float]]
    change: Mapping[str, tuple[float, float, float]]
    values: int


def paired_skills(
    errors: PairedErrors,
    references: Mapping[str, str],
    window_days: float,
    *,
    resamples: int = RESAMPLES,
    block_days: int = BLOCK_DAYS,
    level: float = 0.95,
    seed: int = 0,
) -> PairedSkills:
    """Skills and their differences from a reference, with percentile intervals of a block bootstrap over windows.

    Blocks of consecutive windows are drawn with replacement from the record, closed to a circle (Künsch 1989,
    Politis and Romano 1992). All methods get the same draws, so that differences between windows cancel.

    Args:
        errors: in order of time.
        references: method -> the method that it is compared with.
        window_days: days from one window to the next.
        resamples: number of resamples.
        block_days: length of a block, rounded to whole windows.
        level: of the intervals, in (0, 1).
        seed: of the draws.

    Raises:
        ValueError: arguments outside their range.
    """
    if resamples < 1 or block_days < 1 or not 0 < level < 1:
        raise ValueError("resamples and block_days are at least 1 and level is in (0, 1)")
    windows = len(errors.sums)
    block = max(1, round(block_days / window_days))
    weights = block_draws(windows, block, resamples, np.random.default_rng(seed))  # [resample, window]
    whole = errors.mse(np.ones((1, windows)))
    drawn = [errors.mse(weights[i : i + _AT_ONCE]) for i in range(0, resamples, _AT_ONCE)]
    all_mse = np.concatenate([whole, *drawn])  # [1 + resample, method]
    mean = all_mse[:, [errors.methods.index(MEAN)]]
    with np.errstate(invalid="ignore", divide="ignore"):
        skills = np.where(mean > 0, 1 - all_mse / mean, np.nan)  # [1 + resample, method]
    column = {method: skills[:, i] for i, method in enumerate(errors.methods)}
    return PairedSkills(
        mse=dict(zip(errors.methods, all_mse[0].tolist(), strict=True)),
        skill={method: _with_interval(values, level) for method, values in column.items()},
        change={m: _with_interval(column[m] - column[other], level) for m, other in references.items()},
        values=int(errors.counts.sum()),
    )


def _with_interval(values: Float[np.ndarray, " draw"], level: float) -> tuple[float, float, float]:
    """The first value, from all windows, and the quantiles of the others."""
    drawn = values[1:][np.isfinite(values[1:])]
    if not drawn.size:
        return float(values[0]), float("nan"), float("nan")
    lower, upper = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2]).tolist()
    return float(values[0]), lower, upper
