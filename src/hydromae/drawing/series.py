"""Plots of series, as hydrographs: observed values, hidden days, and the model's reconstruction there."""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Integer
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure

from hydromae.drawing.encode import BLUE, ORANGE, Picture, plain, svg
from hydromae.tokens.selection import MISSING, TARGET, VISIBLE

VALUES = 10_000_000  # most values of a modality that are read
SHOWN_DAYS = 120
QUANTILES = (0.95, 0.65, 0.35, 0.05)  # of the stations' scores: a good, two middling and a poor one
FEWEST_HIDDEN = 10


@dataclass(frozen=True)
class SeriesSample:
    """A series modality at every station, or at evenly spread ones where there are very many."""

    name: str
    units: str
    time: np.ndarray  # datetime64 [day]
    stations: tuple[str, ...]
    observed: Float[np.ndarray, "day station"]
    reconstructed: Float[np.ndarray, "day station"]
    state: Integer[np.ndarray, "day station"]

    @property
    def scored(self) -> Bool[np.ndarray, "day station"]:
        """Hidden days with an observation and an estimate."""
        both: np.ndarray = np.isfinite(self.observed) & np.isfinite(self.reconstructed) & (self.state == TARGET)
        return both


def sample_series(dataset: xr.Dataset, name: str) -> SeriesSample:
    """Read a series modality, [time, station], no more than `VALUES` values."""
    observed = dataset[name].transpose("time", "station")
    step = max(1, -(-observed.size // VALUES))
    read = [
        dataset[key].transpose("time", "station").isel(station=slice(None, None, step))
        for key in (name, f"{name}_reconstructed", f"{name}_state")
    ]
    stations = read[0]["station"].to_numpy() if "station" in observed.coords else np.arange(read[0].sizes["station"])
    return SeriesSample(
        name=name,
        units=str(observed.attrs.get("units", "")),
        time=observed["time"].to_numpy(),
        stations=tuple(s.decode() if isinstance(s, bytes) else str(s) for s in stations),
        observed=read[0].to_numpy().astype(np.float32),
        reconstructed=read[1].to_numpy().astype(np.float32),
        state=read[2].fillna(MISSING).to_numpy().astype(np.int8),
    )


def efficiency(sample: SeriesSample) -> Float[np.ndarray, " station"]:
    """Nash-Sutcliffe efficiency (Nash & Sutcliffe 1970) of each station over its hidden days.

    NaN where fewer than `FEWEST_HIDDEN` hidden days were observed, or where they are all equal.
    """
    scored = sample.scored
    count = scored.sum(axis=0)
    observed = np.where(scored, sample.observed, 0.0).astype(np.float64)
    mean = observed.sum(axis=0) / np.maximum(count, 1)
    spread = (np.where(scored, sample.observed - mean, 0.0) ** 2).sum(axis=0)
    error = (np.where(scored, sample.reconstructed - sample.observed, 0.0).astype(np.float64) ** 2).sum(axis=0)
    scorable = (count >= FEWEST_HIDDEN) & (spread > 0)
    return np.where(scorable, 1 - error / np.where(scorable, spread, 1.0), np.nan)


def choose_stations(sample: SeriesSample) -> list[int]:
    """Stations to draw: at the quantiles of the scores; where none can be scored, those with most observations."""
    scores = efficiency(sample)
    ranked = np.flatnonzero(np.isfinite(scores))
    if ranked.size:
        ranked = ranked[np.argsort(-scores[ranked], kind="stable")]
        places = [round((1 - quantile) * (len(ranked) - 1)) for quantile in QUANTILES]
        return list(dict.fromkeys(int(ranked[place]) for place in places))
    counts = np.isfinite(sample.observed).sum(axis=0)
    most = np.argsort(-counts, kind="stable")[: len(QUANTILES)]
    return [int(station) for station in most if counts[station]]


def choose_span(sample: SeriesSample, station: int) -> slice:
    """The span of `SHOWN_DAYS` days with the most hidden and observed days at a station, the first of several."""
    length = min(SHOWN_DAYS, len(sample.time))
    counts = np.concatenate([[0], np.cumsum(sample.scored[:, station])])
    start = int(np.argmax(counts[length:] - counts[:-length]))
    return slice(start, start + length)


def draw_series(sample: SeriesSample, label: str) -> list[Picture]:
    """One picture for each chosen station."""
    scores = efficiency(sample)
    return [_draw(sample, station, label, float(scores[station])) for station in choose_stations(sample)]


def _draw(sample: SeriesSample, station: int, label: str, score: float) -> Picture:
    span = choose_span(sample, station)
    days = date2num(  # type: ignore[no-untyped-call]
        sample.time[span].astype("datetime64[D]")
    )
    observed, state = sample.observed[span, station], sample.state[span, station]
    estimate = np.where(state == TARGET, sample.reconstructed[span, station], np.nan)
    seen = np.where(state == VISIBLE, observed, np.nan)
    name = sample.stations[station]

    figure = Figure(figsize=(5.4, 2.6), layout="constrained")
    axes = figure.add_subplot(ylabel=sample.units if sample.units != "1" else "")
    axes.set_title(plain(f"station {name}"))
    _shade(axes, days, state == TARGET)
    axes.plot(days, observed, color=BLUE, linewidth=1.0, alpha=0.7, label="observed")
    axes.plot(days, seen, ".", color=BLUE, markersize=3.5, label="visible")
    axes.plot(days, estimate, "o", color=ORANGE, markersize=3, markerfacecolor="white", label="reconstruction")
    locator = AutoDateLocator(maxticks=6)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.set_xlim(days[0] - 0.5, days[-1] + 0.5)
    figure.legend(loc="outside lower left", ncols=4, handlelength=1.2, columnspacing=1.2)

    count = int(sample.scored[:, station].sum())
    first, last = (np.datetime_as_string(sample.time[span][place], unit="D") for place in (0, -1))
    skill = f"efficiency (NSE) {score:.2f}" if np.isfinite(score) else "too few to score"
    caption = f"Station {name}: {skill} at {count:,} hidden days of the whole period."
    alt = f"{label} at station {name}, {first} to {last}: observed line, hidden days shaded, reconstruction as circles."
    return svg(figure, alt, caption)


def _shade(axes: Axes, days: Float[np.ndarray, " day"], hidden: np.ndarray) -> None:
    """Shade spans of hidden days over the full height of the axes."""
    edges = np.diff(np.pad(hidden.astype(np.int8), 1))
    left, right = (days[np.flatnonzero(edges == 1)] - 0.5, days[np.flatnonzero(edges == -1) - 1] + 0.5)
    bottom, top = np.zeros_like(left), np.ones_like(left)
    corners = np.stack([[left, bottom], [left, top], [right, top], [right, bottom]])  # [corner, 2, run]
    boxes = PolyCollection(
        list(np.moveaxis(corners, 2, 0)),  # [run, corner, 2]
        facecolor="#e3e6ea", edgecolor="none", transform=axes.get_xaxis_transform(), zorder=0, label="hidden days",
    )  # fmt: skip
    axes.add_collection(boxes, autolim=False)
