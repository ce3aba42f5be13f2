"""What the page's own modules draw: stations, their records, and maps of the grids, packed."""

from typing import Any, Final

import numpy as np
import xarray as xr

from hydromae.base.areas import is_flow
from hydromae.check.records import SUSPECTS
from hydromae.check.report import AttributesView, CheckReport, GridView, SeriesView
from hydromae.drawing.maps import colour_map_of, hexes, known_extent
from hydromae.drawing.packing import listed, pack, squeeze
from hydromae.drawing.places import Places, places_of

_LARGEST_MAP: Final = 60_000  # cells; of a larger map, some rows and columns are left out


def page_data(report: CheckReport) -> str | None:
    """Everything that can be chosen on the page; None where there is neither a series nor a grid."""
    stations = tuple(dict.fromkeys(station for view in report.series for station in view.stations))
    if not stations and not report.grids:
        return None
    description: dict[str, Any] = {
        "stations": stations,
        "names": _names(report.attributes, stations),
        "leads": [],
        "kinds": SUSPECTS,
        "findings": _findings(report, stations),
    }
    arrays: dict[str, np.ndarray] = {}
    places = None if report.attributes is None else station_places(report.attributes, stations)
    if places is not None:
        description["places"] = places.described()
    of = {station: place for place, station in enumerate(stations)}
    scores: list[dict[str, str]] = []
    described: list[dict[str, Any]] = []
    for number, view in enumerate(sorted(report.series, key=lambda view: not is_flow(view.units))):
        at = np.array([of[station] for station in view.stations], np.int64)
        for score, values in _scores(view):
            whole = np.full(len(stations), np.nan)
            whole[at] = np.clip(values, -6e4, 6e4)
            arrays[f"score data {len(scores)}"] = whole
            scores.append(score)
        described.append(_series(view, number, at, len(stations), arrays))
    description["regimes"] = [{"key": "data", "words": "", "scores": scores}]
    description["series"] = described
    description["years"] = years_of(report)
    description["grids"] = [_grid(view, number, arrays) for number, view in enumerate(report.grids) if view.maps]
    return pack(description, arrays)


def station_places(attributes: AttributesView, stations: tuple[str, ...]) -> Places | None:
    """Where stations lie on an outline of the world; None without coordinates. Those beyond the world have no place."""
    if attributes.longitude is None or attributes.latitude is None:
        return None
    row = {station: place for place, station in enumerate(attributes.stations)}
    rows = np.array([row.get(station, -1) for station in stations], np.int64)
    x, y = (np.where(rows >= 0, of[rows], np.nan) for of in (attributes.longitude, attributes.latitude))
    beyond = ~((np.abs(x) <= 180) & (np.abs(y) <= 90))
    x, y = np.where(beyond, np.nan, x), np.where(beyond, np.nan, y)
    return places_of(xr.Dataset({"longitude": ("station", x), "latitude": ("station", y)}), None)


def years_of(report: CheckReport) -> dict[str, Any]:
    """The share of values of each modality in each year, in percent; None in years without days that were looked at."""
    held = [(view.name, view.years, view.present) for view in report.grids]
    held += [(view.name, view.years, view.present.mean(axis=1)) for view in report.series if view.stations]
    years = np.unique(np.concatenate([of for _, of, _ in held])) if held else np.zeros(0, np.int64)
    share = np.full((len(held), len(years)), np.nan)
    for row, (_, of, present) in enumerate(held):
        share[row, np.searchsorted(years, of)] = 100 * present
    return {"years": years.tolist(), "names": [name for name, *_ in held], "share": [listed(row, 4) for row in share]}


def _names(attributes: AttributesView | None, stations: tuple[str, ...]) -> list[str]:
    called = {} if attributes is None else dict(zip(attributes.stations, attributes.called, strict=False))
    return [called.get(station, "") for station in stations]


def _findings(report: CheckReport, stations: tuple[str, ...]) -> list[dict[str, Any]]:
    """The findings that name stations, each with what it says of which: place of the station -> words."""
    place = {station: str(number) for number, station in enumerate(stations)}
    findings = []
    for problem in report.ordered:
        at: dict[str, list[str]] = {}
        for detail in problem.details:
            first, _, second = detail.partition(" and ")  # of pairs
            names = [first.split(" ")[0].rstrip(":,"), second.split(" ")[0].rstrip(":,")]
            for name in (name for name in dict.fromkeys((detail, *names)) if name in place):
                at.setdefault(place[name], []).append("" if detail == name else detail)
        if at:
            findings.append({"severity": problem.severity, "text": problem.text, "at": at})
    return findings


