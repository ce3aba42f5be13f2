"""The weather of past years, to follow an issue day in an ensemble of it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from hydromae.baselines.forecast.climatology import calendar_place

Weather = tuple[np.ndarray, np.ndarray]  # rain and potential evaporation, mm/d, [..., station]


@dataclass(frozen=True)
class PastWeather:
    """Rain and potential evaporation of the training period.

    Attributes:
        first_day: datetime64[D].
        rain: mm/d, gaps filled.
        potential_evaporation: mm/d, gaps filled.
        known: days on which neither was filled.
        usual: rain and potential evaporation of each day of the year, mm/d.
    """

    first_day: np.datetime64
    rain: Float[np.ndarray, "day station"]
    potential_evaporation: Float[np.ndarray, "day station"]
    known: Bool[np.ndarray, "day station"]
    usual: Float[np.ndarray, "place station 2"]

    def of(self, columns: Int[np.ndarray, "given"]) -> "PastWeather":
        """The weather of some stations, by their positions."""
        if np.array_equal(columns, np.arange(self.rain.shape[1])):
            return self
        rain, potential, known = (values[:, columns] for values in (self.rain, self.potential_evaporation, self.known))
        return PastWeather(self.first_day, rain, potential, known, self.usual[:, columns])

    @property
    def years(self) -> Int[np.ndarray, "member"]:
        """The calendar years that the period touches: the members of an ensemble."""
        first, last = (
            (self.first_day + np.timedelta64(days, "D")).astype("datetime64[Y]").astype(np.int64) + 1970
            for days in (0, len(self.rain) - 1)
        )
        return np.arange(first, last + 1)

    def following(self, issue_day: np.datetime64, horizon: int) -> tuple[Weather, Bool[np.ndarray, "member station"]]:
        """The weather of the days after the same calendar day of each year.

        A member cannot be used where its days are not all in the period and observed at the station, and where they are
        days of the forecast itself.

        Args:
            issue_day: datetime64[D]; 29 February counts as the 28th in years without it.
            horizon: days.

        Returns:
            Rain and potential evaporation [lead, member, station], and which members can be used.
        """
        same_day = _in_years(issue_day, self.years)  # [member]
        rows = (same_day - self.first_day).astype(np.int64) + np.arange(1, horizon + 1)[:, None]  # [lead, member]
        inside = (rows[0] >= 0) & (rows[-1] < len(self.rain))
        inside &= np.abs((same_day - issue_day).astype(np.int64)) >= horizon
        rows = np.clip(rows, 0, len(self.rain) - 1)
        usable = self.known[rows].all(axis=0) & inside[:, None]  # [member, station]
        return (self.rain[rows], self.potential_evaporation[rows]), usable

    def usual_following(self, issue_day: np.datetime64, horizon: int) -> Weather:
        """The usual weather of the days after an issue day, [lead, station]."""
        usual = self.usual[calendar_place(issue_day + np.arange(1, horizon + 1))]
        return usual[..., 0], usual[..., 1]

    def until(self, day: np.datetime64, length: int) -> Weather:
        """The days that end on the same calendar day in the last year that has it, else at the end; at most `length`.

        Returns:
            Rain and potential evaporation [day, station].
        """
        ends = (_in_years(day, self.years) - self.first_day).astype(np.int64) + 1
        ends = ends[(ends >= min(length, 365)) & (ends <= len(self.rain))]
        end = ends[-1] if len(ends) else len(self.rain)
        span = slice(max(end - length, 0), end)
        return self.rain[span], self.potential_evaporation[span]


def _in_years(day: np.datetime64, years: Int[np.ndarray, "member"]) -> np.ndarray:
    """The same calendar day of other years, datetime64[D]."""
    month = day.astype("datetime64[M]")
    months = (years - 1970) * 12 + int(month.astype(np.int64)) % 12
    first, following = (moved.astype("datetime64[M]").astype("datetime64[D]") for moved in (months, months + 1))
    return np.minimum(first + (day - month.astype("datetime64[D]")), following - np.timedelta64(1, "D"))
