"""What `hydromae evaluate` left of forecasts: the forecasts, their scores, and what was observed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import xarray as xr

from hydromae.base.errors import DataError, HydroMAEError
from hydromae.base.secret_values import revealed
from hydromae.evaluation.standing import MODEL
from hydromae.plots.records import rain_in
from hydromae.readers.labelled import load_labelled
from hydromae.runs.directory import RunDirectory
from hydromae.store.store import Store

FOLDERS: Final = ("evaluation/forecast_val", "evaluation/forecast_test")
REGIMES: Final = {
    "none": "without any weather after the issue time",
    "perfect": "with the observed weather of the horizon",
}


@dataclass(frozen=True)
class Evaluation:
    """Forecasts of a held-out period with what they are worth; every map is by regime of forcing.

    Attributes:
        folder: where the files lie, in words.
        made: the forecasts.
        scores: medians and quartiles over stations of the model and its baselines, and their significance.
        stations: scores of each station; regimes whose file is absent are not in it.
        observed: [time, station] of the modality that is forecast; None without the data.
        rain: [time, station], the precipitation of these stations; None where the data have no such series.
    """

    folder: str
    made: dict[str, xr.Dataset]
    scores: dict[str, xr.Dataset]
    stations: dict[str, xr.Dataset]
    observed: xr.DataArray | None
    rain: xr.DataArray | None = None

    @property
    def modality(self) -> str:
        """The series that is forecast: that of the observations, or else the first."""
        forecast = next(iter(self.made.values()))
        return str(self.observed.name) if self.observed is not None else str(next(iter(forecast.data_vars)))

    @property
    def period(self) -> str:
        """What was forecast, in words."""
        forecast = next(iter(self.made.values()))
        first, last = forecast["issue_time"].values[[0, -1]].astype("datetime64[D]")
        issues, stations = forecast.sizes["issue_time"], forecast.sizes["station"]
        return f"{issues} issue times from {first} to {last}, {stations} stations"


def read_evaluation(run: Path, folder: Path | None = None) -> Evaluation | None:
    """What an evaluation of forecasts wrote; None where there is none.

    Args:
        run: run directory; its store gives the observations.
        folder: with the files; None is the run's own.

    Raises:
        DataError: a file exists and cannot be read, is of another model, or the folder is given and holds none.
    """
    for place in (folder,) if folder is not None else tuple(run / name for name in FOLDERS):
        regimes = [name for name in REGIMES if (place / f"{name}.nc").is_file()]
        regimes = [name for name in regimes if (place / f"{name}_scores.nc").is_file()]
        if not regimes:
            continue
        made = {name: _open(place / f"{name}.nc") for name in regimes}
        held = {name: place / f"{name}_stations.nc" for name in regimes}
        scores = {name: _open(place / f"{name}_scores.nc") for name in regimes}
        if not all(MODEL in of_one["model"].values for of_one in scores.values()):
            raise DataError(
                f"{place}: holds scores of another model's forecasts, which table.md shows; there is no page of them"
            )
        return Evaluation(
            folder=place.relative_to(run).as_posix() if folder is None else str(place),
            made=made,
            scores=scores,
            stations={name: _open(path) for name, path in held.items() if path.is_file()},
            observed=observed_of(run, next(iter(made.values()))),
            rain=rain_at(run, next(iter(made.values()))),
        )
    if folder is not None:
        raise DataError(f"{folder}: holds no none.nc with none_scores.nc; give the folder that hydromae evaluate wrote")
    return None


def store_of(run: Path, forecast: xr.Dataset | None = None) -> Store | None:
    """The data that a forecast names, or else those of the run; None where they are not where they were."""
    named = revealed(str(forecast.attrs.get("data", ""))) if forecast is not None else ""
    try:
        return Store.open(named) if named else RunDirectory.open(run).store()
    except HydroMAEError:
        return None


def observed_of(run: Path, forecast: xr.Dataset) -> xr.DataArray | None:
    """Observations, [time, station], of the first modality that is forecast; None without the data."""
    from hydromae.store.view import open_store
    from hydromae.tasks.forecast_baselines import usable_values

    held = store_of(run, forecast)
    if held is None:
        return None
    view = open_store(held)
    name = next((str(name) for name in forecast.data_vars if name in view), None)
    return None if name is None else usable_values(view[name].load(), held)


def rain_at(run: Path, forecast: xr.Dataset) -> xr.DataArray | None:
    """Precipitation, [time, station], at the stations of a forecast; None without the data or such a series."""
    from hydromae.store.view import open_store
    from hydromae.tasks.forecast_baselines import usable_values

    held = store_of(run, forecast)
    name = None if held is None else rain_in(held)
    if held is None or name is None or held.kind(name) != "series":
        return None
    return usable_values(open_store(held)[name].load(), held).reindex(station=forecast["station"].values)


def _open(path: Path) -> xr.Dataset:
    return load_labelled(path, "make it again with hydromae evaluate")
