"""The hydrograph of a forecast: the last weeks, the issue time, and what is expected after it."""

from typing import Final

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hydromae.drawing.days import date_axis, day_numbers, draw_fan
from hydromae.drawing.encode import BLACK, BLUE, GREY, ORANGE, plain
from hydromae.plots.chosen import station_label
from hydromae.plots.records import Record, rain_of, record_of
from hydromae.store.store import Store

_RAIN_SHARE: Final = 0.35  # height of the panel of rain over that of flow


def forecast_figure(
    dataset: xr.Dataset, name: str, stations: list[int], issue: int, store: Store | None, days: int
) -> Figure:
    """A panel for each station.

    Args:
        dataset: as `hydromae forecast` writes it.
        name: the series that was forecast.
        stations: their positions.
        issue: position of the issue time.
        store: the data, for what was observed before and after it, and the rain; None draws neither.
        days: observed days before the issue time.
    """
    figure = Figure(figsize=(7.2, 1.0 + 3.0 * len(stations)), layout="constrained")
    ratios = [_RAIN_SHARE, 1] * len(stations)
    panels = figure.subplots(2 * len(stations), 1, sharex=True, height_ratios=ratios, squeeze=False).reshape(-1, 2)
    for (above, axes), station in zip(panels, stations, strict=True):
        _draw(axes, above, dataset.isel(station=station, issue_time=issue), name, store, days)
        above.set_title(plain(station_label(dataset, station)))
    date_axis(panels[-1, 1])
    figure.legend(*panels[0, 1].get_legend_handles_labels(), loc="outside lower center", ncols=7, columnspacing=1.2)
    known = {"none": "no weather known after it", "perfect": "weather observed after it"}
    forcing = str(dataset.attrs.get("forcing", ""))
    issued = str(dataset["issue_time"].values[issue])[:10]
    figure.suptitle(plain(f"Forecast issued on {issued}, {known.get(forcing, f'weather of {forcing}')}"), fontsize=10)
    return figure


def _draw(axes: Axes, above: Axes, forecast: xr.Dataset, name: str, store: Store | None, days: int) -> None:
    """The flow, and the rain above it."""
    issue = np.datetime64(forecast["issue_time"].item(), "ns").astype("datetime64[D]")
    leads = forecast["lead_time"].values.astype(int)
    ahead, station = issue + leads, str(forecast["station"].values)
    first, last = issue - np.timedelta64(days - 1, "D"), ahead[-1]
    rain, flow = rain_of(store, station), record_of(store, name, station)
    if flow is not None:
        flow = flow.between(first, last)
        known = flow.days <= issue
        axes.plot(day_numbers(flow.days[known]), flow.values[known], color=BLACK, linewidth=1.2, label="observed")
        later = ~known & np.isfinite(flow.values)
        axes.plot(day_numbers(flow.days[later]), flow.values[later], ".", color=BLACK, label="observed later")
        if (seen := np.flatnonzero(np.isfinite(flow.values) & known)).size:
            level = np.full(len(ahead), flow.values[seen[-1]])
            axes.plot(day_numbers(ahead), level, color=GREY, linewidth=1, linestyle=":", label="persistence")
    if f"{name}_quantiles" in forecast:
        quantiles = forecast[f"{name}_quantiles"].transpose("lead_time", "quantile")
        draw_fan(axes, day_numbers(ahead), quantiles["quantile"].values, quantiles.values, labelled=True)
    axes.plot(day_numbers(ahead), forecast[name].values, ".-", color=BLUE, linewidth=1.5, label="forecast")
    axes.axvline(day_numbers(np.array([issue]))[0], color=ORANGE, linewidth=1, label="issued")
    axes.set_ylabel(plain(str(forecast[name].attrs.get("units", ""))))
    axes.set_ylim(bottom=0 if float(forecast[name].min()) >= 0 else None)
    axes.set_xlim(*day_numbers(np.array([first if flow is not None else issue, last])))
    if f"{name}_threshold" in forecast:
        _mark_levels(axes, forecast[f"{name}_threshold"])
    if rain is None:
        above.set_axis_off()
    else:
        _hang_rain(above, rain.between(first, last))


def _mark_levels(axes: Axes, thresholds: xr.DataArray) -> None:
    """The flood levels and the low flow that lie within the height of the panel."""
    highest = axes.get_ylim()[1]
    for event, level in zip(thresholds["event"].values, thresholds.values, strict=True):
        if np.isfinite(level) and level <= highest:
            axes.axhline(level, color=GREY, linewidth=0.8, linestyle="--")
            axes.annotate(plain(str(event)), (0.005, level), xycoords=("axes fraction", "data"), color=GREY,
                          fontsize=7, va="bottom")  # fmt: skip


def _hang_rain(axes: Axes, rain: Record) -> None:
    """Daily rain as bars from the top."""
    axes.bar(day_numbers(rain.days), np.nan_to_num(rain.values), width=0.9, color=BLUE, alpha=0.5)
    axes.set_ylim(1.05 * max(float(np.nanmax(rain.values, initial=0.0)), 1.0), 0)
    axes.set_ylabel(plain(f"rain\n{rain.units}"))
    axes.tick_params(bottom=False)
    axes.spines["bottom"].set_visible(False)
    axes.spines["top"].set_visible(True)
