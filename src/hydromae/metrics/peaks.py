"""Peaks: how many days too early or late they are predicted, and how many are not predicted at all."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int

from hydromae.metrics.catalogue import described
from hydromae.metrics.ordered import quantile
from hydromae.metrics.pairs import MIN_PAIRS, days, pair, point_forecast


def peaks(
    predicted: xr.DataArray,
    observed: xr.DataArray,
    min_pairs: int = MIN_PAIRS,
    *,
    timing_window: int = 3,
    missed_window: int = 1,
    percentile: float = 80.0,
) -> xr.Dataset:
    """Peak timing error (Kratzert et al. 2021) and share of missed peaks (Kratzert et al. 2022), as neuralhydrology.

    Samples without a pair are left out before peaks are searched. A peak is judged only where its whole window is of
    consecutive days, so forecasts issued every few days have no judged peak and give NaN. neuralhydrology counts peaks
    that cannot be judged as not missed; here they do not count at all, so the two differ beside gaps.

    Args:
        predicted: [issue_time, lead_time, station] or [time, station]; of quantiles, the one of 0.5 is used.
        observed: [time, station], or with the dimensions of `predicted`.
        min_pairs: fewest complete pairs of a station.
        timing_window: days before and after an observed peak in which the predicted peak is searched.
        missed_window: days between an observed and a predicted peak that are still the same.
        percentile: percentile of each series by itself, above which a peak can be missed.

    Returns:
        `peak_timing` in days and `missed_peaks`, a share; float64 [lead_time, station] or [station], NaN where no peak
        can be judged.

    Raises:
        DataError: as `pair`.
    """
    predicted, observed = pair(point_forecast(predicted), observed, min_pairs)
    sample = observed.dims[-1]
    template = observed.isel({sample: 0}, drop=True)
    day = days(observed[sample]).astype(np.int64)
    p, q = (array.values.reshape(-1, len(day)) for array in (predicted, observed))  # [rows, sample]
    joined = _Joined.of(p, q, day)
    values = {"peak_timing": joined.timing(timing_window), "missed_peaks": joined.missed(missed_window, percentile)}
    return xr.Dataset(
        {name: described(template.copy(data=value.reshape(template.shape)), name) for name, value in values.items()}
    )


@dataclass(frozen=True)
class _Joined:
    """All rows without their gaps, one after another with infinity between, so that one search finds every peak.

    Infinity ends the walk that measures a peak's prominence, as the end of a series does, and there is enough of it
    that peaks of different rows do not suppress each other.
    """

    predicted: Float[np.ndarray, "place"]
    observed: Float[np.ndarray, "place"]
    day: Int[np.ndarray, "place"]
    count: Int[np.ndarray, "rows"]

    PADDING = 101

    @classmethod
    def of(
        cls, p: Float[np.ndarray, "rows sample"], q: Float[np.ndarray, "rows sample"], day: Int[np.ndarray, "sample"]
    ) -> "_Joined":
        """Join rows whose missing values are NaN in both."""
        missing = np.isnan(q)
        order = np.argsort(missing, axis=1, kind="stable")  # [rows, sample]: observed ones first, in order of time
        count = (~missing).sum(1)

        def join(values: np.ndarray, fill: float) -> np.ndarray:
            compact = np.take_along_axis(values, order, 1)
            compact = np.where(np.arange(values.shape[1]) < count[:, None], compact, fill)
            return np.pad(compact, ((0, 0), (0, cls.PADDING)), constant_values=fill).ravel()  # [rows * (sample + 101)]

        return cls(join(p, np.inf), join(q, np.inf), join(np.broadcast_to(day, q.shape), -1.0).astype(np.int64), count)

    @property
    def length(self) -> int:
        """Places of one row, padding included."""
        return len(self.day) // len(self.count)

    def find(
        self, values: Float[np.ndarray, "place"], distance: int, **limits: Float[np.ndarray, "rows"]
    ) -> Int[np.ndarray, "peak"]:
        """Places of the peaks whose `height` or `prominence` is at least the limit of their row."""
        from scipy.signal import find_peaks

        each = {name: np.repeat(limit, self.length) for name, limit in limits.items()}
        lowest = each.pop("height", np.full(len(values), -np.inf))
        # scipy applies the height first, so peaks of infinity are dropped before distances count
        places, _ = find_peaks(values, height=(lowest, np.finfo(np.float64).max), distance=distance, **each)
        return places

    def judged(self, places: Int[np.ndarray, "peak"], window: int) -> Bool[np.ndarray, "peak"]:
        """Which peaks have consecutive days on both sides."""
        row, position = np.divmod(places, self.length)
        inside = (position >= window) & (position + window < self.count[row])
        first, last = places - window, np.minimum(places + window, len(self.day) - 1)
        return inside & (self.day[last] - self.day[first] == 2 * window)

    def mean(self, places: Int[np.ndarray, "peak"], of: np.ndarray) -> Float[np.ndarray, "rows"]:
        """Mean over the peaks of each row, NaN where it has none."""
        row, rows = places // self.length, len(self.count)
        number = np.bincount(row, minlength=rows)
        return np.bincount(row, weights=of, minlength=rows) / np.where(number > 0, number, np.nan)

    def timing(self, window: int) -> Float[np.ndarray, "rows"]:
        """Mean absolute difference between the days of observed and predicted peaks."""
        values = np.where(np.isinf(self.observed), np.nan, self.observed).reshape(-1, self.length)
        spread = np.nan_to_num(np.sqrt(_variance(values)))
        places = self.find(self.observed, 100, prominence=spread)
        places = places[self.judged(places, window)]
        around = self.predicted[places[:, None] + np.arange(-window, window + 1)]  # [peak, 2 * window + 1]
        before, here, after = (around[:, window + shift] for shift in (-1, 0, 1))
        away = np.abs(around.argmax(1) - window)
        return self.mean(places, np.where((here > before) & (here > after), 0, away).astype(np.float64))

    def missed(self, window: int, percentile: float) -> Float[np.ndarray, "rows"]:
        """Share of observed peaks without a predicted one nearby."""
        places = []
        for values in (self.observed, self.predicted):
            ordered = np.sort(np.where(np.isinf(values), np.nan, values).reshape(-1, self.length), axis=1)
            height = np.nan_to_num(quantile(ordered, self.count, percentile / 100))
            places.append(self.find(values, 30, height=height))
        observed, predicted = places
        observed = observed[self.judged(observed, window)]
        if len(predicted) == 0:
            return self.mean(observed, np.ones(len(observed)))
        after = np.searchsorted(predicted, observed).clip(0, len(predicted) - 1)
        nearest = np.minimum(np.abs(predicted[after] - observed), np.abs(predicted[after - 1] - observed))
        return self.mean(observed, (nearest > window).astype(np.float64))


def _variance(values: Float[np.ndarray, "rows sample"]) -> Float[np.ndarray, "rows"]:
    observed = np.isfinite(values)
    number = np.maximum(observed.sum(1), 1)
    mean = np.nansum(values, 1) / number
    return np.nansum((values - mean[:, None]) ** 2, 1) / number
