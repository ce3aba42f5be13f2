"""Figures of a check: which values are present in each year, where they are missing, and maps of the grids."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from jaxtyping import Float
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from hydromae.check.report import AttributesView, GridView, SeriesView
from hydromae.drawing.encode import BLUE, GREY, ORANGE, Picture, plain, png, svg
from hydromae.drawing.maps import known_extent

SEA, ABSENT, WHOLE = "#e9ecef", "#f3d9cc", "#b4c6d6"
_LABELLED_STATIONS = 40  # more names could not be read


def draw_availability(grids: Sequence[GridView], series: Sequence[SeriesView]) -> Picture | None:
    """The share of values present of each modality in each year, as a strip of cells; None without any."""
    held = [(view.name, view.years, view.present) for view in grids]
    held += [(view.name, view.years, view.present.mean(axis=1)) for view in series if len(view.stations)]
    if not held:
        return None
    years = np.unique(np.concatenate([view_years for _, view_years, _ in held]))
    share = np.full((len(held), len(years)), np.nan)  # [modality, year]
    for row, (_, view_years, present) in enumerate(held):
        share[row, np.searchsorted(years, view_years)] = present
    figure = Figure(figsize=(8.0, 0.9 + 0.38 * len(held)), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(share, cmap=_shares(), vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    axes.set_yticks(range(len(held)), [plain(name) for name, *_ in held])
    _year_ticks(axes, years)
    if len(years) <= 16:
        for row, column in np.argwhere(np.isfinite(share)):
            value = share[row, column]
            axes.text(column, row, f"{value:.0%}", ha="center", va="center", fontsize=7, color=_ink(value))
    _share_bar(figure, image, axes, "values present")
    lowest = "; ".join(f"{name} {np.nanmin(row):.0%}" for (name, *_), row in zip(held, share, strict=True))
    return png(figure, f"Share of values present by modality and year. Lowest year: {lowest}.")


def draw_stations_by_year(view: SeriesView) -> Picture | None:
    """The share of each year's days with a value at each station, stations with the most first; None without any."""
    if not view.stations or not len(view.years):
        return None
    order = np.argsort(view.missing, kind="stable")
    few = len(order) <= _LABELLED_STATIONS
    figure = Figure(figsize=(5.4, min(4.2, 1.0 + 0.2 * len(order))), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(view.present.T[order], cmap=_shares(), vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    if few:
        axes.set_yticks(range(len(order)), [plain(view.stations[i]) for i in order.tolist()], fontsize=7)
    else:
        axes.set_yticks([])
        axes.set_ylabel(f"{len(order)} stations, the fullest on top")
    _year_ticks(axes, view.years)
    _share_bar(figure, image, axes, "days with a value")
    full = int((view.missing < 0.01).sum())
    return png(
        figure,
        f"Days with a value of {view.name} by station and year.",
        f"{full} of {len(order)} stations lack less than 1 % of their days.",
    )


def draw_grid(view: GridView) -> Picture:
    """Two maps: the mean over the days looked at, and the share of them that is missing in each land cell."""
    rows, columns = known_extent(np.isfinite(view.missing))
    mean, missing = view.mean[rows, columns], view.missing[rows, columns]
    height, width = mean.shape
    figure = Figure(figsize=(5.4, float(np.clip(2.2 * height / width + 0.6, 1.8, 5.0))), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, field, colours, title in (
        (left, mean, mpl.colormaps["viridis"], f"mean {_bracket(view.units)}"),
        (right, missing, _missing(), "share missing"),
    ):
        axes.set_facecolor(SEA)
        axes.set_axis_off()
        axes.add_patch(mpl.patches.Rectangle((-0.5, -0.5), width, height, color=SEA, zorder=0))
        low, high = (0.0, 1.0) if axes is right else _limits(field)
        image = axes.imshow(field, cmap=colours, vmin=low, vmax=high, interpolation="nearest", zorder=1)
        axes.set_title(plain(title))
        figure.colorbar(
            image, ax=axes, location="bottom", shrink=0.8, pad=0.02, format="{x:.0%}" if axes is right else None
        )
    never = int((view.missing == 1).sum())
    cells = int(np.isfinite(view.missing).sum())
    return png(
        figure,
        f"Maps of the mean and of the missing share of {view.name}.",
        f"{never:,} of {cells:,} land cells never have a value; "
        f"the others lack {_mean_below_one(view.missing):.1%} on average.",
    )


def draw_station_map(view: SeriesView, attributes: AttributesView) -> Picture | None:
    """The stations on a map, coloured by the share of missing days; None without coordinates."""
    if attributes.longitude is None or attributes.latitude is None:
        return None
    row = {station: i for i, station in enumerate(attributes.stations)}
    rows = np.array([row.get(station, -1) for station in view.stations])
    placed = rows >= 0
    x, y = attributes.longitude[rows[placed]], attributes.latitude[rows[placed]]
    missing, located = view.missing[placed], np.isfinite(x) & np.isfinite(y)
    located &= (np.abs(x) <= 180) & (np.abs(y) <= 90)
    if not located.any():
        return None
    x, y, missing = x[located], y[located], missing[located]
    order = np.argsort(missing, kind="stable")  # those with gaps are drawn over those without
    figure = Figure(figsize=(4.0, 4.6), layout="constrained")
    axes = figure.add_subplot()
    size = float(np.clip(6000 / len(x), 8, 60))
    dots = axes.scatter(
        x[order], y[order], c=missing[order], cmap=_missing(), vmin=0, vmax=1, s=size, edgecolors=GREY, linewidths=0.2
    )
    axes.set_aspect(1 / max(float(np.cos(np.deg2rad(np.mean(y)))), 0.1), adjustable="datalim")
    axes.set_xlabel("longitude")
    axes.set_ylabel("latitude")
    figure.colorbar(dots, ax=axes, shrink=0.7, format="{x:.0%}", label="days missing")
    absent = len(view.stations) - int(located.sum())
    caption = f"{absent} of {len(view.stations)} stations have no coordinates." if absent else ""
    return png(figure, f"Map of the stations, coloured by the share of days of {view.name} that is missing.", caption)


def draw_attribute_gaps(view: AttributesView) -> Picture | None:
    """A bar for each attribute: the share of stations that lack it; None where none lacks any."""
    share = view.missing.mean(axis=0) if len(view.stations) else np.zeros(len(view.names))
    if not share.any():
        return None
    figure = Figure(figsize=(5.4, 0.8 + 0.22 * len(view.names)), layout="constrained")
    axes = figure.add_subplot()
    axes.barh(range(len(share)), share, color=[ORANGE if s else BLUE for s in share], height=0.7)
    axes.set_yticks(range(len(share)), [plain(name) for name in view.names])
    axes.invert_yaxis()
    axes.set_xlim(0, max(float(share.max()) * 1.25, 0.05))
    axes.xaxis.set_major_formatter(mpl.ticker.PercentFormatter(1, decimals=0))
    axes.set_xlabel(f"of {len(view.stations)} stations")
    for row, value in enumerate(share.tolist()):
        axes.text(value, row, f"  {int(view.missing[:, row].sum())}", va="center", fontsize=8)
    return svg(figure, "Share of stations that lack each attribute.", "The number beside each bar counts stations.")


def _shares() -> mpl.colors.Colormap:
    colours = mpl.colormaps["Blues"](np.linspace(0.08, 0.95, 256))
    colours[0] = mpl.colors.to_rgba(ABSENT)  # no values at all must not look like a few
    return ListedColormap(colours)


def _missing() -> mpl.colors.Colormap:
    colours = mpl.colormaps["YlOrRd"](np.linspace(0.15, 1, 256))
    colours[0] = mpl.colors.to_rgba(WHOLE)  # complete cells get a colour of their own
    return ListedColormap(colours)


def _ink(share: float) -> str:
    return "white" if share > 0.55 else "#222222"


def _share_bar(figure: Figure, image: mpl.cm.ScalarMappable, axes: mpl.axes.Axes, label: str) -> None:
    figure.colorbar(image, ax=axes, format="{x:.0%}", label=label, ticks=[0, 0.5, 1], pad=0.01, fraction=0.04)


def _year_ticks(axes: mpl.axes.Axes, years: np.ndarray) -> None:
    step = max(1, -(-len(years) // 9))
    labelled = [i for i in range(len(years)) if years[i] % step == 0 or step == 1]
    axes.set_xticks(labelled, [str(years[i]) for i in labelled])


def _limits(field: Float[np.ndarray, "row column"]) -> tuple[float, float]:
    values = field[np.isfinite(field)]
    if not values.size:
        return 0.0, 1.0
    low, high = (float(np.quantile(values, q)) for q in (0.01, 0.99))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _mean_below_one(missing: Float[np.ndarray, "row column"]) -> float:
    shares = missing[np.isfinite(missing) & (missing < 1)]
    return float(shares.mean()) if shares.size else 0.0


def _bracket(units: str) -> str:
    return f"[{units}]" if units and units != "1" else ""
