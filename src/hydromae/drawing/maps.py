"""Maps of one day: the truth, what the model saw, its reconstruction, and the error."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from jaxtyping import Bool, Float, Integer, Real
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline

from hydromae.drawing.encode import Picture, plain, png
from hydromae.tokens.selection import MISSING, TARGET, VISIBLE

SEA, LAND, HIDDEN = "#e9ecef", "#cdd2d8", "#4b5058"

# Sequential and readable with any colour vision; found by a word of the standard or long name.
COLOUR_MAPS = {"precipitation": "YlGnBu", "rain": "YlGnBu", "temperature": "plasma", "snow": "PuBu"}
DAYS, CELLS = 60, 10_000_000  # most days and most cells that are read to choose a day


@dataclass(frozen=True)
class GridSample:
    """Days of one grid modality, evenly spread over a reconstruction."""

    name: str
    units: str
    colour_map: str
    north_up: bool
    time: np.ndarray  # datetime64 [day]
    observed: Float[np.ndarray, "day y x"]
    reconstructed: Float[np.ndarray, "day y x"]
    state: Integer[np.ndarray, "day y x"]

    @property
    def hidden(self) -> Bool[np.ndarray, "day y x"]:
        """Cells the model had to estimate."""
        hidden: np.ndarray = np.equal(self.state, TARGET)
        return hidden

    @property
    def wet(self) -> bool:
        """Whether days without any of it are common, as with rain: then the wettest day is shown."""
        return self.colour_map == COLOUR_MAPS["precipitation"]


@dataclass(frozen=True)
class Composite:
    """The fields of the maps; cells that are not in a field are NaN."""

    seen: Real[np.ndarray, "..."]
    filled: Real[np.ndarray, "..."]
    error: Real[np.ndarray, "..."]


def compose(
    observed: Float[np.ndarray, "*shape"],
    reconstructed: Float[np.ndarray, "*shape"],
    state: Integer[np.ndarray, "*shape"],
) -> Composite:
    """What the model saw, the same completed by its estimates at hidden cells, and the error there.

    Any shape; a cell that is neither visible nor hidden is NaN in all three.
    """
    hidden = state == TARGET
    seen = np.where(state == VISIBLE, observed, np.nan)
    estimate = np.where(hidden, reconstructed, np.nan)
    return Composite(seen=seen, filled=np.where(hidden, estimate, seen), error=estimate - observed)


def sample_grid(dataset: xr.Dataset, name: str, words: str) -> GridSample:
    """Read days of a grid modality, evenly spread, no more than `DAYS` nor `CELLS` cells.

    Args:
        dataset: the open reconstruction.
        name: its modality, [time, y, x].
        words: standard and long name, which choose the colours.
    """
    observed = dataset[name]
    n_days, cells = observed.sizes["time"], observed.sizes["y"] * observed.sizes["x"]
    step = -(-n_days // max(1, min(DAYS, CELLS // cells)))
    days = slice(step // 2, None, step)
    read = {key: dataset[key].isel(time=days) for key in (name, f"{name}_reconstructed", f"{name}_state")}
    # Without coordinates, rows are taken to run from north to south.
    rises = "y" in observed.coords and observed.sizes["y"] > 1 and bool(observed["y"][0] < observed["y"][-1])
    return GridSample(
        name=name,
        units=str(observed.attrs.get("units", "")),
        colour_map=colour_map_of(words),
        north_up=not rises,
        time=observed["time"].to_numpy()[days],
        observed=read[name].to_numpy().astype(np.float32),
        reconstructed=read[f"{name}_reconstructed"].to_numpy().astype(np.float32),
        state=read[f"{name}_state"].fillna(MISSING).to_numpy().astype(np.int8),
    )


def colour_map_of(words: str) -> str:
    """Name of the colours of a modality, from its standard and long name."""
    return next((colours for word, colours in COLOUR_MAPS.items() if word in words.lower()), "viridis")


def hexes(name: str) -> list[str]:
    """Colours of one of matplotlib's scales, from low to high."""
    return [to_hex(colour) for colour in mpl.colormaps[name](np.linspace(0, 1, 32))]


