"""The series of all stations side by side, to compare flow with rain and stations with their neighbours."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from hydromae.check.responses import LEAST_DAYS, Motion, lagged_pairs, motion
from hydromae.check.subject import Subject

# Most values kept and most products of correlating all stations with all: they bound memory and time.
_MOST_VALUES, _MOST_PRODUCTS, _LEAST_DAYS = 2**25, 3e9, 1461
_MOST_BLOCKS = 600  # that a grid of rain is averaged to
_FIT_DAYS = 1000.0  # common days that flow and rain should have
LAGS = range(-2, 4)  # of flow behind rain


@dataclass
class Course:
    """One modality over the days that are kept: a column for each station, or for each block of cells of a grid.

    Attributes:
        rows, columns: of a grid, where each block lies.
    """

    subject: Subject
    values: Float[np.ndarray, "day column"]
    rows: Float[np.ndarray, "column"] | None = None
    columns: Float[np.ndarray, "column"] | None = None

    @cached_property
    def motion(self) -> Motion:
        """Its course from day to day."""
        return motion(self.values, self.subject.quantity)


@dataclass
class Network:
    """The stations and what is known of each, for the findings that need several series at once.

    Attributes:
        areas: km2, NaN where unknown.
        latitude, longitude: degrees, NaN where unknown.
        courses: name of a modality -> its values on the days `days` of the subject.
    """

    stations: tuple[str, ...]
    areas: Float[np.ndarray, "station"]
    latitude: Float[np.ndarray, "station"]
    longitude: Float[np.ndarray, "station"]
    courses: dict[str, Course] = field(default_factory=dict)

    def take_series(self, subject: Subject, block: Float[np.ndarray, "day station"], first: int) -> None:
        """Keep a copy of the values of some stations, the first of them at position `first`."""
        days = self.days(subject)
        if subject.name not in self.courses:
            size = (days.stop - days.start, len(self.stations))
            self.courses[subject.name] = Course(subject, np.full(size, np.nan, np.float32))
        kept = self.courses[subject.name].values[:, first : first + block.shape[1]]
        kept[:] = np.where(np.isfinite(block[days]), block[days], np.nan)

    def take_grid(
        self,
        subject: Subject,
        block: Float[np.ndarray, "day cell"],
        first: int,
        shape: tuple[int, int],
        index: Int[np.ndarray, "cell"],
    ) -> None:
        """Keep the means of blocks of cells on consecutive days; `index` are the cells' places in a grid of `shape`."""
        if not self.stations:
            return
        days = self.days(subject)
        size = max(1, int(np.ceil(np.sqrt(len(index) / _MOST_BLOCKS))))
        rows, columns = np.divmod(index, shape[1])
        across = -(-shape[1] // size)
        labels, inverse = np.unique(rows // size * across + columns // size, return_inverse=True)
        if subject.name not in self.courses:
            values = np.full((days.stop - days.start, len(labels)), np.nan, np.float32)
            row, column = np.divmod(labels, across)
            self.courses[subject.name] = Course(subject, values, row.astype(np.float64), column.astype(np.float64))
        position = np.arange(first, first + len(block)) - days.start
        inside = (position >= 0) & (position < days.stop - days.start)
        if not inside.any():
            return
        values = np.where(np.isfinite(block[inside]), block[inside], 0).astype(np.float64)
        finite = np.isfinite(block[inside])
        order = np.argsort(inverse, kind="stable")
        starts = np.searchsorted(inverse[order], np.arange(len(labels)))
        total = np.add.reduceat(values[:, order], starts, axis=1)
        count = np.add.reduceat(finite[:, order], starts, axis=1, dtype=np.int64)
        self.courses[subject.name].values[position[inside]] = np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def days(self, subject: Subject) -> slice:
        """The days that are kept: all if memory allows, else the last ones up to the end of training."""
        k = max(len(self.stations), 1)
        most = int(max(min(_MOST_VALUES / k, _MOST_PRODUCTS / k**2), _LEAST_DAYS))
        end = min(max(subject.splits.get("train", slice(0, subject.n_days)).stop, most), subject.n_days)
        return slice(max(end - most, 0), end)

    def series(self, quantity: str) -> list[Course]:
        """The series of a quantity."""
        return [c for c in self.courses.values() if c.rows is None and c.subject.quantity == quantity]

    def rain_of(self, flow: Course) -> "Rain | None":
        """The rain that belongs to each station: its own series, or the block of a grid that its flow follows best."""
        own = self.series("rain")
        if own:
            return Rain(own[0], np.arange(len(self.stations)), fits(flow.motion, own[0].motion))
        grids = [c for c in self.courses.values() if c.rows is not None and c.subject.quantity == "rain"]
        if not grids:
            return None
        fit = fits(flow.motion, grids[0].motion)
        return Rain(grids[0], np.argmax(np.nan_to_num(fit, nan=-1), axis=1), fit)


@dataclass(frozen=True)
class Rain:
    """Rain beside flow: the column of `course` that belongs to each station, and how well flow follows each column."""

    course: Course
    column: Int[np.ndarray, "station"]
    fit: Float[np.ndarray, "station column"]

    @property
    def matched(self) -> bool:
        """Whether the columns were chosen by how well flow follows them."""
        return self.course.rows is not None

    @property
    def motion(self) -> Motion:
        """The course of each station's rain."""
        whole = self.course.motion
        return Motion(whole.values[:, self.column], whole.observed[:, self.column])


def fits(flow: Motion, rain: Motion) -> Float[np.ndarray, "station column"]:
    """How well the rise of each flow follows each rain: the root of the summed squares of correlations, lags -1 to 2.

    NaN where flow and rain have few common days.
    """
    # A short record gives sums of squares that are too high; it must not win by that.
    held = max(float(min(flow.observed.sum(axis=0).max(initial=0), rain.observed.sum(axis=0).max(initial=0))), 1.0)
    least = max(LEAST_DAYS, int(min(held / 2, _FIT_DAYS)))
    total = np.zeros((flow.shape[1], rain.shape[1]), np.float32)
    for lag in (-1, 0, 1, 2):
        total += np.clip(lagged_pairs(flow, rain, lag, least), 0, None) ** 2
    return np.sqrt(total)
