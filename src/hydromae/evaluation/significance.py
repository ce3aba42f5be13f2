"""Which differences between two forecasts are significant: Diebold-Mariano by station, block bootstrap over all."""

from typing import Final, Literal

import numpy as np
import xarray as xr
from jaxtyping import Float

from hydromae.metrics.ordered import ascending, quantile
from hydromae.metrics.pairs import MIN_PAIRS, days, lead_days, pair, point_forecast, sample_dim

BLOCK_DAYS: Final = 30
RESAMPLES: Final = 1000
_AT_ONCE = 100  # resamples whose sums are held in memory together

Statistic = Literal["nse", "kge"]


def diebold_mariano(
    first: xr.DataArray, second: xr.DataArray, observed: xr.DataArray, min_pairs: int = MIN_PAIRS
) -> xr.Dataset:
    """Test of equal squared errors at each station and lead time (Diebold and Mariano 1995, Harvey et al. 1997).

    d = (first - observed)^2 - (second - observed)^2; the statistic is mean d over its standard error, the variance with
    autocovariances up to h - 1 steps, times Harvey's, Leybourne's and Newbold's correction for few samples, and
    compared with Student's t of n - 1 degrees of freedom. h is the lead time in steps of the issue times, rounded up
    (1 for a series), since only errors of overlapping forecasts need be correlated. An autocovariance takes only pairs
    of days that both have a value.

    Args:
        first: [issue_time, lead_time, station] or [time, station]; of quantiles the median counts.
        second: like the first.
        observed: [time, station], or with the dimensions of the forecasts.
        min_pairs: fewest days of a station with all three values.

    Returns:
        float64 [lead_time, station] or [station]: `difference` (mean d, squared unit of the flow; below 0 where the
        first is better), `statistic` and two-sided `p_value`. NaN where there are fewer days, or the estimated variance
        is not positive, as it is for equal forecasts.

    Raises:
        DataError: as for `pair`.
    """
    from scipy.special import stdtr

    first, second, observed = _together(first, second, observed, min_pairs)
    d = ((first - observed) ** 2 - (second - observed) ** 2).values  # [lead_time, station, sample]
    step = spacing(days(observed[sample_dim(observed)]))
    steps = np.ceil(lead_days(observed) / step).astype(np.int64) if "lead_time" in observed.dims else np.array(1)
    there = np.isfinite(d)
    n = np.where(there.any(-1), there.sum(-1), np.nan)
    mean = np.nansum(d, -1) / n
    centred = np.where(there, d - mean[..., None], 0.0)
    h = np.broadcast_to(steps[..., None], mean.shape) if steps.ndim else np.ones(mean.shape, np.int64)
    variance = (centred**2).sum(-1)
    for lag in range(1, int(h.max(initial=1))):
        variance = variance + np.where(lag < h, 2 * (centred[..., lag:] * centred[..., :-lag]).sum(-1), 0.0)
    variance = variance / n**2
    variance = np.where(variance > 0, variance, np.nan)
    correction = np.sqrt(np.maximum(n + 1 - 2 * h + h * (h - 1) / n, 0) / n)
    statistic = correction * mean / np.sqrt(variance)
    template = observed.isel({observed.dims[-1]: 0}, drop=True)
    reference = "Diebold and Mariano (1995), doi:10.1080/07350015.1995.10524599; Harvey et al. (1997)"
    values = {
        "difference": (mean, "mean difference of squared errors, first - second"),
        "statistic": (statistic, "Diebold-Mariano statistic, corrected for few samples"),
        "p_value": (2 * stdtr(n - 1, -np.abs(statistic)), "two-sided p value of equal squared errors"),
    }
    return xr.Dataset(
        {
            name: xr.DataArray(
                value, template.coords, template.dims, attrs={"long_name": words, "references": reference}
            )
            for name, (value, words) in values.items()
        }
    )


