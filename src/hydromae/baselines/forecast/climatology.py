"""Day-of-year climatology: the usual flow of the season."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float, Int

from hydromae.base.errors import DataError
from hydromae.baselines.forecast.baseline import (
    Regime,
    check_fit,
    check_variables,
    forecast_array,
    issue_days,
    not_fitted,
    station_ids,
    train_days,
)
from hydromae.baselines.forecast.daily import daily_values, of_stations

CALENDAR_DAYS = 366  # 29 February has a place of its own, empty in most years and filled by its neighbours


class Climatology:
    """Mean, or quantiles, of the flow of the training period within some days of the day of the year.

    The year is a circle of 366 places, so that a date has the same place in every year; 29 February is filled from the
    days around it. A station without any flow within those days in the training years gets NaN. Neither weather nor
    recent flow is used.

    Args:
        half_width: days on either side of the day of the year whose flow counts; 15 makes a window of 31.
        quantiles: levels, rising in (0, 1), to forecast in place of the mean.

    Raises:
        DataError: the half width is negative or at least half a year, or the levels do not rise within (0, 1).
    """

    name = "climatology"

    def __init__(self, half_width: int = 15, quantiles: Sequence[float] | None = None) -> None:
        if not 0 <= half_width < CALENDAR_DAYS // 2:
            raise DataError(f"climatology: half_width is {half_width} days; give 0 to {CALENDAR_DAYS // 2 - 1}")
        if quantiles is not None and not _rise(quantiles):
            raise DataError(f"climatology: quantiles {list(quantiles)} must rise within (0, 1)")
        self.half_width = half_width
        self.quantiles = None if quantiles is None else tuple(quantiles)
        self._target: str | None = None
        self._horizon = 0
        self._stations: list[str] = []
        self._usual: Float[np.ndarray, "station place level"] = np.empty((0, CALENDAR_DAYS, 1))

    def fit(self, series: xr.Dataset, target: str, forcing: Sequence[str], train: slice, horizon: int) -> "Climatology":
        check_fit(series, target, forcing, train, horizon)
        self._target, self._horizon, self._stations = target, horizon, station_ids(series)
        days = train_days(series, train)
        flow, place = daily_values(series, target, days), calendar_place(days)
        if self.quantiles is None:
            usual = window_mean(flow, place, self.half_width)[None]  # [level, place, station]
        else:
            usual = window_quantiles(flow, place, self.half_width, self.quantiles)
        self._usual = usual.transpose(2, 1, 0)  # [station, place, level]
        return self

    def forecast(self, series: xr.Dataset, issue_times: pd.DatetimeIndex, regime: Regime) -> xr.DataArray:
        if self._target is None:
            raise not_fitted(self.name)
        check_variables(series, [self._target])
        leads = np.arange(1, self._horizon + 1)
        valid = issue_days(issue_times)[:, None] + leads  # [issue, lead]
        usual = of_stations(self._usual, self._stations, station_ids(series))
        values = usual.transpose(1, 0, 2)[calendar_place(valid)]  # [issue, lead, station, level]
        if self.quantiles is None:
            values = values[..., 0]  # [issue, lead, station]
        return forecast_array(values, series, self._target, issue_times, self.quantiles)


def calendar_place(days: np.ndarray) -> Int[np.ndarray, "*days"]:
    """Place of each day in a leap year, 0 (1 January) to 365 (31 December): the same in every year."""
    month = days.astype("datetime64[M]")
    month_of_year = month.astype(np.int64) % 12
    first = np.array("2000-01", "datetime64[M]") + month_of_year  # 2000 was a leap year
    into_year = (first.astype("datetime64[D]") - np.datetime64("2000-01-01", "D")).astype(np.int64)
    return np.asarray(into_year + (days - month.astype("datetime64[D]")).astype(np.int64))


def window_mean(
    flow: Float[np.ndarray, "day station"], place: Int[np.ndarray, "day"], half_width: int
) -> Float[np.ndarray, "place station"]:
    """Mean of the known values whose place in the year lies within `half_width` of each place, NaN where none does."""
    present = np.isfinite(flow)
    total = np.zeros((CALENDAR_DAYS, flow.shape[1]))
    count = np.zeros_like(total)
    np.add.at(total, place, np.where(present, flow, 0.0))
    np.add.at(count, place, present)
    offsets = range(-half_width, half_width + 1)
    total = np.sum([np.roll(total, offset, axis=0) for offset in offsets], axis=0)
    count = np.sum([np.roll(count, offset, axis=0) for offset in offsets], axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def window_quantiles(
    flow: Float[np.ndarray, "day station"],
    place: Int[np.ndarray, "day"],
    half_width: int,
    quantiles: Sequence[float],
) -> Float[np.ndarray, "level place station"]:
    """Quantiles of the known values within `half_width` places of each place, linear between ranks (Hyndman 1996, 7).

    NaN where no value is known.
    """
    levels = np.asarray(quantiles)
    of_places = np.full((len(levels), CALENDAR_DAYS, flow.shape[1]), np.nan)
    for centre in range(CALENDAR_DAYS):
        distance = np.abs(place - centre)
        near = np.minimum(distance, CALENDAR_DAYS - distance) <= half_width
        if near.any():
            of_places[:, centre] = _quantiles(flow[near], levels)
    return of_places


def _quantiles(values: Float[np.ndarray, "day station"], levels: Float[np.ndarray, "level"]) -> np.ndarray:
    """Quantiles of the known values of each station, [level, station]; numpy's own with NaN goes station by station."""
    ranked = np.sort(values, axis=0)  # NaN last
    count = np.isfinite(values).sum(axis=0)
    rank = levels[:, None] * np.maximum(count - 1, 0)  # [level, station]
    below = np.floor(rank).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    low, high = np.take_along_axis(ranked, below, 0), np.take_along_axis(ranked, above, 0)
    return np.asarray(low + (rank - below) * (high - low))


def _rise(levels: Sequence[float]) -> bool:
    bounded = np.array([0.0, *levels, 1.0])
    return len(levels) > 0 and bool((np.diff(bounded) > 0).all())
