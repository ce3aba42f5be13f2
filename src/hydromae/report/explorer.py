"""The part of the page where a station is chosen: its place, its scores, and its forecasts of each issue day."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import xarray as xr
from jaxtyping import Float

from hydromae.drawing.packing import listed, pack, squeeze
from hydromae.drawing.places import Places
from hydromae.evaluation.compare import OF_STATIONS
from hydromae.evaluation.forecast_scores import persistence
from hydromae.evaluation.standing import MODEL
from hydromae.metrics.catalogue import METRICS
from hydromae.metrics.efficiency import nse, quiet
from hydromae.report.evaluation import REGIMES, Evaluation

# A value takes about 1.2 bytes in the page: together these stay below some 4.5 MB.
OBSERVED_VALUES: Final = 700_000  # of flow, and as many of rain
FORECAST_VALUES: Final = 2_200_000
BEFORE: Final = 60  # observed days before the first issue day
_METRICS: Final = ("nse", "kge", "percent_bias", "rmse", "persistence_skill", "fhv", "flv", "peak_timing", "crps")
_BY_LEAD: Final = ("nse", "kge", "rmse", "crps", "percent_bias", "fhv", "flv", "peak_timing")
_FAN: Final = (0.05, 0.25, 0.75, 0.95)
_LEVELS: Final = ("2-year flood", "5-year flood", "10-year flood", "below Q95")  # in words, as a forecast names them
_PAIRS: Final = 10  # fewest for a score that the page works out itself


def explorer_data(evaluation: Evaluation, places: Places | None, label: Callable[[str], str] = str) -> str:
    """Everything that the page's own modules draw of forecasts, packed.

    Where there is more than a page can hold, the last part of the period is kept, with issue days evenly spread.

    Args:
        evaluation: what was scored.
        places: of its stations.
        label: name of a modality -> its words.
    """
    first = next(iter(evaluation.made.values()))
    ids = [str(station) for station in first["station"].values]
    names = (
        [str(name) for name in first["station_name"].values] if "station_name" in first.variables else [""] * len(ids)
    )
    name = evaluation.modality
    description: dict[str, Any] = {
        "modality": label(name),
        "units": str(first[name].attrs.get("units", "")),
        "stations": ids,
        "names": names,
        "leads": [int(lead) for lead in first["lead_time"].values],
        "regimes": [{"key": key, "words": REGIMES[key]} for key in evaluation.made],
        "skill": [_skill(key, scores) for key, scores in evaluation.scores.items()],
        "reliability": [
            _reliability(key, scores) for key, scores in evaluation.stations.items() if "coverage" in scores
        ],
    }
    arrays: dict[str, np.ndarray] = {}
    if places is not None:
        description["places"] = places.described()
        if places.land is not None:
            arrays["land"] = places.land.astype(np.uint8)
    _add_scores(description, arrays, evaluation)
    _add_forecasts(description, arrays, evaluation)
    return pack(description, arrays)


def _add_scores(description: dict[str, Any], arrays: dict[str, np.ndarray], evaluation: Evaluation) -> None:
    """Scores [lead, station] of each regime, and of baselines that need nothing but the observations."""
    for key, made in evaluation.made.items():
        regime = next(one for one in description["regimes"] if one["key"] == key)
        held = evaluation.stations.get(key)
        scores: dict[str, Any] = {}
        if held is not None:
            held = held.sel(station=made["station"].values)
            scores = {name: _by_lead(held[name]) for name in _METRICS if name in held}
            for level in held["interval"].values if "coverage" in held else ():
                scores[f"coverage {level:.0%}".replace("%", " %")] = _by_lead(held["coverage"].sel(interval=level))
        elif evaluation.observed is not None:
            scores["nse"] = _by_lead(nse(made[evaluation.modality], evaluation.observed, min_pairs=_PAIRS))
        regime["scores"] = [_words_of(name, description["units"]) for name in scores]
        for place, values in enumerate(scores.values()):
            # A score far below 0 says no more than that it is; half precision ends at 65,504.
            arrays[f"score {key} {place}"] = np.clip(values, -6e4, 6e4)
        beside = [name for name in OF_STATIONS if held is not None and f"{name}_of_models" in held]
        if held is not None and beside:
            regime["beside"] = [_words_of(name, description["units"]) for name in beside]
            regime["models"] = [str(model) for model in held["model"].values]
            of_models = [held[f"{name}_of_models"].transpose("model", "lead_time", "station").values for name in beside]
            arrays[f"models {key}"] = np.clip(np.stack(of_models), -6e4, 6e4)
        if not beside and evaluation.observed is not None:
            arrays[f"persistence {key}"] = np.clip(
                _persistence(made[evaluation.modality], evaluation.observed), -6e4, 6e4
            )


def _persistence(forecast: xr.DataArray, observed: xr.DataArray) -> Float[np.ndarray, "lead station"]:
    """NSE of the last observed value, where the model made a forecast."""
    last = persistence(forecast, observed.sel(station=forecast["station"].values))
    return _by_lead(nse(last.where(np.isfinite(forecast)), observed, min_pairs=_PAIRS))


def _add_forecasts(description: dict[str, Any], arrays: dict[str, np.ndarray], evaluation: Evaluation) -> None:
    """Observations [station, day], forecasts and their quantiles [station, issue, lead], on each station's scale."""
    observed, name = evaluation.observed, evaluation.modality
    if observed is None:
        return
    first = next(iter(evaluation.made.values()))
    issues = first["issue_time"].values.astype("datetime64[D]")
    horizon = np.timedelta64(int(first["lead_time"].values[-1]), "D")
    stations = first.sizes["station"]
    longest = np.timedelta64(max(BEFORE + 30, OBSERVED_VALUES // stations), "D")
    start = max(issues[0] - BEFORE, issues[-1] + horizon - longest)
    inside = np.flatnonzero(issues >= min(start + BEFORE, issues[-1]))
    levels = {key: _fan_of(made, name) for key, made in evaluation.made.items()}
    each = stations * first.sizes["lead_time"] * sum(1 + len(fan) for fan in levels.values())
    kept = inside[_spread(len(inside), max(1, FORECAST_VALUES // each))]
    held = observed.sel(station=first["station"].values)
    held = held.assign_coords(time=held["time"].values.astype("datetime64[D]"))
    days = np.arange(start, issues[-1] + horizon + 1)
    values = held.reindex(time=days).transpose("station", "time").values.astype(np.float64)
    parts = {"observed": values}
    for regime in description["regimes"]:
        key = regime["key"]
        made, fan = evaluation.made[key].isel(issue_time=kept), levels[key]
        order = ("station", "issue_time", "lead_time")
        parts[f"forecast {key}"] = made[name].transpose(*order).values.astype(np.float64)
        regime["fan"] = fan
        if fan:
            quantiles = made[f"{name}_quantiles"].sel(quantile=fan, method="nearest").transpose("quantile", *order)
            for level, of_level in zip(fan, quantiles.values.astype(np.float64), strict=True):
                parts[f"quantile {key} {level}"] = of_level
    if evaluation.rain is not None:
        _add_rain(description, arrays, evaluation.rain, days)
    if f"{name}_threshold" in first:
        levels_held = [level for level in _LEVELS if level in first["event"].values]
        held_levels = first[f"{name}_threshold"].sel(event=levels_held).transpose("event", "station").values
        description["levels"] = {level: listed(row) for level, row in zip(levels_held, held_levels, strict=True)}
    low, high = _bounds(list(parts.values()))
    offset, scale = low, np.maximum(high - low, 1e-12)
    for key, part in parts.items():
        shape = (-1, *[1] * (part.ndim - 1))
        bits = 5 if key.startswith("quantile") else 7
        arrays[key] = squeeze(part, offset.reshape(shape), scale.reshape(shape), bits)
    description |= {
        "first_day": int(days[0].astype(np.int64)),
        "issues": [int(day) for day in issues[kept].astype(np.int64)],
        "all_issues": len(issues),
        "offset": listed(offset, 6),
        "scale": listed(scale, 6),
    }


def _add_rain(description: dict[str, Any], arrays: dict[str, np.ndarray], rain: xr.DataArray, days: np.ndarray) -> None:
    """Precipitation [station, day] over the highest of each station."""
    rain = rain.assign_coords(time=rain["time"].values.astype("datetime64[D]"))
    values = rain.reindex(time=days).transpose("station", "time").values.astype(np.float64)
    with quiet():
        highest = np.nan_to_num(np.nanmax(values, axis=1))
    highest = np.where(highest > 0, highest, 1.0)
    arrays["rain"] = squeeze(values, np.zeros((len(values), 1)), highest[:, None], bits=6)
    description["rain"] = {"units": str(rain.attrs.get("units", "")), "scale": listed(highest)}


def _bounds(parts: list[np.ndarray]) -> tuple[Float[np.ndarray, " station"], Float[np.ndarray, " station"]]:
    """The lowest and the highest value of each station; 0 and 1 where it has none."""
    flat = [part.reshape(len(part), -1) for part in parts]
    with quiet():
        low = np.nanmin([np.nanmin(part, axis=1) for part in flat], axis=0)
        high = np.nanmax([np.nanmax(part, axis=1) for part in flat], axis=0)
    # As the page reads them: rounded, so that what is above the rounded lowest value stays so.
    low = np.array([float(f"{value:.6g}") for value in np.where(np.isfinite(low), low, 0.0)])
    return low, np.where(np.isfinite(high), high, 1.0)


def _fan_of(made: xr.Dataset, name: str) -> list[float]:
    if f"{name}_quantiles" not in made:
        return []
    held = made["quantile"].values
    return [level for level in _FAN if np.isclose(held, level).any()]


def _spread(count: int, most: int) -> np.ndarray:
    """Positions evenly spread over so many, the last among them, `most` at most."""
    return np.unique(np.linspace(0 if most > 1 else count - 1, count - 1, min(count, most)).round().astype(int))


def _skill(key: str, scores: xr.Dataset) -> dict[str, Any]:
    """Quartiles over stations of each model by lead time."""
    metrics = [name for name in _BY_LEAD if name in scores["metric"].values]
    part = scores["score"].sel(metric=metrics, percentile=[25, 50, 75])
    part = part.transpose("metric", "model", "percentile", "lead_time")
    return {
        "key": key,
        "leads": [int(lead) for lead in scores["lead_time"].values],
        "models": [str(name) for name in scores["model"].values],
        "own": MODEL,
        "metrics": [_words_of(name, str(scores.attrs.get("units", ""))) for name in metrics],
        "values": [[[listed(row) for row in model] for model in metric] for metric in part.values],
    }


def _reliability(key: str, scores: xr.Dataset) -> dict[str, Any]:
    """Means over stations: how often the bands hold the observation, and how it falls among the quantiles."""
    with quiet():
        coverage = scores["coverage"].mean("station").transpose("interval", "lead_time")
        made = {
            "key": key,
            "leads": [int(lead) for lead in scores["lead_time"].values],
            "intervals": listed(scores["interval"].values),
            "coverage": [listed(row) for row in coverage.values],
        }
        if {"pit_density", "pit_lower", "pit_upper"} <= set(map(str, scores.variables)):
            density = scores["pit_density"].mean(("station", "lead_time"))
            edges = [*listed(scores["pit_lower"].values), float(scores["pit_upper"].values[-1])]
            made |= {"edges": edges, "density": listed(density.values)}
    return made


def _words_of(name: str, units: str) -> dict[str, str]:
    """A score's name, words, unit and best value."""
    if name.startswith("coverage"):
        share = float(name.split()[1]) / 100
        words = f"share of days inside the {name.split()[1]} % band"
        return {"key": name, "words": words, "units": "", "best": f"{share:g}"}
    metric = METRICS[name]
    unit = {"flow": units, "1": "", "percent": "%"}.get(metric.units, metric.units)
    return {"key": name, "words": metric.long_name, "units": unit, "best": metric.best}


def _by_lead(values: xr.DataArray) -> Float[np.ndarray, "lead station"]:
    return values.transpose("lead_time", "station").values.astype(np.float64)
