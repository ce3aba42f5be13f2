"""Hydrographs of forecasts: observations, forecasts with marks at some lead times, and fans of quantiles."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hydromae.drawing.days import date_axis, day_numbers, draw_fan
from hydromae.drawing.encode import BLACK, BLUE, GREEN, ORANGE, Picture, plain, svg

SHOWN_DAYS: Final = 100
_TITLES: Final = {"perfect": "weather of the horizon observed", "none": "no weather after the issue time"}
_LEADS: Final = (1, 3, 7)
_MARKERS: Final = {1: ("o", GREEN), 3: ("s", ORANGE), 7: ("^", "#7b3294")}


def draw_hydrograph(
    forecasts: Mapping[str, xr.Dataset], observed: xr.DataArray, skill: Mapping[str, xr.DataArray]
) -> Picture:
    """One station: a panel for each regime, around the highest observed value on the days that were forecast.

    Args:
        forecasts: regime -> the modality [issue_time, lead_time], and its `_quantiles` [..., quantile] if any.
        observed: [time].
        skill: regime -> NSE [lead_time].
    """
    name, station = str(observed.name), str(observed["station"].values)
    first = next(iter(forecasts.values()))
    start, stop = _span(first, observed)
    drawn = observed.sel(time=slice(start, stop))
    figure = Figure(figsize=(6.4, 1.0 + 2.0 * len(forecasts)), layout="constrained")
    panels = figure.subplots(len(forecasts), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, (regime, forecast) in zip(panels, forecasts.items(), strict=True):
        axes.set_title(plain(_TITLES.get(regime, regime)))
        axes.plot(day_numbers(drawn["time"].values), drawn.values, color=BLACK, linewidth=1.1, label="observed")
        _draw_forecast(axes, forecast, name, start, stop)
        axes.set_ylabel(plain(str(observed.attrs.get("units", ""))))
    date_axis(panels[-1])
    panels[-1].set_xlim(*day_numbers(np.array([start, stop])))
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=4, handlelength=1.4, columnspacing=1.2)
    scores = "; ".join(f"{regime} {_scores(efficiency)}" for regime, efficiency in skill.items())
    fans = " with fans of quantiles" if any(f"{name}_quantiles" in forecast for forecast in forecasts.values()) else ""
    alt = (
        f"Hydrograph of station {station}, {np.datetime_as_string(start, unit='D')} to "
        f"{np.datetime_as_string(stop, unit='D')}, {len(panels)} panels, one for each forcing: observed line, "
        f"forecasts as lines{fans}, circles at lead 1, squares at lead 3, triangles at lead 7."
    )
    return svg(figure, alt, f"Station {station}: NSE over all issue times: {scores}.")


def _draw_forecast(axes: Axes, forecast: xr.Dataset, name: str, start: np.datetime64, stop: np.datetime64) -> None:
    """Forecasts of issue times far enough apart not to overlap: line, fan and marks of lead times."""
    mean = forecast[name].transpose("issue_time", "lead_time").values
    leads = forecast["lead_time"].values.astype(int)
    issues = forecast["issue_time"].values.astype("datetime64[D]")
    chosen, last = [], start - np.timedelta64(1, "D")
    for place, issue in enumerate(issues):
        if issue >= last and issue + leads[-1] <= stop:
            chosen.append(place)
            last = issue + np.timedelta64(int(leads[-1]), "D")
    for count, place in enumerate(chosen):
        days = day_numbers(issues[place] + leads)
        if f"{name}_quantiles" in forecast:
            quantiles = forecast[f"{name}_quantiles"].isel(issue_time=place).transpose("lead_time", "quantile")
            draw_fan(axes, days, quantiles["quantile"].values, quantiles.values, labelled=count == 0)
        axes.plot(days, mean[place], color=BLUE, linewidth=1.2, label="forecast" if count == 0 else None)
        for lead in (lead for lead in _LEADS if lead in leads):
            marker, colour = _MARKERS[lead]
            at = int(np.flatnonzero(leads == lead)[0])
            words = f"lead {lead}" if count == 0 else None
            axes.plot(days[at], mean[place, at], marker, color=colour, markersize=3.5, linestyle="", label=words)


def _span(forecast: xr.Dataset, observed: xr.DataArray) -> tuple[np.datetime64, np.datetime64]:
    """Days to show: around the highest observed value, within the days that were forecast."""
    issues = forecast["issue_time"].values.astype("datetime64[D]")
    first, last = issues[0], issues[-1] + np.timedelta64(int(forecast["lead_time"].values[-1]), "D")
    shown = np.timedelta64(SHOWN_DAYS, "D")
    inside = observed.sel(time=slice(first, last))
    if not inside.notnull().any():
        return first, min(first + shown, last)
    peak = inside["time"].values[int(np.nanargmax(inside.values))].astype("datetime64[D]")
    start = max(first, min(peak - shown // 2, last - shown))
    return start, min(start + shown, last)


def _scores(skill: xr.DataArray) -> str:
    leads = [lead for lead in _LEADS if lead in skill["lead_time"].values]
    texts = [f"{float(skill.sel(lead_time=lead)):.2f} at lead {lead}" for lead in leads]
    return ", ".join(texts).replace("-", "\N{MINUS SIGN}")
