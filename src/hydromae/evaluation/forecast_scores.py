"""Every metric of a forecast at every lead time and station, and their quartiles over stations."""

from collections.abc import Sequence
from itertools import product
from typing import Any, Final

import numpy as np
import xarray as xr
from jaxtyping import Float

from hydromae.evaluation.events import COUNTS, INDEPENDENCE, TOLERANCES, flood_events, low_flow_spells, rates
from hydromae.evaluation.thresholds import RETURN_PERIODS, flood_thresholds, low_flow_threshold
from hydromae.metrics.catalogue import described
from hydromae.metrics.duration_curve import duration_curve
from hydromae.metrics.efficiency import kge, nse
from hydromae.metrics.errors import errors, persistence_skill
from hydromae.metrics.ordered import ascending, quantile
from hydromae.metrics.pairs import (
    MIN_PAIRS,
    days,
    on_days,
    pair,
    point_forecast,
    sample_dim,
    with_whole_leads,
)
from hydromae.metrics.peaks import peaks
from hydromae.metrics.quantiles import probabilistic

# Metrics of the point forecast that need nothing but predictions, observations and the fewest pairs.
MEASURES: Final = (kge, errors, duration_curve, peaks)
PERCENTILES: Final = (25, 50, 75)


def score_forecast(
    forecast: xr.DataArray,
    observed: xr.DataArray,
    *,
    reference: xr.DataArray | None = None,
    min_pairs: int = MIN_PAIRS,
    return_periods: Sequence[float | int] = RETURN_PERIODS,
    tolerances: Sequence[int] = TOLERANCES,
    independence: int = INDEPENDENCE,
) -> xr.Dataset:
    """Score a forecast, or a simulated series, with every metric of `docs/metrics.md` that can be computed.

    Args:
        forecast: [issue_time, lead_time, station] or [time, station], `quantile` last if there are any; the 0.5
            quantile is then the point forecast.
        observed: [time, station] in the same unit.
        reference: [time, station], the training record. Only it gives the thresholds of floods and low flows, and its
            mean is the persistence where nothing was observed before the issue time. Without it there are neither.
        min_pairs: a station and lead time with fewer complete pairs is NaN.
        return_periods: return periods of floods, in years.
        tolerances: days within which an event counts as predicted.
        independence: days that separate events.

    Returns:
        float64 [lead_time, station] of every metric (without lead_time for a series; more dimensions first for events,
        coverage and the PIT histogram), with long_name, units and references; ready to be written as netCDF.

    Raises:
        DataError: units differ, a time occurs twice, no day or station is shared, or quantiles lack 0.5.
    """
    forecast = with_whole_leads(forecast)
    point = point_forecast(forecast)
    units = str(observed.attrs.get("units", ""))
    shared, seen = pair(point, observed, 1)  # paired once, not again by each metric
    seen.attrs = {"units": units} if units else {}
    shared.attrs = {}
    sample = sample_dim(shared)
    result = xr.Dataset({"pairs": described(seen.notnull().sum(sample), "pairs")})
    result.update({"nse": nse(shared, seen, min_pairs)})
    for measure in MEASURES:
        result.update(measure(shared, seen, min_pairs))
    if sample == "issue_time":
        persisted = persistence(forecast, observed, reference)
        result.update({"persistence_skill": persistence_skill(shared, seen, persisted, min_pairs)})
    if "quantile" in forecast.dims:
        result.update(probabilistic(forecast, observed, min_pairs))
    if reference is not None:
        floods = flood_thresholds(reference, return_periods)
        low = low_flow_threshold(reference)
        for count, threshold in ((flood_events, floods), (low_flow_spells, low)):
            result.update(count(shared, seen, threshold, min_pairs, tolerances=tolerances, independence=independence))
    result.attrs = {"Conventions": "CF-1.11", "min_pairs": min_pairs}
    return result.drop_vars([c for c in result.coords if c not in result.dims and not str(c).startswith("pit_")])


