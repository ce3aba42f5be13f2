"""One modality under check, whether it comes from files or from a store."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from hydromae.base.errors import DataError
from hydromae.check.quantity import Quantity
from hydromae.sources.cleaning import Fault

LISTED = 5  # names in a sentence; the page lists all


@dataclass(frozen=True)
class Subject:
    """One modality.

    Attributes:
        where: its files, for messages.
        quantity: what it measures, as far as its names say.
        logarithmic: whether it is scaled by its logarithm.
        limits: smallest and largest possible value; None where any is.
        first_day: day of position 0.
        splits: split -> its positions.
        fault: makes the error for an impossible value from the fault, its day and its place.
    """

    name: str
    where: str
    units: str
    quantity: Quantity
    logarithmic: bool
    limits: tuple[float | None, float | None]
    first_day: np.datetime64
    n_days: int
    splits: Mapping[str, slice]
    fault: Callable[[Fault, np.datetime64, str], DataError] | None = None

    def day(self, position: int) -> np.datetime64:
        """The day at a position."""
        return self.first_day + np.timedelta64(position, "D")

    @property
    def years(self) -> Int[np.ndarray, "day"]:
        """The calendar year of every day."""
        days = self.first_day + np.arange(self.n_days)
        years: np.ndarray = days.astype("datetime64[Y]").astype(np.int64) + 1970
        return years

    def days_per_year(self) -> tuple[Int[np.ndarray, "year"], Int[np.ndarray, "year"]]:
        """Its calendar years, and the position of each one's first day."""
        return np.unique(self.years, return_index=True)


def listed(names: Iterable[str]) -> str:
    """The first five, and how many more there are."""
    all_names = list(names)
    more = f" and {len(all_names) - LISTED} more" if len(all_names) > LISTED else ""
    return ", ".join(all_names[:LISTED]) + more


def counted(count: int, singular: str, plural: str = "") -> str:
    """A count with its noun: 1 station, 12 stations."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"
