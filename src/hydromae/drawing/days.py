"""Days on the axis of a figure, and bands of quantiles over them."""

from typing import Final

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num

BAND: Final = "#9ecae1"


def day_numbers(days: np.ndarray) -> np.ndarray:
    """Days as matplotlib counts them."""
    numbers: np.ndarray = date2num(days.astype("datetime64[D]"))  # type: ignore[no-untyped-call]
    return numbers


def date_axis(axes: Axes, most: int = 7) -> None:
    """Label the horizontal axis with dates, `most` at most."""
    locator = AutoDateLocator(maxticks=most)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def draw_fan(
    axes: Axes,
    days: np.ndarray,
    levels: Float[np.ndarray, " quantile"],
    values: Float[np.ndarray, "day quantile"],
    labelled: bool,
    color: str = BAND,
) -> None:
    """Bands between pairs of levels, the widest first, which is the palest; days as `day_numbers` gives them."""
    for depth in range(len(levels) // 2):
        low, high = depth, len(levels) - 1 - depth
        label = f"{100 * (levels[high] - levels[low]):.0f} % band" if labelled else None
        bounds = values[:, low], values[:, high]
        axes.fill_between(days, *bounds, color=color, alpha=0.35 + 0.3 * depth, linewidth=0, label=label)