def persistence(forecast: xr.DataArray, observed: xr.DataArray, reference: xr.DataArray | None = None) -> xr.DataArray:
    """The last flow known at each issue time, for every lead time.

    Args:
        forecast: gives issue times, lead times and stations.
        observed: [time, station].
        reference: [time, station], the training record: used on days that `observed` lacks, and with its mean where
            nothing was observed before.

    Returns:
        float64 [issue_time, lead_time, station], NaN where no flow is known.
    """
    stations = forecast["station"]
    records = [s.reindex(station=stations) for s in (observed, reference) if s is not None and s.sizes["time"]]
    issued = days(forecast["issue_time"])
    first = min((days(s["time"]).min() for s in records), default=issued.min())
    calendar = np.arange(min(first, issued.min()), issued.max() + np.timedelta64(1, "D"))
    flow = np.full((len(calendar), len(stations)), np.nan)  # [day, station]
    for series in records:
        flow = np.where(np.isnan(flow), on_days(series, calendar), flow)
    last = np.maximum.accumulate(np.where(np.isfinite(flow), np.arange(len(calendar))[:, None], -1), 0)
    at_issue = last[np.searchsorted(calendar, issued)]  # [issue_time, station]
    values = np.where(at_issue >= 0, np.take_along_axis(flow, np.maximum(at_issue, 0), 0), np.nan)
    if reference is not None:
        mean = reference.reindex(station=stations).astype(np.float64).mean("time").values
        values = np.where(np.isnan(values), mean, values)
    leads = forecast["lead_time"]
    return xr.DataArray(
        np.repeat(values[:, None], leads.size, 1),  # [issue_time, lead_time, station]
        {"issue_time": forecast["issue_time"], "lead_time": leads, "station": stations},
        ("issue_time", "lead_time", "station"),
    )


def quartiles(scores: xr.Dataset) -> xr.Dataset:
    """Quartiles of every metric over the stations that have it.

    Args:
        scores: as `score_forecast` returns.

    Returns:
        `score` [metric, lead_time, percentile] (25, 50 and 75; linear between ranks) and `stations` [metric,
        lead_time], the number of stations with a value; without lead_time for a series. Metrics with more dimensions
        become one metric for each place along them, as `flood_f1[return_period=2,tolerance=1]`. `metric_units` and
        `long_name` [metric] say what each is.
    """
    dims = [d for d in ("lead_time", "station") if d in scores.dims]
    pieces = [piece for variable in scores.data_vars.values() for piece in _pieces(variable, dims)]
    shape = [scores.sizes[d] for d in dims]
    stacked = np.stack([np.broadcast_to(values, shape) for _, values, _ in pieces])  # [metric, lead_time, station]
    metrics = np.array([name for name, _, _ in pieces], dtype=object)
    coordinates = {"metric": metrics, **{d: scores[d] for d in dims[:-1]}}
    score = _percentiles(stacked, coordinates)
    score.attrs = {"long_name": "percentile over stations"}
    words = {"long_name": "stations with a value", "units": "1"}
    stations = xr.DataArray((~np.isnan(stacked)).sum(-1), coordinates, ("metric", *dims[:-1]), attrs=words)
    result = xr.Dataset({"score": score, "stations": stations})
    text = {"metric_units": "units", "long_name": "long_name"}
    return result.assign_coords(
        {
            coordinate: ("metric", np.array([str(attrs.get(key, "")) for _, _, attrs in pieces], dtype=object))
            for coordinate, key in text.items()
        }
    )


def pooled_events(scores: xr.Dataset) -> xr.Dataset:
    """Precision, recall and F1 of the events of all stations together, since one station has few events.

    Args:
        scores: as `score_forecast` returns, with a training record.

    Returns:
        `flood_precision` and so on, without `station`.
    """
    result = xr.Dataset()
    for kind in ("flood", "low_flow"):
        names = [f"{kind}_{what}" for what in COUNTS]
        if names[0] in scores:
            counts = scores[names].sum("station")
            result.update(rates(counts, kind))
    return result


def _pieces(variable: xr.DataArray, dims: Sequence[str]) -> list[tuple[str, np.ndarray, dict[str, Any]]]:
    """Name, float64 [lead_time, station] and attributes of each metric that a variable holds."""
    extra = [d for d in variable.dims if d not in dims]
    own = [d for d in dims if d in variable.dims]
    values = variable.transpose(*extra, *own).values.astype(np.float64)  # [*extra, lead_time, station]
    if not extra:
        return [(str(variable.name), values, variable.attrs)]
    places = [[f"{d}={float(at):g}" for at in variable[d].values] for d in extra]
    return [
        (f"{variable.name}[{','.join(labels)}]", piece, variable.attrs)
        for labels, piece in zip(product(*places), values.reshape(-1, *values.shape[len(extra) :]), strict=True)
    ]


def _percentiles(stacked: Float[np.ndarray, "metric *lead_time station"], coordinates: dict[str, Any]) -> xr.DataArray:
    ordered, count = ascending(np.where(np.isfinite(stacked), stacked, np.nan))  # [metric, lead_time, station]
    with np.errstate(all="ignore"):
        result = np.stack([quantile(ordered, count, level / 100) for level in PERCENTILES], -1)
    places = ("percentile", np.array(PERCENTILES), {"units": "percent", "long_name": "percentile over stations"})
    return xr.DataArray(result, {**coordinates, "percentile": places}, (*coordinates, "percentile"))
