"""One small picture of a reconstruction: a day of a grid modality, and two stations of a series modality."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.image
import numpy as np
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure

from hydromae.base.files import atomic_path
from hydromae.drawing.encode import BLUE, ORANGE, plain, style
from hydromae.drawing.maps import HIDDEN, SEA, GridSample, choose_day, compose, known_extent
from hydromae.drawing.series import SeriesSample
from hydromae.tokens.selection import TARGET, VISIBLE

STATIONS = 2


def draw_snapshot(
    title: str, grid: GridSample | None, series: SeriesSample | None
) -> UInt8[np.ndarray, "row column 3"]:
    """Draw what was observed, what was hidden and what was reconstructed.

    The day and the stations follow from the observations and from what was hidden, not from the reconstruction, so that
    pictures of one window by different models show the same day and stations. A part without hidden values stays empty.

    Args:
        title: above all.
        grid: the days to choose from; None draws no map.
        series: the stations to choose from; None draws none.
    """
    with style():
        figure = Figure(figsize=(9.6, 3.4) if grid and series else (5.4, 3.4), dpi=90, layout="constrained")
        figure.suptitle(plain(title), fontsize=9, x=0.01, horizontalalignment="left")
        parts: Any = figure.subfigures(1, 2, width_ratios=(5, 4)) if grid and series else [figure]
        if grid is not None:
            _maps(parts[0], grid)
        if series is not None:
            _stations(parts[-1], series)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()  # type: ignore[no-untyped-call]
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()  # type: ignore[no-untyped-call]  # [row, column, 3]


def write_picture(path: Path, picture: UInt8[np.ndarray, "row column 3"]) -> None:
    """Write a PNG atomically.

    Raises:
        DataError: the disk refuses it.
    """
    with atomic_path(path) as temporary:
        matplotlib.image.imsave(temporary, picture, format="png")


def fixed_stations(sample: SeriesSample, count: int = STATIONS) -> list[int]:
    """Positions of the stations with most hidden and visible days, in order; fewer where fewer have hidden days."""
    observed = np.isfinite(sample.observed)
    hidden, seen = (((sample.state == state) & observed).sum(axis=0) for state in (TARGET, VISIBLE))  # [station]
    most = np.lexsort((-hidden, -np.minimum(hidden, seen)))[:count]
    return sorted(int(station) for station in most if hidden[station])


def _maps(part: Any, sample: GridSample) -> None:
    axes = part.subplots(1, 3)
    for ax, title in zip(axes, ("observed", "hidden", "reconstructed"), strict=True):
        ax.set(title=title, xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    day = choose_day(sample)
    if day is None:
        return
    rows, columns = known_extent(np.isfinite(sample.observed[day]))
    observed = sample.observed[day, rows, columns]
    fields = compose(observed, sample.reconstructed[day, rows, columns], sample.state[day, rows, columns])
    values = observed[np.isfinite(observed)]
    low, high = (float(np.quantile(values, q)) for q in (0.01, 0.99))
    low = min(0.0, low) if sample.wet else low
    scale: Any = {"vmin": low, "vmax": max(high, low + 1e-6), "cmap": mpl.colormaps[sample.colour_map]}
    display: Any = {"origin": "upper" if sample.north_up else "lower", "interpolation": "nearest"}
    for ax, field in zip(axes, (observed, fields.seen, fields.filled), strict=True):
        # From the back: sea, observed cells that this map does not show, the values.
        beneath = np.isfinite(observed).astype(np.float32)
        ax.imshow(beneath, cmap=ListedColormap([SEA, HIDDEN]), vmin=0, vmax=1, **display)
        image = ax.imshow(np.ma.masked_invalid(field), **scale, **display)
    units = f" [{sample.units}]" if sample.units and sample.units != "1" else ""
    label = plain(f"{sample.name}{units}, {np.datetime_as_string(sample.time[day], unit='D')}")
    part.colorbar(image, ax=axes, location="bottom", shrink=0.6, aspect=40, label=label)


def _stations(part: Any, sample: SeriesSample) -> None:
    chosen = fixed_stations(sample)
    axes = part.subplots(max(len(chosen), 1), 1, sharex=True, squeeze=False)[:, 0]
    days = date2num(sample.time.astype("datetime64[D]"))  # type: ignore[no-untyped-call]
    for ax, station in zip(axes, chosen, strict=False):
        _station(ax, sample, station, days)
    if chosen:
        axes[0].legend(loc="upper right", ncols=3, fontsize=7, handlelength=1.0)
    locator = AutoDateLocator(maxticks=5)  # type: ignore[no-untyped-call]
    axes[-1].xaxis.set_major_locator(locator)
    axes[-1].xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _station(axes: Axes, sample: SeriesSample, station: int, days: np.ndarray) -> None:
    observed, state = sample.observed[:, station], sample.state[:, station]
    units = f" [{sample.units}]" if sample.units and sample.units != "1" else ""
    axes.set_title(plain(f"{sample.name}{units}, station {sample.stations[station]}"), fontsize=8)
    axes.plot(days, observed, color=BLUE, linewidth=1.0, alpha=0.7, label="observed")
    axes.plot(days, np.where(state == VISIBLE, observed, np.nan), ".", color=BLUE, markersize=4, label="visible")
    estimate = np.where(state == TARGET, sample.reconstructed[:, station], np.nan)
    axes.plot(days, estimate, "o", color=ORANGE, markersize=3.5, markerfacecolor="white", label="reconstructed")
