"""A file that a task wrote as a page with choices: stations, issue times, days."""

from importlib.resources import files
from typing import Any, Final

import numpy as np
import xarray as xr
from markupsafe import Markup
from matplotlib.figure import Figure

from hydromae.base.version import VERSION
from hydromae.drawing.assembly import assembled
from hydromae.drawing.encode import svg
from hydromae.drawing.packing import listed, pack, squeeze
from hydromae.drawing.page import page_environment
from hydromae.plots.records import rain_in, records_of
from hydromae.plots.series_figure import series_parts, span_of
from hydromae.store.store import Store

STATIONS: Final = 1000  # in a page
_VALUES: Final = 3_000_000  # in a page, some 1.5 bytes each
_FORCINGS: Final = {"none": "without weather after the issue time", "perfect": "with the observed weather"}


def plot_page(
    dataset: xr.Dataset,
    name: str,
    stations: list[int],
    issue: int | None,
    store: Store | None,
    days: int,
    figure: Figure,
) -> str:
    """The page of a forecast, filled gaps, a simulation or a reconstruction.

    Args:
        dataset: the file.
        name: the series that is drawn.
        stations: their positions.
        issue: position of the issue time that is shown first; None where it has none.
        store: the data, for what was observed, and the rain; None draws neither.
        days: drawn before the issue time, or of a series at first.
        figure: for browsers that run no scripts.
    """
    part = dataset.isel(station=stations)
    described: dict[str, Any] = {
        "stations": [str(station) for station in part["station"].values],
        "names": _names(part),
        "series": str(part[name].attrs.get("long_name") or name),
        "units": "" if part[name].attrs.get("units") == "1" else str(part[name].attrs.get("units", "")),
    }
    made = _series(part, name, store, days) if issue is None else _forecast(part, name, issue, store, days)
    described |= made[0]
    title = str(dataset.attrs.get("title") or described["series"])
    template = files("hydromae.plots").joinpath("page.html.j2").read_text(encoding="utf-8")
    return (
        page_environment()
        .from_string(template)
        .render(
            title=title,
            ahead=issue is not None,
            several=len(stations) > 1,
            weather=_weather(dataset) if issue is not None else "",
            content=Markup(pack(described, made[1])),
            picture=svg(figure, f"{title}: {described['stations'][0]}"),
            version=VERSION,
            parts=assembled("hydromae.plots", ("plot",)),
        )
    )


def _names(dataset: xr.Dataset) -> list[str]:
    named = "station_name" in dataset.variables
    return [str(name) for name in dataset["station_name"].values] if named else [""] * dataset.sizes["station"]


def _weather(dataset: xr.Dataset) -> str:
    forcing = str(dataset.attrs.get("forcing", ""))
    return _FORCINGS.get(forcing, f"with the weather of {forcing}" if forcing else "")