def _scores(view: SeriesView) -> list[tuple[dict[str, str], np.ndarray]]:
    """What the map of stations may be coloured by."""
    record = view.record
    suspect = np.zeros(len(view.stations))
    own = record.suspects[record.suspects[:, 0] >= 0]
    np.add.at(suspect, own[:, 0], own[:, 2])
    units = "" if view.units == "1" else view.units
    return [
        ({"key": f"{view.name} held", "words": f"days with {view.name}", "units": "%", "best": "100"},
         100 * (1 - view.missing)),
        ({"key": f"{view.name} mean", "words": f"mean {view.name}", "units": units, "best": ""}, view.mean),
        ({"key": f"{view.name} suspicious", "words": f"suspicious days of {view.name}", "units": "days", "best": "0"},
         suspect),
    ]  # fmt: skip


def _series(
    view: SeriesView, number: int, at: np.ndarray, n_stations: int, arrays: dict[str, np.ndarray]
) -> dict[str, Any]:
    """Its description; its arrays are added, in the order of the page's stations."""
    record = view.record
    some = np.isfinite(record.means).any(axis=1)
    low = np.where(some, np.where(np.isfinite(record.means), record.means, np.inf).min(axis=1), 0.0)
    high = np.where(some, np.where(np.isfinite(record.means), record.means, -np.inf).max(axis=1), 1.0)
    low = np.array(listed(low, 6), np.float64)  # as the page reads it
    scale = np.maximum(high - low, 1e-12)
    means = np.full((n_stations, record.means.shape[1]), np.nan)
    means[at] = squeeze(record.means.astype(np.float64), low[:, None], scale[:, None])
    held = np.zeros((n_stations, record.held.shape[1]), np.uint8)
    held[at] = record.held
    offsets, scales = np.zeros(n_stations), np.ones(n_stations)
    offsets[at], scales[at] = low, scale
    arrays[f"means {number}"], arrays[f"held {number}"] = means, held
    stations = np.append(at, -1)[record.suspects[:, 0]]
    values = listed(record.values, 5)
    return {
        "name": view.name,
        "units": "" if view.units == "1" else view.units,
        "first_day": int(record.first_day.astype("datetime64[D]").astype(np.int64)),
        "days": record.n_days,
        "step": record.step,
        "offset": listed(offsets, 6),
        "scale": listed(scales, 6),
        "all_suspects": record.all_suspects,
        "suspects": [
            [station, *rest, value]
            for station, (_, *rest), value in zip(stations.tolist(), record.suspects.tolist(), values, strict=True)
        ],
    }


def _grid(view: GridView, number: int, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """The description of a grid's maps; they are added to the arrays: some days, the mean and the missing share."""
    rows, columns = known_extent(np.isfinite(view.missing))
    every = max(1, int(np.ceil(np.sqrt(view.missing[rows, columns].size / _LARGEST_MAP))))
    maps = np.stack([field[rows, columns][::every, ::every] for field in (*view.maps, view.mean)]).astype(np.float64)
    known = maps[np.isfinite(maps)]
    offset, scale = (float(known.min()), float(np.ptp(known)) or 1.0) if known.size else (0.0, 1.0)
    low, high = np.quantile(known, [0.01, 0.99]).tolist() if known.size else (0.0, 1.0)
    missing = view.missing[rows, columns][::every, ::every]
    arrays[f"maps {number}"] = squeeze(maps, np.array(offset), np.array(scale))
    # 255 is no land.
    arrays[f"missing {number}"] = np.where(np.isfinite(missing), np.round(200 * missing), 255).astype(np.uint8)
    colours = colour_map_of(view.quantity)
    lacking = view.missing[np.isfinite(view.missing)]
    some = lacking[lacking < 1]
    return {
        "name": view.name,
        "units": "" if view.units == "1" else view.units,
        "days": list(view.days),
        "number": number,
        "offset": offset,
        "scale": scale,
        "low": min(0.0, low) if colours == "YlGnBu" else low,
        "high": high if high > low else low + 1.0,
        "colours": hexes(colours),
        "missing_colours": hexes("YlOrRd")[4:],
        "every": every,
        "cells": int(lacking.size),
        "never": int((lacking == 1).sum()),
        "lacking": float(some.mean()) if some.size else 0.0,
    }