def bootstrap_difference(
    first: xr.DataArray,
    second: xr.DataArray,
    observed: xr.DataArray,
    *,
    statistic: Statistic = "nse",
    min_pairs: int = MIN_PAIRS,
    resamples: int = RESAMPLES,
    block_days: int = BLOCK_DAYS,
    level: float = 0.95,
    seed: int = 0,
) -> xr.Dataset:
    """Difference of the medians over stations of NSE or KGE, with its interval, by a block bootstrap over time.

    Blocks of consecutive samples are drawn with replacement from the record, closed to a circle (Künsch 1989, Politis
    and Romano 1992). Both forecasts, all stations and all lead times get the same blocks, so that they share the same
    weather. The efficiencies of each resample come from its sums, and their medians over stations are compared.

    Args:
        first: [issue_time, lead_time, station] or [time, station]; of quantiles the median counts.
        second: like the first.
        observed: [time, station], or with the dimensions of the forecasts.
        statistic: `nse`, or `kge` (2009).
        min_pairs: fewest days of a station with all three values, in the whole record.
        resamples: number of resamples; p values cannot be below 2 / (resamples + 1).
        block_days: length of a block, rounded to whole samples: longer than floods last.
        level: of the interval, in (0, 1).
        seed: of the draws; equal seeds give equal results.

    Returns:
        float64 [lead_time] (no dimension for a series): `difference` (median of first - median of second), `lower` and
        `upper` ends of the percentile interval, two-sided `p_value` of no difference, and `stations`, how many are
        scored.

    Raises:
        DataError: as for `pair`.
        ValueError: arguments outside their range.
    """
    if resamples < 1 or block_days < 1 or not 0 < level < 1:
        raise ValueError("resamples and block_days are at least 1 and level is in (0, 1)")
    first, second, observed = _together(first, second, observed, min_pairs)
    sums = _DailySums(first.values, second.values, observed.values)
    block = max(1, round(block_days / spacing(days(observed[sample_dim(observed)]))))
    counts = block_draws(observed.shape[-1], block, resamples, np.random.default_rng(seed))  # [resample, sample]
    whole = _medians(sums, np.ones((1, observed.shape[-1])), statistic)[0]  # [lead_time]
    drawn = np.concatenate(
        [_medians(sums, counts[i : i + _AT_ONCE], statistic) for i in range(0, resamples, _AT_ONCE)]
    )  # [resample, lead_time]
    lower, upper, p_value = interval(drawn, level)
    counted = observed.notnull().any(sample_dim(observed)).sum("station")
    reference = "Künsch (1989), doi:10.1214/aos/1176347265; Politis and Romano (1992)"
    values = {
        "difference": (whole, f"difference of median {statistic.upper()}, first - second"),
        "lower": (lower, f"lower end of the {100 * level:g} % interval"),
        "upper": (upper, f"upper end of the {100 * level:g} % interval"),
        "p_value": (p_value, "two-sided p value of no difference"),
        "stations": (counted.values.astype(np.float64), "stations that count"),
    }
    return xr.Dataset(
        {
            name: xr.DataArray(
                value.reshape(counted.shape), counted.coords, counted.dims, attrs={"long_name": words, "units": "1"}
            )
            for name, (value, words) in values.items()
        },
        attrs={"references": reference, "resamples": resamples, "block_days": block_days, "seed": seed},
    )


def interval(
    drawn: Float[np.ndarray, "resample *rest"], level: float = 0.95
) -> tuple[Float[np.ndarray, "*rest"], Float[np.ndarray, "*rest"], Float[np.ndarray, "*rest"]]:
    """Lower and upper end of the percentile interval of resampled values, and the two-sided p value of their being 0.

    Args:
        drawn: NaN where a resample has no value; NaN in all gives NaN.
        level: of the interval, in (0, 1).
    """
    ordered, number = ascending(np.moveaxis(drawn, 0, -1))
    tail = (1 - level) / 2
    beyond = np.minimum((drawn <= 0).sum(0), (drawn >= 0).sum(0))
    p_value = np.where(number > 0, np.minimum(2 * (beyond + 1) / (number + 1), 1.0), np.nan)
    return quantile(ordered, number, tail), quantile(ordered, number, 1 - tail), p_value


