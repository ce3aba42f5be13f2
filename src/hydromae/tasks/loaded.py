"""A trained model for data in memory: frames in, data sets out, no files to keep."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import xarray as xr

from hydromae.base.given import Days
from hydromae.runs.directory import RunDirectory
from hydromae.store.store_of_frame import Given, Known, store_of_frame
from hydromae.tasks.forecast import forecast
from hydromae.tasks.infill import infill
from hydromae.tasks.ungauged import ungauged
from hydromae.tasks.weather import ForcingRules

_NOTHING: Final[Mapping[str, str]] = {}


def load(run: str | Path) -> "Loaded":
    """A trained model: a run, or one that comes with the package, as `gb`.

    Raises:
        RunError: there is none.
    """
    return Loaded(RunDirectory.open(run))


class Loaded:
    """A trained model that is asked about data in memory.

    Data are a frame or an xarray data set with a column or variable for each series, by the names of the modalities
    (`precip` in mm/d, `temp` in degC, `evap` in mm/d, `riverflow`); what is missing is NaN. A frame has its days as
    index or in a column `date`, and the stations of several in a column `station`; a data set has the dimension
    `time`, and `station` where there are several.

    `attributes` is a frame of what is known of the stations, which are its index, under the names that the model knows
    (`model.trained_on["attributes"]`) or those of CAMELS-GB; of a single station a mapping does, as
    `{"latitude": 52.1, "longitude": -1.4, "area": 120.0}`. `units` are those of the series where they are not the
    model's: flow may be in m3/s, for which the area in km2 is of use.

    Attributes:
        run: of the model.
    """

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self._units = {name: modality.units for name, modality in run.config().data.modalities.items()}

    def __repr__(self) -> str:
        return f"hydromae.load({self.run.path.name!r}): {', '.join(self._units)}"

    def forecast(
        self,
        data: Given,
        issue_times: Days | None = None,
        *,
        attributes: Known | None = None,
        units: Mapping[str, str] = _NOTHING,
        horizon: int = 7,
        forcing: str = "none",
        forcing_rules: ForcingRules | None = None,
    ) -> xr.Dataset:
        """A forecast from the last day with flow, or from others; see `hydromae.forecast` and the class.

        Raises:
            DataError: the data have no days, or none of the series.
            ConfigError: an issue time or a unit cannot be used.
        """
        with store_of_frame(data, list(self._units), {**self._units, **units}, attributes) as (store, _):
            return forecast(
                self.run.path, issue_times, data=store, horizon=horizon, forcing=forcing, forcing_rules=forcing_rules
            )

    def infill(
        self, data: Given, *, attributes: Known | None = None, units: Mapping[str, str] = _NOTHING
    ) -> xr.Dataset:
        """What the model forecasts, with its gaps filled; see `hydromae.infill` and the class; errors of `forecast`."""
        names = list(self.run.config().masking.forecast or self._units)
        with store_of_frame(data, list(self._units), {**self._units, **units}, attributes) as (store, folder):
            return _in_memory(infill(self.run.path, folder / "infilled.nc", store, modalities=names))

    def ungauged(
        self, data: Given, *, attributes: Known | None = None, units: Mapping[str, str] = _NOTHING
    ) -> xr.Dataset:
        """Flow from weather and attributes; see `hydromae.ungauged` and the class; errors of `forecast`."""
        with store_of_frame(data, list(self._units), {**self._units, **units}, attributes) as (store, folder):
            return _in_memory(ungauged(self.run.path, folder / "ungauged.nc", store))


def _in_memory(written: xr.Dataset) -> xr.Dataset:
    """What was written to a file that is about to go."""
    with written:
        return written.load()
