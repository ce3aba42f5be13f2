"""Floods and low-flow spells as events: predicted, missed, or falsely predicted."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Int

from hydromae.metrics.catalogue import described
from hydromae.metrics.pairs import MIN_PAIRS, days, pair, point_forecast, sample_dim

COUNTS: Final = ("hits", "misses", "predicted", "false_alarms")
TOLERANCES: Final = (0, 1, 2)
INDEPENDENCE: Final = (
    5  # days; Lang et al. (1999), doi:10.1016/S0022-1694(99)00167-5, after the US Water Resources Council
)


def flood_events(
    predicted: xr.DataArray,
    observed: xr.DataArray,
    threshold: xr.DataArray,
    min_pairs: int = MIN_PAIRS,
    *,
    tolerances: Sequence[int] = TOLERANCES,
    independence: int = INDEPENDENCE,
) -> xr.Dataset:
    """Hits, misses and false alarms of flood events, within some days (after Nearing et al. 2024).

    An event is a span of days with a flow above the threshold; days that are at most `independence` days apart belong
    to one event. An observed event is a hit if a predicted flow is above the threshold on one of its days, or within
    `tolerance` days of one; a predicted event is a false alarm if no observed flow is. Only days with both an
    observation and a prediction count, so with forecasts issued every few days all tolerances below that spacing give
    the same.

    Args:
        predicted: [issue_time, lead_time, station] or [time, station]; of quantiles the median counts.
        observed: [time, station], or with the dimensions of `predicted`.
        threshold: [station] or with more dimensions, as `return_period`; from `flood_thresholds`. NaN is no threshold.
        min_pairs: fewest complete pairs of a station.
        tolerances: days, not negative.
        independence: days.

    Returns:
        `flood_hits`, `flood_misses` (of the observed events), `flood_predicted` (events), `flood_false_alarms` (of
        those), `flood_precision`, `flood_recall`, `flood_f1`, float64 [return_period, tolerance, lead_time, station];
        NaN where there is no threshold or no event to divide by.

    Raises:
        DataError: as for `pair`.
    """
    return _events("flood", predicted, observed, threshold, min_pairs, tolerances, independence)


def low_flow_spells(
    predicted: xr.DataArray,
    observed: xr.DataArray,
    threshold: xr.DataArray,
    min_pairs: int = MIN_PAIRS,
    *,
    tolerances: Sequence[int] = TOLERANCES,
    independence: int = INDEPENDENCE,
) -> xr.Dataset:
    """Hits, misses and false alarms of spells of low flow (Yevjevich 1967), within some days.

    Like `flood_events`, with flows below the threshold of `low_flow_threshold`: variables `low_flow_hits` and so on,
    [tolerance, lead_time, station].
    """
    return _events("low_flow", predicted, observed, threshold, min_pairs, tolerances, independence)


def rates(counts: xr.Dataset, kind: str) -> xr.Dataset:
    """Precision, recall and F1 from numbers of events.

    Args:
        counts: `<kind>_hits`, `<kind>_misses`, `<kind>_predicted` and `<kind>_false_alarms`, for one station or summed
            over many.
        kind: `flood` or `low_flow`.

    Returns:
        `<kind>_precision`, `<kind>_recall` (NaN where nothing was predicted, or observed), and `<kind>_f1` (NaN where
        neither was).
    """
    hits, observed = counts[f"{kind}_hits"], counts[f"{kind}_hits"] + counts[f"{kind}_misses"]
    predicted = counts[f"{kind}_predicted"]
    came = predicted - counts[f"{kind}_false_alarms"]
    precision, recall = came / predicted.where(predicted > 0), hits / observed.where(observed > 0)
    both = precision.fillna(0) + recall.fillna(0)
    f1 = 2 * precision.fillna(0) * recall.fillna(0) / both.where(both > 0, 1.0)
    values = {"precision": precision, "recall": recall, "f1": f1.where(predicted + observed > 0)}
    return xr.Dataset({f"{kind}_{name}": described(value, f"{kind}_{name}") for name, value in values.items()})


def _events(
    kind: str,
    predicted: xr.DataArray,
    observed: xr.DataArray,
    threshold: xr.DataArray,
    min_pairs: int,
    tolerances: Sequence[int],
    independence: int,
) -> xr.Dataset:
    predicted, observed = pair(point_forecast(predicted), observed, min_pairs)
    threshold = threshold.reindex(station=observed["station"])
    sample = sample_dim(observed)
    place = days(observed[sample]).astype(np.int64)
    place = place - place[:1]
    sign = 1.0 if kind == "flood" else -1.0
    extra = [str(d) for d in threshold.dims if d != "station"]
    stacked = threshold.transpose(*extra, "station")
    # [*extra, lead_time, station, sample]; comparisons with NaN are false
    beyond_p, beyond_q = (
        (sign * flow > sign * stacked).transpose(*extra, *observed.dims).values for flow in (predicted, observed)
    )
    counts = _counts(beyond_p, beyond_q, place, tolerances, independence)  # of [tolerance, *extra, lead_time, station]
    dims = ("tolerance", *extra, *observed.dims[:-1])
    days_late = {"long_name": "days by which an event may be early or late", "units": "days"}
    coordinates = {
        "tolerance": ("tolerance", np.asarray(tolerances, np.int64), days_late),
        **{name: threshold[name] for name in extra},
        **{str(name): observed[name] for name in observed.dims[:-1]},
    }
    scored = observed.notnull().any(sample) & stacked.notnull()
    arrays = [xr.DataArray(c, coordinates, dims).where(scored).transpose(*extra, "tolerance", ...) for c in counts]
    names = [f"{kind}_{what}" for what in COUNTS]
    result = xr.Dataset({name: described(array, name) for name, array in zip(names, arrays, strict=True)})
    result.update(rates(result, kind))
    return result


def _counts(
    predicted: Bool[np.ndarray, "*rows sample"],
    observed: Bool[np.ndarray, "*rows sample"],
    place: Int[np.ndarray, "sample"],
    tolerances: Sequence[int],
    independence: int,
) -> list[Float[np.ndarray, "tolerance *rows"]]:
    """The numbers of `COUNTS` for every row; `place` is the day of each sample."""
    shape = observed.shape[:-1]
    flat_p, flat_q = (values.reshape(-1, len(place)) for values in (predicted, observed))
    events_p, events_q = (_Events(values, place, independence) for values in (flat_p, flat_q))
    counts_of = []
    for tolerance in tolerances:
        hits = events_q.met(_widened(flat_p, place, tolerance))
        came = events_p.met(_widened(flat_q, place, tolerance))
        counts_of.append((hits, events_q.number - hits, events_p.number, events_p.number - came))
    return [np.stack([c.reshape(shape) for c in counts]).astype(np.float64) for counts in zip(*counts_of, strict=True)]


class _Events:
    """The events of every row of a table of days on which a flow is beyond its threshold.

    Args:
        beyond: [rows, sample].
        place: day of each sample, in rising order.
        independence: days that are at most this many days apart belong to one event.
    """

    def __init__(self, beyond: np.ndarray, place: np.ndarray, independence: int) -> None:
        self.row, sample = np.nonzero(beyond)  # in order of row, then of time
        day = place[sample]
        same_row = np.diff(self.row, prepend=-1) == 0
        begins = ~same_row | (np.diff(day, prepend=0) > independence)
        self.sample, self.rows = sample, len(beyond)
        self.event = np.cumsum(begins) - 1  # [day beyond]
        self.row_of_event = self.row[begins]
        self.number = np.bincount(self.row_of_event, minlength=self.rows)

    def met(self, near: np.ndarray) -> np.ndarray:
        """Number of events of each row with a day that is marked in `near`, [rows, sample] -> [rows]."""
        marked = np.bincount(self.event, near[self.row, self.sample], minlength=len(self.row_of_event)) > 0
        return np.bincount(self.row_of_event, marked, minlength=self.rows)


def _widened(beyond: np.ndarray, place: np.ndarray, tolerance: int) -> np.ndarray:
    """Mark the samples within `tolerance` days of a marked one, [rows, sample]."""
    total = np.concatenate([np.zeros((len(beyond), 1), np.int32), beyond.cumsum(1, dtype=np.int32)], 1)
    first = np.searchsorted(place, place - tolerance, "left")
    last = np.searchsorted(place, place + tolerance, "right")
    return total[:, last] > total[:, first]
