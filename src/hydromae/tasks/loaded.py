"""A trained model for data in memory: frames in, data sets out, no files to keep."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import xarray as xr

from hydromae.base.given import Days
from hydromae.runs.directory import RunDirectory
from hydromae.store.store_of_frame import Given, Known
from hydromae.tasks.embed import embed
from hydromae.tasks.forecast import forecast
from hydromae.tasks.infill import infill
from hydromae.tasks.public import public
from hydromae.tasks.ungauged import ungauged

_NOTHING: Final[Mapping[str, str]] = {}
_forecast, _infill = public(forecast, "Forecasting", True), public(infill, "Filling gaps", True)
_ungauged, _embed = public(ungauged, "Simulating", True), public(embed, "Embedding", True)


def load(run: str | Path | RunDirectory) -> "Loaded":
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
        **options: Any,
    ) -> xr.Dataset:
        """A forecast from the last day with flow, or from others; see `hydromae.forecast`, its options and the class.

        Raises:
            DataError: the data have no days, or none of the series.
            ConfigError: an issue time or a unit cannot be used.
        """
        asked = {"horizon": horizon, "forcing": forcing, **options}
        made: xr.Dataset = _forecast(self, issue_times, data=data, attributes=attributes, units=units, **asked)
        return made

    def infill(
        self, data: Given, *, attributes: Known | None = None, units: Mapping[str, str] = _NOTHING, **options: Any
    ) -> xr.Dataset:
        """What the model forecasts, with its gaps filled; see `hydromae.infill` and the class; errors of `forecast`."""
        asked = {"modalities": list(self.run.config().masking.forecast or self._units), **options}
        made: xr.Dataset = _infill(self, data=data, attributes=attributes, units=units, **asked)
        return made

    def ungauged(
        self, data: Given, *, attributes: Known | None = None, units: Mapping[str, str] = _NOTHING, **options: Any
    ) -> xr.Dataset:
        """Flow from weather and attributes; see `hydromae.ungauged` and the class; errors of `forecast`."""
        made: xr.Dataset = _ungauged(self, data=data, attributes=attributes, units=units, **options)
        return made

    def embed(
        self, data: Given, *, attributes: Known | None = None, units: Mapping[str, str] = _NOTHING, **options: Any
    ) -> xr.Dataset:
        """The tokens that the model makes of the data; see `hydromae.embed` and the class; errors of `forecast`."""
        made: xr.Dataset = _embed(self, data=data, attributes=attributes, units=units, **options)
        return made