class _DailySums:
    """The terms of the sums of a resample, for every sample: [sample, lead_time * station] each.

    Flows are relative to the mean of the station's observations, so that small variances lose no digits.
    """

    def __init__(self, first: np.ndarray, second: np.ndarray, observed: np.ndarray) -> None:
        there = np.isfinite(observed)
        number = np.maximum(there.sum(-1, keepdims=True), 1)
        self.level = (np.nansum(observed, -1, keepdims=True) / number)[..., 0]  # [lead_time, station]
        self.shape = self.level.shape
        self.n = self._flat(there.astype(np.float64))
        self.q, self.first, self.second = (
            self._flat(np.where(there, flow - self.level[..., None], 0.0)) for flow in (observed, first, second)
        )

    def _flat(self, values: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(values.reshape(-1, values.shape[-1]).T)  # [sample, lead_time * station]

    def nse(self, counts: Float[np.ndarray, "resample sample"]) -> list[np.ndarray]:
        """NSE of both forecasts in each resample, [resample, lead_time * station]."""
        n, q, qq = counts @ self.n, counts @ self.q, counts @ self.q**2
        spread = qq - q**2 / n
        spread = np.where(spread > 1e-12 * qq, spread, np.nan)
        return [1 - (counts @ (p - self.q) ** 2) / spread for p in (self.first, self.second)]

    def kge(self, counts: Float[np.ndarray, "resample sample"]) -> list[np.ndarray]:
        """KGE (2009) of both forecasts in each resample, [resample, lead_time * station]."""
        n = counts @ self.n
        mean_q = counts @ self.q / n
        variance_q = counts @ self.q**2 / n - mean_q**2
        sd_q = np.sqrt(np.where(variance_q > 0, variance_q, np.nan))
        level = self.level.ravel()
        result = []
        for p in (self.first, self.second):
            mean_p = counts @ p / n
            sd_p = np.sqrt(np.maximum(counts @ p**2 / n - mean_p**2, 0))
            covariance = counts @ (p * self.q) / n - mean_p * mean_q
            r = np.where(sd_p > 1e-9, covariance / np.maximum(sd_p * sd_q, 1e-300), 0.0)
            flow = np.where(mean_q + level > 0, mean_q + level, np.nan)
            beta = (mean_p + level) / flow
            result.append(1 - np.sqrt((r - 1) ** 2 + (sd_p / sd_q - 1) ** 2 + (beta - 1) ** 2))
        return result


def _medians(sums: _DailySums, counts: np.ndarray, statistic: Statistic) -> np.ndarray:
    """Difference of the medians over stations in each resample, [resample, lead_time] or [resample, 1]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        both = sums.nse(counts) if statistic == "nse" else sums.kge(counts)
    shaped = [values.reshape(len(counts), -1, sums.shape[-1]) for values in both]  # [resample, lead_time, station]
    unknown = np.isnan(shaped[0]) | np.isnan(shaped[1])
    medians = [quantile(*ascending(np.where(unknown, np.nan, values)), 0.5) for values in shaped]
    return medians[0] - medians[1]


def block_draws(
    samples: int, block: int, resamples: int, generator: np.random.Generator
) -> Float[np.ndarray, "resample sample"]:
    """How often each sample is drawn in each resample of the same length: circular blocks, the last one cut."""
    block = min(block, samples)
    blocks = -(-samples // block)
    starts = generator.integers(0, samples, (resamples, blocks))
    chosen = (starts[..., None] + np.arange(block)) % samples  # [resample, blocks, block]
    chosen = chosen.reshape(resamples, -1)[:, :samples]
    row = np.arange(resamples)[:, None] * samples
    return (
        np.bincount((row + chosen).ravel(), minlength=resamples * samples)
        .reshape(resamples, samples)
        .astype(np.float64)
    )


def _together(
    first: xr.DataArray, second: xr.DataArray, observed: xr.DataArray, min_pairs: int
) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    """All three on their common days and stations, samples last; the observations are NaN wherever one is missing."""
    first, observed = pair(point_forecast(first), observed, 1)
    second, observed = pair(point_forecast(second), observed, min_pairs)
    first, second, observed = xr.align(first, second, observed, join="inner")
    return first, second, observed


def spacing(samples: np.ndarray) -> float:
    """Days between samples, datetime64[D], the median; 1 where there are fewer than two."""
    return float(np.median(np.diff(samples.astype(np.int64)))) if len(samples) > 1 else 1.0