def choose_day(sample: GridSample) -> int | None:
    """Index of the day to draw; None if no day has both visible and hidden cells.

    Of the third of the days whose hidden share is nearest the mean, it is the wettest for rain, else the one whose
    field varies most in space.
    """
    hidden = (sample.state == TARGET).sum(axis=(1, 2))
    visible = (sample.state == VISIBLE).sum(axis=(1, 2))
    usable = np.flatnonzero((hidden > 0) & (visible > 0))
    if not usable.size:
        return None
    share = hidden[usable] / (hidden + visible)[usable]
    distance = np.abs(share - share.mean())
    # Ties are kept: where all days hide the same share, every day is a candidate.
    nearest = usable[distance <= np.sort(distance)[(len(usable) - 1) // 3] + 1e-9]
    days = np.where((sample.state[nearest] <= TARGET), sample.observed[nearest], np.nan)  # [day, y, x]
    days = days.reshape(len(nearest), -1)  # [day, y*x]
    has_values = np.isfinite(days).any(axis=1)
    if not has_values.any():
        return None
    measure = np.nanmean if sample.wet else np.nanstd
    return int(nearest[has_values][np.argmax(measure(days[has_values], axis=1))])


def draw_maps(sample: GridSample, label: str) -> list[Picture]:
    """Four maps of one day with one colour scale: truth, what the model saw, reconstruction, error at hidden cells.

    Returns an empty list where no day has both visible and hidden cells.
    """
    day = choose_day(sample)
    if day is None:
        return []
    rows, columns = known_extent(np.isfinite(sample.observed[day]))
    observed, reconstructed = sample.observed[day, rows, columns], sample.reconstructed[day, rows, columns]
    state = sample.state[day, rows, columns]
    fields = compose(observed, reconstructed, state)

    height, width = observed.shape
    tall = float(np.clip(2.45 * height / width, 1.6, 4.6))
    figure = Figure(figsize=(10.4, tall + 1.25), dpi=110, layout="constrained")
    axes = figure.subplots(1, 4)
    origin: Any = {"origin": "upper" if sample.north_up else "lower"}
    low, high = _limits(observed, from_zero=sample.wet)
    scale: Any = {"cmap": mpl.colormaps[sample.colour_map].with_extremes(bad=SEA), "vmin": low, "vmax": high}
    titles = ("truth", "what the model saw", "reconstruction", "error at hidden cells")
    for ax, title, field in zip(axes, titles, (observed, fields.seen, fields.filled, fields.error), strict=True):
        ax.set(title=title, xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        if title != titles[-1]:
            image = ax.imshow(field, interpolation="nearest", **scale, **origin)
            _hatch(ax, np.isfinite(observed) & np.isnan(field))
    ax = axes[-1]
    land = np.where(np.isfinite(observed), 1.0, np.nan)
    ax.imshow(land, cmap=ListedColormap([LAND]).with_extremes(bad=SEA), interpolation="nearest", **origin)
    bound = _error_bound(fields.error)
    errors = ax.imshow(fields.error, cmap="PuOr", vmin=-bound, vmax=bound, interpolation="nearest", **origin)
    bar: Any = {"location": "bottom", "aspect": 30, "pad": 0.03}
    units = _bracket(sample.units)
    figure.colorbar(
        image,
        ax=axes[:3],
        extend="max" if sample.wet else "both",
        shrink=0.6,
        label=f"{plain(label)} {units}".rstrip(),
        **bar,
    )
    figure.colorbar(
        errors, ax=axes[3:], extend="both", shrink=0.9, label=f"reconstruction - truth {units}".rstrip(), **bar
    )

    date = np.datetime_as_string(sample.time[day], unit="D")
    share = (state == TARGET).sum() / max(1, (state <= TARGET).sum())
    rmse = float(np.sqrt(np.nanmean(fields.error**2))) if np.isfinite(fields.error).any() else float("nan")
    picked = "the wettest" if sample.wet else "the most varied in space"
    caption = (
        f"{date}: {share * 100:.0f} % of the cells hidden (dark, hatched); root mean square error there "
        f"{rmse:.3g} {sample.units if sample.units != '1' else ''}".rstrip()
        + f". Of {len(sample.time)} days looked at, this is {picked} of those with a hidden share near the mean. "
        "Light grey is sea or missing."
    )
    alt = f"Four maps of {label} on {date}: truth, what the model saw with hidden patches dark, reconstruction, error."
    return [png(figure, alt, caption)]


def words_of(dataset: xr.Dataset, name: str, configured: Mapping[str, str]) -> str:
    """Standard and long name of a modality, from the file and the configuration."""
    attrs = dataset[name].attrs
    return " ".join(str(attrs.get(key) or configured.get(key, "")) for key in ("standard_name", "long_name"))


def _hatch(axes: Axes, cells: np.ndarray) -> None:
    """Cover cells [y, x] with a dark hatched area, one path for all: neighbouring cells of a row are one rectangle."""
    edges = np.diff(np.pad(cells.astype(np.int8), ((0, 0), (1, 1))), axis=1)  # [y, x + 1]
    row, left = np.nonzero(edges == 1)
    right = np.nonzero(edges == -1)[1]
    if not row.size:
        return
    x0, x1, y0, y1 = left - 0.5, right - 0.5, row - 0.5, row + 0.5
    corners = np.stack([[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]])  # [corner, 2, run]
    vertices = np.moveaxis(corners, 2, 0).reshape(-1, 2)  # [run * corner, 2]
    codes: np.ndarray = np.tile(
        [Outline.MOVETO, Outline.LINETO, Outline.LINETO, Outline.LINETO, Outline.CLOSEPOLY], len(row)
    )
    area = Outline(vertices, codes)
    axes.add_patch(PathPatch(area, facecolor=HIDDEN, edgecolor="#8b9099", hatch="////", linewidth=0, antialiased=False))


def known_extent(present: Bool[np.ndarray, "y x"]) -> tuple[slice, slice]:
    """Rows and columns with values, with a margin of one cell."""
    if not present.any():
        return slice(None), slice(None)
    spans = []
    for axis in (1, 0):
        held = np.flatnonzero(present.any(axis=axis))
        spans.append(slice(max(0, int(held[0]) - 1), int(held[-1]) + 2))
    return spans[0], spans[1]


def _limits(field: Float[np.ndarray, "y x"], from_zero: bool) -> tuple[float, float]:
    values = field[np.isfinite(field)]
    low, high = (float(np.quantile(values, q)) for q in (0.01, 0.99))
    low = min(0.0, low) if from_zero else low
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _error_bound(error: Float[np.ndarray, "y x"]) -> float:
    values = np.abs(error[np.isfinite(error)])
    return (float(np.quantile(values, 0.98)) or 1.0) if values.size else 1.0


def _bracket(units: str) -> str:
    return f"[{units}]" if units and units != "1" else ""
