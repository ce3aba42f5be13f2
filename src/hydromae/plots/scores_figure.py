"""Skill against lead time: the median over stations of each model, with quartiles."""

from typing import Final

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from hydromae.base.errors import DataError
from hydromae.drawing.encode import BLACK, BLUE, GREEN, GREY, ORANGE, plain

_COLOURS: Final = (BLUE, ORANGE, GREEN, BLACK, "#cc79a7", "#56b4e9", GREY)
_QUARTILES: Final = (25, 50, 75)


def scores_figure(dataset: xr.Dataset, metric: str, where: str) -> Figure:
    """Lines of the median, and the band between the quartiles of the first model.

    Args:
        dataset: as `hydromae evaluate` writes in `*_scores.nc`.
        metric: of those in the file, as nse.
        where: the file, for messages.

    Raises:
        DataError: it has no such metric.
    """
    metrics = [str(one) for one in dataset["metric"].values]
    if metric not in metrics:
        raise DataError(f"{where}: has no metric {metric}; it has {', '.join(metrics[:12])}, ...")
    scores = dataset["score"].isel(metric=metrics.index(metric)).sel(percentile=list(_QUARTILES))
    leads = dataset["lead_time"].values.astype(int)
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.add_subplot(xlabel="lead time, days", ylabel=plain(f"{metric.upper()}, median over stations"))
    for place, model in enumerate(map(str, dataset["model"].values)):
        low, median, high = scores.isel(model=place).transpose("percentile", "lead_time").values
        colour = _COLOURS[place % len(_COLOURS)]
        if not np.isfinite(median).any():
            continue
        if place == 0:
            axes.fill_between(leads, low, high, color=colour, alpha=0.15, linewidth=0, label="quartiles")
        axes.plot(leads, median, "o-", color=colour, markersize=4, label=plain(model))
    axes.set_xticks(leads)
    axes.set_title(plain(str(dataset.attrs.get("title", ""))), fontsize=9)
    axes.legend(loc="best", ncols=2)
    return figure
