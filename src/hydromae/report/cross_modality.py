"""How much each modality helps to reconstruct the others: a table of skills, and maps with and without another."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from hydromae.base.errors import DataError
from hydromae.base.replacing import replacing
from hydromae.drawing.encode import BLACK, Picture, plain, png, style
from hydromae.drawing.maps import HIDDEN, LAND, SEA, colour_map_of, known_extent
from hydromae.readers.labelled import load_labelled

FILE = "cross_modality.nc"
PANELS = {"visible": "its own unmasked values visible", "hidden": "none of its own values visible"}
_COLUMNS = {"none": "nothing", "all others": "all others"}

Label = Callable[[str], str]


@dataclass(frozen=True)
class CrossModality:
    """The section of the page.

    Attributes:
        period: in words.
        findings: a sentence for each modality.
        table: the figure of skills.
        maps: one figure for each grid.
    """

    period: str
    findings: tuple[str, ...]
    table: Picture
    maps: tuple[tuple[str, Picture], ...]


def load_cross_modality(path: Path) -> xr.Dataset:
    """The file that `cross_modality` wrote, in memory.

    Raises:
        DataError: the file is not one of `cross_modality`.
    """
    dataset = load_labelled(path, "delete it or make it again")
    if not {"skill", "change", "change_lower", "change_upper"} <= set(map(str, dataset.data_vars)):
        raise DataError(f"{path}: holds no skill and change of modalities; delete it or make it again")
    return dataset


def cross_modality_section(path: Path, label: Label = str, without: str | None = None) -> CrossModality:
    """Figures and sentences of a file, drawn in the style of the page.

    Args:
        path: of the file that `cross_modality` wrote.
        label: name of a modality -> its words.
        without: the modality that the maps of the others lack; None is the costliest of each, see `draw_example`.

    Raises:
        DataError: the file is not one of `cross_modality`, or lacks the modality.
    """
    dataset = load_cross_modality(path)
    names = [str(name) for name in dataset["target"].values]
    if without is not None and without not in names:
        raise DataError(f"{path}: has no {without}; name one of {', '.join(names)}")
    grids = [str(name) for name in dataset["target"].values if f"{name}_reconstructed" in dataset]
    with style():
        return CrossModality(
            period=str(dataset.attrs.get("period", "")).replace(" ", " to "),
            findings=tuple(_finding(dataset, str(target), label) for target in dataset["target"].values),
            table=draw_table(dataset, label),
            maps=tuple(
                (label(name), draw_example(dataset, name, label, None if without == name else without))
                for name in grids
            ),
        )


def write_figures(path: Path, directory: Path, label: Label = str, without: str | None = None) -> list[Path]:
    """Write the figures of a file as PNG, `cross_modality.png` and one for each grid, and return their paths.

    Arguments are those of `cross_modality_section`.

    Raises:
        DataError: the file is not one of `cross_modality`, or the directory cannot be written.
    """
    section = cross_modality_section(path, label, without)
    dataset = load_cross_modality(path)
    names = [str(name) for name in dataset["target"].values if f"{name}_reconstructed" in dataset]
    pictures = {"cross_modality.png": section.table}
    pictures |= {f"cross_modality_{name}.png": figure for name, (_, figure) in zip(names, section.maps, strict=True)}
    for file, picture in pictures.items():
        with replacing(directory / file) as temporary:
            temporary.write_bytes(base64.b64decode(picture.source.partition(",")[2]))
    return [directory / file for file in pictures]


def draw_table(dataset: xr.Dataset, label: Label) -> Picture:
    """Skill of each target with each modality hidden, coloured by the change; left, its own values are seen."""
    targets, columns = (list(map(str, dataset[dim].values)) for dim in ("target", "hidden"))
    bound = float(np.clip(np.nanmax(np.abs(dataset["change"].values), initial=0.01), 0.01, 0.5))
    figure = Figure(figsize=(10.4, 1.5 + 0.52 * len(targets)), dpi=110, layout="constrained")
    panels = figure.subplots(1, len(PANELS), sharey=True)
    image = None
    for axes, (own, words) in zip(panels, PANELS.items(), strict=True):
        part = dataset.sel(own=own)
        change = part["change"].values
        image = axes.imshow(change, cmap="PuOr", norm=Normalize(-bound, bound), aspect="auto")
        axes.set_xticks(range(len(columns)), [plain(_COLUMNS.get(c) or label(c)) for c in columns], rotation=30)
        for text in axes.get_xticklabels():
            text.set_horizontalalignment("right")
            text.set_rotation_mode("anchor")
        axes.set_yticks(range(len(targets)), [plain(label(target)) for target in targets])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set(title=words, xlabel="hidden wholly")
        for row, target in enumerate(targets):
            for column, hidden in enumerate(columns):
                _write_cell(axes, row, column, part.isel(target=row, hidden=column), bound, own, target == hidden)
    panels[0].set_ylabel("reconstructed")
    assert image is not None
    figure.colorbar(image, ax=panels, label="change of skill", shrink=0.8, pad=0.01, extend="both")
    alt = "Tables of the skill of reconstructing each modality with each other one hidden. "
    alt += " ".join(_finding(dataset, target, label) for target in targets)
    caption = (
        "Skill (1 - MSE / MSE of the training mean) at masked values; below it the change against hiding nothing, in "
        "bold where its 95 % interval excludes 0. Framed: the modality's own unmasked values are hidden. All cells of "
        "a row are scored on the same masked values."
    )
    return png(figure, alt, caption)


def draw_example(dataset: xr.Dataset, name: str, label: Label, without: str | None = None) -> Picture:
    """Maps of one day: truth, reconstruction with and without another modality, and the change.

    Args:
        dataset: of `cross_modality`.
        name: a grid.
        label: name of a modality -> its words.
        without: the other modality; None is the one whose hiding costs the grid most skill in the table.
    """
    without = without or costliest(dataset, name)
    observed, reconstructed = dataset[f"{name}_observed"], dataset[f"{name}_reconstructed"]
    rises = observed.sizes["y"] > 1 and bool(observed["y"][0] < observed["y"][-1])
    origin: Any = {"origin": "lower" if rises else "upper", "interpolation": "nearest"}
    cut = known_extent(np.isfinite(observed.values))
    truth, masked = observed.values[cut], dataset[f"{name}_masked"].values[cut] == 1
    values = truth[np.isfinite(truth)]
    low, high = (float(np.quantile(values, q)) for q in (0.01, 0.99)) if values.size else (0.0, 1.0)
    words = " ".join(str(observed.attrs.get(key, "")) for key in ("standard_name", "long_name"))
    scale: Any = {"vmin": low, "vmax": max(high, low + 1e-9)}
    scale["cmap"] = mpl.colormaps[colour_map_of(words)]
    fields = {
        own: [reconstructed.sel(own=own, without=which).values[cut] for which in ("none", without)] for own in PANELS
    }  # own -> with and without, [y, x] each
    changes = {own: lacking - having for own, (having, lacking) in fields.items()}
    largest = np.abs(np.concatenate([change[np.isfinite(change)] for change in changes.values()]))
    bound = float(np.quantile(largest, 0.98)) or 1.0 if largest.size else 1.0

    height, width = truth.shape
    tall = float(np.clip(2.4 * height / width, 1.6, 4.2))
    figure = Figure(figsize=(10.4, 2 * tall + 1.3), dpi=110, layout="constrained")
    grid = figure.subplots(2, 4)
    land = np.where(np.isfinite(truth), 1.0, np.nan)
    for axes, own in zip(grid, PANELS, strict=True):
        having, lacking = fields[own]
        errors = [_rmse(field, truth) for field in fields[own]]
        if own == "visible":  # visible cells show their own values
            having, lacking = (np.where(masked, field, truth) for field in (having, lacking))
        first = ("visible", np.where(masked, np.nan, truth)) if own == "visible" else ("truth", truth)
        reconstructions = (
            (f"from all others: RMSE {errors[0]:.3g}" if own == "hidden" else f"masked: RMSE {errors[0]:.3g}", having),
            (f"without {plain(label(without))}: {errors[1]:.3g}", lacking),
        )
        for ax, (title, field) in zip(axes, (first, *reconstructions), strict=False):
            ax.imshow(land, cmap=ListedColormap([HIDDEN]).with_extremes(bad=SEA), **origin)
            image = ax.imshow(field, **scale, **origin)
            ax.set_title(title)
        axes[3].imshow(land, cmap=ListedColormap([LAND]).with_extremes(bad=SEA), **origin)
        difference = axes[3].imshow(changes[own], cmap="PuOr", vmin=-bound, vmax=bound, **origin)
        axes[3].set_title("change")
        for ax in axes:
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        axes[0].set_ylabel(PANELS[own])
    units = str(observed.attrs.get("units", ""))
    unit = f" [{units}]" if units not in ("", "1") else ""
    bar: Any = {"location": "bottom", "aspect": 40, "shrink": 0.6, "pad": 0.02}
    figure.colorbar(image, ax=grid[:, :3], extend="both", label=f"{plain(label(name))}{unit}", **bar)
    figure.colorbar(difference, ax=grid[:, 3:], extend="both", label=f"change{unit}", **{**bar, "shrink": 0.9})
    day = str(observed.attrs.get("day", ""))
    alt = f"Maps of {label(name)} on {day}, reconstructed with and without {label(without)}."
    caption = (
        f"{day}. Above: {label(name)} masked as in training (dark), reconstructed there. Below: none of it visible on "
        f"any day of the window, all of it reconstructed from the others. RMSE is of the reconstructed cells of this "
        f"one day, which may differ from the mean in the table."
    )
    return png(figure, alt, caption)


def costliest(dataset: xr.Dataset, target: str) -> str:
    """The other modality whose hiding costs a target most skill while its own unmasked values are seen."""
    others = [str(name) for name in dataset["hidden"].values if name not in ("none", "all others", target)]
    change = dataset["change"].sel(own="visible", target=target, hidden=others).values
    return others[int(np.argmin(np.where(np.isfinite(change), change, np.inf)))]


def _finding(dataset: xr.Dataset, target: str, label: Label) -> str:
    other = costliest(dataset, target)
    with_own, without_own = (dataset.sel(own=own, target=target) for own in PANELS)

    def skill(part: xr.Dataset, hidden: str) -> str:
        return _signed(float(part["skill"].sel(hidden=hidden)), plus=False)

    cell = with_own.sel(hidden=other)
    change, lower, upper = (float(cell[f"change{end}"]) for end in ("", "_lower", "_upper"))
    interval = f"{_signed(change)}, 95 % {_signed(lower)} to {_signed(upper)}"
    text = f"{label(target)}: skill {skill(with_own, 'none')}, without {label(other)} {skill(with_own, other)}"
    return (
        f"{text} ({interval}); from only the others {skill(without_own, 'none')}, "
        f"without {label(other)} {skill(without_own, other)}, with nothing visible {skill(without_own, 'all others')}."
    )


def _write_cell(axes: Axes, row: int, column: int, cell: xr.Dataset, bound: float, own: str, is_target: bool) -> None:
    skill, change = float(cell["skill"]), float(cell["change"])
    lower, upper = float(cell["change_lower"]), float(cell["change_upper"])
    if own == "hidden" and is_target:
        axes.text(column, row, "as nothing", ha="center", va="center", fontsize=7, color=BLACK)
        return
    ink = "white" if abs(change) > 0.7 * bound else BLACK
    axes.text(column, row - 0.16, _signed(skill, plus=False), ha="center", va="center", fontsize=9, color=ink)
    if column:
        weight = "bold" if lower > 0 or upper < 0 else "normal"
        axes.text(
            column, row + 0.24, _signed(change), ha="center", va="center", fontsize=7, color=ink, fontweight=weight
        )
    if is_target:
        axes.add_patch(Rectangle((column - 0.48, row - 0.47), 0.96, 0.94, fill=False, edgecolor=BLACK, linewidth=1.1))


def _signed(value: float, plus: bool = True) -> str:
    if not np.isfinite(value):
        return "unknown"
    text = f"{value:+.2f}" if plus else f"{value:.2f}"
    return text.replace("-", "\N{MINUS SIGN}")


def _rmse(estimate: Float[np.ndarray, "y x"], truth: Float[np.ndarray, "y x"]) -> float:
    error = estimate - truth
    return float(np.sqrt(np.nanmean(error**2))) if np.isfinite(error).any() else float("nan")
