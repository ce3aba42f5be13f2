"""Maps of weather after issue times, lazily, from netCDF, Zarr or GRIB, and what they become at a model's places."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float

from hydromae.base.errors import DataError
from hydromae.base.units import same_units
from hydromae.config import ModalityConfig
from hydromae.sources.cleaning import first_fault, missing_to_nan, number_text, within_limits
from hydromae.tasks.weather_places import MapCells, Places

_ROUNDING: Final = 0.1  # mm/d: what differences of packed accumulations may lie below 0

Key = Hashable
Terms = Sequence[tuple[Key, float]]


@dataclass(frozen=True)
class Maps:
    """The maps of one variable in a file.

    Attributes:
        path: the file.
        name: of the variable there.
        cells: where they lie.
        units: of the values of a day.
        members: of an ensemble; empty of a single forecast.
        terms: of a member (0 of a single forecast), an issue day and a lead time in days: the maps that, each times its
            factor, are added up to that day; None where the file does not have it.
        read: the map of a key: rows from the north, NaN where missing; the part that is asked for.
        daily: whether each map is a day, so that its values can be checked before they are averaged.
        said: how they become days, for the notes; empty where each is one.
    """

    path: Path
    name: str
    cells: MapCells
    units: str
    members: tuple[str, ...]
    terms: Callable[[int, np.datetime64, int], Terms | None]
    read: Callable[[Key, slice, slice], Float[np.ndarray, "row column"]]
    daily: bool
    said: str = ""


@dataclass(frozen=True)
class Fields:
    """The maps of one modality at the places of a model, in the run's unit.

    Attributes:
        name: the modality.
        maps: of it.
        places: what a map becomes.
        scale: factor and offset from the unit of the file to that of the run.
        modality: its limits; None where the run does not say them.
        codes: numbers that mean missing.
        notes: what is done to the maps, a sentence each.
    """

    name: str
    maps: Maps
    places: Places
    scale: tuple[float, float]
    modality: ModalityConfig | None
    codes: tuple[float, ...]
    notes: tuple[str, ...]
    # The last answer: evaporation asks for the temperature once more.
    _kept: dict[tuple[np.datetime64, int], np.ndarray] = field(default_factory=dict)

    @property
    def members(self) -> tuple[str, ...]:
        """Of an ensemble; empty of a single forecast."""
        return self.maps.members

    def after(self, issue: np.datetime64, horizon: int) -> Float[np.ndarray, "member lead *place"]:
        """The days after an issue time, float32, NaN where there is no value; one member where there is no ensemble.

        Raises:
            DataError: the file has no forecast that this issue time may know, or an impossible value.
        """
        if (issue, horizon) not in self._kept:
            self._kept.clear()
            self._kept[issue, horizon] = self._read(issue, horizon)
        return self._kept[issue, horizon]

    def held(self, issue: np.datetime64, horizon: int) -> int:
        """On how many of the days after an issue time the file has a map of any member; nothing is read.

        Raises:
            DataError: as `after`.
        """
        members = range(max(1, len(self.members)))
        leads = range(1, horizon + 1)
        return sum(any(self.maps.terms(member, issue, lead) is not None for member in members) for lead in leads)

    def _read(self, issue: np.datetime64, horizon: int) -> Float[np.ndarray, "member lead *place"]:
        members = [self._days(member, issue, horizon) for member in range(max(1, len(self.members)))]
        held = next((day for days in members for day in days if day is not None), None)
        if held is None or all(np.isnan(day).all() for days in members for day in days if day is not None):
            raise DataError(f"{self.maps.path}: {self.name} has no value for the {horizon} days after {issue}")
        missing = np.full(held.shape, np.nan, np.float32)
        return np.stack([np.stack([missing if day is None else day for day in days]) for days in members])

    def _days(self, member: int, issue: np.datetime64, horizon: int) -> list[Float[np.ndarray, "*place"] | None]:
        """Each day after an issue time of one member; None where the file has none."""
        read: dict[Key, np.ndarray] = {}  # the end of one day is the beginning of the next
        days: list[np.ndarray | None] = []
        for lead in range(1, horizon + 1):
            terms = self.maps.terms(member, issue, lead)
            if terms is None:
                days.append(None)
                continue
            for key, _ in terms:
                if key not in read:
                    read[key] = self._at_places(key, member, issue, lead)
            total = np.sum([read[key] * factor for key, factor in terms], axis=0)
            days.append(self._checked(total, member, issue, lead))
        return days

    def _at_places(self, key: Key, member: int, issue: np.datetime64, lead: int) -> Float[np.ndarray, "*place"]:
        grid = np.array(self.maps.read(key, self.places.rows, self.places.columns), np.float64)
        missing_to_nan(grid, self.codes)
        if self.maps.daily:
            grid = grid * self.scale[0] + self.scale[1]
            self._refuse(grid, "of the part that is read, at row {}, column {},", member, issue, lead)
        return self.places.apply(grid)

    def _checked(
        self, day: Float[np.ndarray, "*place"], member: int, issue: np.datetime64, lead: int
    ) -> Float[np.ndarray, "*place"]:
        """A day in the run's unit, float32."""
        if not self.maps.daily:
            day = day * self.scale[0] + self.scale[1]
            if self.modality is not None and self.modality.minimum == 0 and same_units(self.modality.units, "mm/d"):
                day[(day < 0) & (day >= -_ROUNDING)] = 0.0
            where = "at station {}" if day.ndim == 1 else "in patch {}, cell {},"
            self._refuse(day, where, member, issue, lead)
        return day.astype(np.float32)

    def _refuse(self, values: np.ndarray, where: str, member: int, issue: np.datetime64, lead: int) -> None:
        """Raise DataError for an impossible value."""
        if self.modality is None:
            return
        within_limits(values, self.modality)
        fault = first_fault(values, self.modality)
        if fault is not None:
            day = issue + np.timedelta64(lead, "D")
            of_member = f" (member {self.members[member]})" if self.members else ""
            raise DataError(
                f"{self.maps.path}: {self.name} {where.format(*fault.index)} on {day}{of_member} is "
                f"{number_text(fault.value)} {self.modality.units}, {fault.reason}; correct the file, and write what "
                f"is missing as NaN"
            )