def _bands(dataset: xr.Dataset, name: str) -> list[tuple[int, int, int]]:
    """Percent of each band, and the places of its quantiles, the widest first."""
    levels = dataset["quantile"].values if f"{name}_quantiles" in dataset else np.zeros(0)
    pairs = ((low, len(levels) - 1 - low) for low in range(len(levels) // 2))
    return [(round(100 * float(levels[high] - levels[low])), low, high) for low, high in pairs]


def _forecast(
    dataset: xr.Dataset, name: str, issue: int, store: Store | None, days: int
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    issues = dataset["issue_time"].values.astype("datetime64[D]")
    leads, bands = dataset["lead_time"].values.astype(int), _bands(dataset, name)
    most = max(1, _VALUES // max(1, dataset.sizes["station"] * len(leads) * (1 + 2 * len(bands))))
    first = max(0, min(issue, len(issues) - most))  # the last ones, and that which is shown first
    kept = slice(first, first + most)
    order = ("station", "issue_time", "lead_time")
    held = dataset.isel(issue_time=kept)
    parts = {"forecast": held[name].transpose(*order).values}
    for share, low, high in bands:
        for edge, place in (("low", low), ("high", high)):
            parts[f"{edge} {share}"] = held[f"{name}_quantiles"].isel(quantile=place).transpose(*order).values
    start = issues[kept][0] - np.timedelta64(days - 1, "D")
    span = np.arange(start, issues[kept][-1] + np.timedelta64(int(leads[-1]) + 1, "D"))
    described = _observed(parts, dataset, name, store, span)
    described |= {
        "ahead": True,
        "before": days,
        "issues": issues[kept].astype(np.int64).tolist(),
        "all_issues": len(issues),
        "issue": issue - first,
        "leads": leads.tolist(),
        "bands": [share for share, *_ in bands],
    }
    if f"{name}_threshold" in dataset:
        levels = dataset[f"{name}_threshold"].transpose("event", "station")
        described["levels"] = {
            str(e): listed(row) for e, row in zip(levels["event"].values, levels.values, strict=True)
        }
    return _packed(described, parts, dataset.sizes["station"])


def _series(
    dataset: xr.Dataset, name: str, store: Store | None, days: int
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    time, bands = dataset["time"].values.astype("datetime64[D]"), _bands(dataset, name)
    each = 2 + 2 * len(bands)
    kept = slice(max(0, len(time) - _VALUES // max(1, dataset.sizes["station"] * each)), None)
    rows = [series_parts(dataset.isel(station=place), name, time, store) for place in range(dataset.sizes["station"])]
    spans = [span_of(wanted[kept], days) for *_, wanted in rows]
    parts = {"observed": np.stack([row[0][kept] for row in rows]), "model": np.stack([row[1][kept] for row in rows])}
    for share, low, high in bands:
        for edge, place in (("low", low), ("high", high)):
            values = dataset[f"{name}_quantiles"].isel(quantile=place).transpose("station", "time").values[:, kept]
            parts[f"{edge} {share}"] = np.where(np.isfinite(parts["model"]), values, np.nan)
    described = {
        "ahead": False,
        "first_day": int(time[kept][0].astype(np.int64)),
        "days": len(time[kept]),
        "all_days": len(time),
        "spans": [[span.start, span.stop - 1] for span in spans],
        "bands": [share for share, *_ in bands],
        "dots": f"{name}_reconstructed" in dataset,
    }
    return _packed(described, parts, dataset.sizes["station"])


def _observed(
    parts: dict[str, np.ndarray], dataset: xr.Dataset, name: str, store: Store | None, span: np.ndarray
) -> dict[str, Any]:
    """Add what was observed on these days, and the rain, as far as the data hold it."""
    stations, units = [str(station) for station in dataset["station"].values], {}
    for key, of in (("observed", name), ("rain", None if store is None else rain_in(store))):
        held = None if of is None else records_of(store, of, stations)
        parts[key] = np.full((len(stations), len(span)), np.nan)
        if held is not None:
            _, here, there = np.intersect1d(span, held.days, return_indices=True)
            parts[key][:, here] = held.values[there].T
            units[key] = held.units
    return {"first_day": int(span[0].astype(np.int64)), "rain_units": units.get("rain", "")}


def _packed(
    described: dict[str, Any], parts: dict[str, np.ndarray], stations: int
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The parts on a scale of each station, rain on its own."""
    arrays = {}
    own = [name for name in parts if name != "rain"]
    for key, names in (("", own), ("rain_", ["rain"] if "rain" in parts else [])):
        held = [parts[name].reshape(stations, -1) for name in names]
        flat = np.concatenate(held or [np.zeros((stations, 1))], axis=1)
        known = np.isfinite(flat)
        low = np.where(known.any(axis=1), np.where(known, flat, np.inf).min(axis=1), 0.0)
        high = np.where(known.any(axis=1), np.where(known, flat, -np.inf).max(axis=1), 1.0)
        offset, scale = listed(low, 6), listed(np.maximum(high - low, 1e-12), 6)
        described |= {f"{key}offset": offset, f"{key}scale": scale}
        for name in names:
            shape = (-1, *[1] * (parts[name].ndim - 1))
            on_scale = np.array(offset, np.float64).reshape(shape), np.array(scale, np.float64).reshape(shape)
            arrays[name] = squeeze(parts[name].astype(np.float64), *on_scale, bits=10)
    return described, arrays
