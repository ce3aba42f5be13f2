"""Rain, potential evaporation and flow of catchments in mm/d, as a hydrological model reads them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float

from hydromae.base.areas import MM_PER_DAY, is_flow
from hydromae.base.errors import DataError
from hydromae.base.units import conversion, same_units
from hydromae.baselines.forecast.baseline import station_ids
from hydromae.baselines.forecast.climatology import calendar_place, window_mean
from hydromae.baselines.forecast.daily import daily_values, mean_known, of_stations
from hydromae.baselines.forecast.past_weather import PastWeather, Weather
from hydromae.baselines.forecast.rain import evaporation_of, rain_of

_SEASON = 15  # days on either side of the day of the year over which usual weather is averaged


@dataclass(frozen=True)
class CatchmentInputs:
    """Where the inputs are found, and what replaces and converts their values.

    Attributes:
        rain: name of the variable.
        evaporation: name of the variable.
        stations: ids of those of the training period.
        usual: rain and potential evaporation of each day of the year, mm/d, which fill gaps; 0 where never observed.
        to_depth: what makes mm/d of a station's flow.
    """

    rain: str
    evaporation: str
    stations: list[str]
    usual: Float[np.ndarray, "station place 2"]
    to_depth: Float[np.ndarray, "station"]

    def weather(self, series: xr.Dataset, days: np.ndarray) -> tuple[Weather, Bool[np.ndarray, "day station"]]:
        """Rain and potential evaporation [day, station] in mm/d, float32, with gaps filled; and where neither was."""
        usual = np.nan_to_num(of_stations(self.usual, self.stations, station_ids(series)))
        place = calendar_place(days)
        known = np.ones((len(days), series.sizes["station"]), bool)
        fields = []
        for position, name in enumerate((self.rain, self.evaporation)):
            values = daily_values(series, name, days) * _factor(series, name)
            known &= np.isfinite(values)
            values = np.where(np.isfinite(values), values, usual[:, place, position].T)
            fields.append(np.maximum(values, 0.0).astype(np.float32))
        return (fields[0], fields[1]), known

    def past(self, series: xr.Dataset, days: np.ndarray) -> PastWeather:
        """The weather of the training period, in the order of its stations."""
        (rain, potential), known = self.weather(series, days)
        return PastWeather(days[0], rain, potential, known, self.usual.transpose(1, 0, 2).astype(np.float32))


def catchment_inputs(series: xr.Dataset, target: str, forcing: Sequence[str], days: np.ndarray) -> CatchmentInputs:
    """Find the inputs and what is usual over the training period.

    Args:
        series: variables [time, station]; `area` [station] in km2, needed where flow is in m3/s.
        target: the flow.
        forcing: variables of the weather.
        days: of the training period.

    Raises:
        DataError: no forcing is rain or none evaporation, or their unit cannot become mm/d.
    """
    rain, evaporation = rain_of(series, forcing), evaporation_of(series, forcing)
    for name, what in ((rain, "rain"), (evaporation, "evaporation")):
        if name is None:
            raise DataError(
                f"baseline gr4j: no series is {what} (they are {', '.join([target, *forcing])}); add it to the data, "
                "or leave gr4j out of the baselines"
            )
    assert rain is not None and evaporation is not None
    fields = [daily_values(series, name, days) * _factor(series, name) for name in (rain, evaporation)]
    usual = np.stack([window_mean(values, calendar_place(days), _SEASON) for values in fields], axis=-1)
    overall = np.stack([mean_known(values) for values in fields], axis=-1)  # [station, 2]
    usual = np.nan_to_num(np.where(np.isfinite(usual), usual, overall)).transpose(1, 0, 2)  # [station, place, 2]
    to_depth = _depths(series, target, mean_known(daily_values(series, target, days)), overall)
    return CatchmentInputs(rain, evaporation, station_ids(series), usual, to_depth)


def _depths(
    series: xr.Dataset, target: str, mean_flow: Float[np.ndarray, "station"], mean_weather: np.ndarray
) -> Float[np.ndarray, "station"]:
    """What makes mm/d of flow.

    By its unit, or by the area where it is a volume. Where neither is known, mean flow is taken for what the
    mean rain P and potential evaporation E leave by the formula of Turc and Pike, P - P / (1 + (P / E)^2)^(1/2).
    """
    units = series[target].attrs.get("units", "")
    if same_units(units, "mm/d"):
        return np.ones(len(mean_flow))
    rain, potential = mean_weather.T
    with np.errstate(divide="ignore", invalid="ignore"):
        left = (rain - rain / np.sqrt(1 + (rain / potential) ** 2)) / mean_flow
        guess = np.where(np.isfinite(left) & (left > 0), left, 1 / mean_flow)
        guess = np.where(np.isfinite(guess), guess, 1.0)
        if is_flow(units) and "area" in series:
            by_area = MM_PER_DAY / series["area"].to_numpy().astype(np.float64)
            return np.where(np.isfinite(by_area), by_area, guess)
    return guess


def _factor(series: xr.Dataset, name: str) -> float:
    units = series[name].attrs.get("units", "")
    if not units or same_units(units, "mm/d"):
        return 1.0
    try:
        return conversion(units, "mm/d")[0]
    except ValueError as error:
        raise DataError(f"baseline gr4j: {name}: {error}; give it in mm/d") from None
