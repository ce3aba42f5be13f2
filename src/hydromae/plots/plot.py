"""The figure of a file that a task wrote."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from hydromae.base.errors import ConfigError, DataError
from hydromae.base.given import Day, Names, as_day, as_names
from hydromae.base.permissions import refused
from hydromae.base.replacing import replace_text, replacing
from hydromae.base.version import VERSION
from hydromae.drawing.encode import style
from hydromae.plots.chosen import MOST, chosen_stations
from hydromae.plots.forecast_figure import forecast_figure
from hydromae.plots.page import STATIONS, plot_page
from hydromae.plots.records import store_behind
from hydromae.plots.scores_figure import scores_figure
from hydromae.plots.series_figure import series_figure
from hydromae.readers.guard import check_memory
from hydromae.readers.labelled import open_labelled
from hydromae.results.target import PAGES, PICTURE_MARK, PICTURES, check_target
from hydromae.store.store import Store

_AUTHOR: Final = {".png": "Software", ".svg": "Creator", ".pdf": "Creator"}
_DPI: Final = 150
_OTHERS: Final = ("days_since_observed", "area", "spin_up")


def plot(
    file: str | Path | xr.Dataset,
    station: Names | None = None,
    output: str | Path | None = None,
    *,
    data: str | Path | Store | None = None,
    modality: str | None = None,
    issue_time: Day | None = None,
    days: int = 45,
    metric: str = "nse",
    overwrite: bool = False,
) -> Figure:
    """Draw what a task wrote: a forecast, filled gaps, an ungauged simulation, a reconstruction, or scores.

    Args:
        file: netCDF or Zarr, or the data set that a task returned.
        station: ids, or parts of names; None is all, of six at most.
        output: .png, .svg or .pdf; .html for a page on which stations and issue times are chosen; None writes none.
        data: a store or a configuration with what was observed; None is the store that a forecast or simulation names.
        modality: of several in the file; None is that with most gaps filled, or else the flow.
        issue_time: of several; None is the last.
        days: drawn before the issue time, or of a series.
        metric: of a file of scores.
        overwrite: replace an existing output.

    Returns:
        A matplotlib figure; beside a page, that of its first station.

    Raises:
        DataError: the file cannot be opened or is of another kind, a station or an issue time is not in it, or the
            output exists.
        ConfigError: the output has another suffix, scores are to be a page, or `days` is below 1.
    """
    if days < 1:
        raise ConfigError(f"{days} days cannot be drawn; give at least 1")
    target = None if output is None else Path(output)
    if target is not None:
        inputs = [] if isinstance(file, xr.Dataset) else [file]
        check_target(target, overwrite, inputs, (*PICTURES, *PAGES))
    dataset, where = _opened(file)
    with style():
        figure, page = _figure(dataset, where, station, data, modality, issue_time, days, metric, target)
        if target is not None and page is not None:
            replace_text(target, page, overwrite)
        elif target is not None:
            with replacing(target, overwrite) as temporary:
                figure.savefig(
                    temporary,
                    format=target.suffix[1:],
                    dpi=_DPI,
                    facecolor="white",
                    metadata={_AUTHOR[target.suffix]: f"{PICTURE_MARK} {VERSION}"},
                )
    return figure


def _figure(
    dataset: xr.Dataset,
    where: str,
    station: Names | None,
    data: str | Path | Store | None,
    modality: str | None,
    issue_time: Day | None,
    days: int,
    metric: str,
    target: Path | None,
) -> tuple[Figure, str | None]:
    """The figure, and the text of a page where one is asked for."""
    as_page = target is not None and target.suffix in PAGES
    if "score" in dataset and "lead_time" in dataset.dims:
        if as_page:
            raise ConfigError(
                f"{target}: scores are drawn as .png, .svg or .pdf; `hydromae report` makes a page of them with maps"
            )
        return scores_figure(dataset, metric, where), None
    name = _modality(dataset, modality, where)
    stations = chosen_stations(dataset, as_names(station) or [], where, STATIONS if as_page else MOST)
    drawn = stations[:1] if as_page else stations
    store = store_behind(dataset, data)
    issue = _issue(dataset, issue_time, where) if "issue_time" in dataset.dims else None
    if issue is None:
        figure = series_figure(dataset, name, drawn, store, days)
    else:
        figure = forecast_figure(dataset, name, drawn, issue, store, days)
    return figure, plot_page(dataset, name, stations, issue, store, days, figure) if as_page else None


def _opened(file: str | Path | xr.Dataset) -> tuple[xr.Dataset, str]:
    """The data set, and what it is called in messages."""
    if isinstance(file, xr.Dataset):
        return file, str(file.attrs.get("title", "the data set"))
    path = Path(file)
    if problem := refused(path):
        raise DataError(problem)
    if not path.exists():
        raise DataError(f"{path}: does not exist; give the output of forecast, infill, ungauged or evaluate")
    dataset = open_labelled(path, "give netCDF or Zarr")
    check_memory(path, sum(values.nbytes for values in dataset.data_vars.values() if "station" in values.dims))
    return dataset, str(path)


def _modality(dataset: xr.Dataset, asked: str | None, where: str) -> str:
    """The series that is drawn: those of a forecast, what was filled most, or the first."""
    ahead = "issue_time" in dataset.dims
    dims = {"issue_time", "lead_time", "station"} if ahead else {"time", "station"}
    names = [
        str(name)
        for name, variable in dataset.data_vars.items()
        if set(variable.dims) == dims and not str(name).endswith(("_flag", "_state", "_reconstructed", "_volume",
                                                                  "_specific")) and name not in _OTHERS
    ]  # fmt: skip
    if not names:
        raise DataError(
            f"{where}: holds no series of stations that could be drawn; give the output of forecast, infill, ungauged, "
            f"reconstruct or a *_scores.nc of evaluate"
        )
    if asked is not None:
        if asked not in names:
            raise DataError(f"{where}: has no {asked} to draw; it has {', '.join(names)}")
        return asked
    filled = {name: int((dataset[f"{name}_flag"] == 1).sum()) if f"{name}_flag" in dataset else 0 for name in names}
    return max(names, key=lambda name: (filled[name], "flow" in f"{name} {dataset[name].attrs.get('long_name', '')}"))


def _issue(dataset: xr.Dataset, asked: Day | None, where: str) -> int:
    issues = dataset["issue_time"].values.astype("datetime64[D]")
    if asked is None:
        return len(issues) - 1
    day = as_day(asked, "issue time")
    if day not in issues:
        raise DataError(f"{where}: has no issue time {day}; it has {_listed(issues)}")
    return int(np.flatnonzero(issues == day)[0])


def _listed(issues: Sequence[np.datetime64] | np.ndarray) -> str:
    shown = [str(day) for day in issues]
    return ", ".join(shown) if len(shown) <= 6 else f"{len(shown)} from {shown[0]} to {shown[-1]}"
