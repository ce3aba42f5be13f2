"""Series over time: filled gaps, simulations of ungauged stations, and reconstructions of hidden values."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hydromae.drawing.days import date_axis, day_numbers, draw_fan
from hydromae.drawing.encode import BLACK, BLUE, ORANGE, plain
from hydromae.plots.chosen import station_label
from hydromae.plots.records import record_of
from hydromae.store.store import Store
from hydromae.tokens.selection import TARGET


def series_figure(dataset: xr.Dataset, name: str, stations: list[int], store: Store | None, days: int) -> Figure:
    """A panel for each station, of the days with most to see.

    Args:
        dataset: as `hydromae infill`, `ungauged` or `reconstruct` write it.
        name: the series.
        stations: their positions.
        store: the data, for what was observed where a simulation does not hold it.
        days: how many are drawn.
    """
    figure = Figure(figsize=(7.2, 0.4 + 2.4 * len(stations)), layout="constrained")
    panels = figure.subplots(len(stations), 1, squeeze=False)[:, 0]
    time = dataset["time"].values.astype("datetime64[D]")
    for axes, station in zip(panels, stations, strict=True):
        at = dataset.isel(station=station)
        observed, estimate, wanted = series_parts(at, name, time, store)
        span = span_of(wanted, days)
        _draw(axes, at, name, time, observed, estimate, span)
        axes.set_title(plain(station_label(dataset, station)))
        axes.set_ylabel(plain(str(dataset[name].attrs.get("units", ""))))
        date_axis(axes)
    panels[0].legend(loc="upper left", ncols=3)
    return figure


def series_parts(
    at: xr.Dataset, name: str, time: np.ndarray, store: Store | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What was observed, what the model says, and the days that are worth a look, each [day]."""
    values = at[name].values.astype(np.float64)
    if f"{name}_flag" in at:
        filled = at[f"{name}_flag"].values == 1
        # The line of the model touches the observations on both sides of a gap.
        beside = filled | np.roll(filled, 1) | np.roll(filled, -1)
        return np.where(at[f"{name}_flag"].values == 0, values, np.nan), np.where(beside, values, np.nan), filled
    if f"{name}_reconstructed" in at:
        hidden = at[f"{name}_state"].values == TARGET
        return values, np.where(hidden, at[f"{name}_reconstructed"].values, np.nan), hidden & np.isfinite(values)
    record, observed = record_of(store, name, str(at["station"].values)), np.full(len(time), np.nan)
    if record is not None:
        _, here, there = np.intersect1d(time, record.days, return_indices=True)
        observed[here] = record.values[there]
    known = np.isfinite(observed)
    return observed, values, known if known.any() else np.isfinite(values)


def span_of(wanted: np.ndarray, days: int) -> slice:
    """The span with most days that are worth a look, in the middle of those that have so many, of several the last."""
    length = min(days, len(wanted))
    counts = np.concatenate([[0], np.cumsum(wanted)])
    inside = counts[length:] - counts[:-length]
    best = np.flatnonzero(inside == inside.max())
    apart = np.flatnonzero(np.diff(best) > 1)
    last = best[apart[-1] + 1 :] if len(apart) else best  # starts that follow each other
    start = int(last[len(last) // 2]) if inside.max() < length else int(last[-1])
    return slice(start, start + length)


def _draw(
    axes: Axes, at: xr.Dataset, name: str, time: np.ndarray, observed: np.ndarray, estimate: np.ndarray, span: slice
) -> None:
    days = day_numbers(time[span])
    if f"{name}_quantiles" in at:
        quantiles = at[f"{name}_quantiles"].transpose("time", "quantile")[span]
        shown = np.where(np.isfinite(estimate[span])[:, None], quantiles.values, np.nan)
        draw_fan(axes, days, quantiles["quantile"].values, shown, labelled=True)
    axes.plot(days, observed[span], color=BLACK, linewidth=1.1, label="observed")
    hidden = f"{name}_reconstructed" in at
    style, colour = (".", ORANGE) if hidden else ("-", BLUE)
    axes.plot(days, estimate[span], style, color=colour, linewidth=1.3, label="model")
    axes.set_xlim(days[0], days[-1])
