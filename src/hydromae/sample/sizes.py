"""The three sizes of the synthetic sample, and the paths of its files."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from hydromae.base.errors import ConfigError

SampleSize = Literal["tiny", "small", "full"]

GRID_NAMES = {"precip": "precipitation", "soil": "soil_moisture", "temp": "temperature"}


@dataclass(frozen=True)
class SizeSpec:
    """Extent of one size: cells, stations and periods (first and last day, both included)."""

    shape: tuple[int, int]
    n_stations: int
    train: tuple[date, date]
    val: tuple[date, date]
    first_flow: date


SIZES: dict[SampleSize, SizeSpec] = {
    "tiny": SizeSpec(
        shape=(60, 40),
        n_stations=12,
        train=(date(2001, 1, 1), date(2003, 12, 31)),
        val=(date(2004, 1, 1), date(2004, 12, 31)),
        first_flow=date(2001, 7, 1),
    ),
    "small": SizeSpec(
        shape=(140, 90),
        n_stations=48,
        train=(date(2001, 1, 1), date(2008, 12, 31)),
        val=(date(2009, 1, 1), date(2010, 12, 31)),
        first_flow=date(2002, 1, 1),
    ),
    "full": SizeSpec(
        shape=(290, 180),
        n_stations=604,
        train=(date(2001, 1, 1), date(2002, 12, 31)),
        val=(date(2003, 1, 1), date(2003, 12, 31)),
        first_flow=date(2002, 1, 1),
    ),
}


def known_size(name: str) -> SampleSize:
    """The size of this name; ConfigError if there is none."""
    for size in SIZES:
        if size == name:
            return size
    raise ConfigError(f"sample size {name!r} is unknown: choose one of {', '.join(SIZES)}.")


@dataclass(frozen=True)
class Sample:
    """Where a written sample's files lie.

    `grids` maps precip (mm/d), soil (0 to 1) and temp (degC) to their training and validation file.
    """

    directory: Path
    grids: dict[str, tuple[Path, Path]]
    series: Path
    attributes: Path
    land_mask: Path
    train: tuple[date, date]
    val: tuple[date, date]
    shape: tuple[int, int]
    n_stations: int

    @property
    def files(self) -> list[Path]:
        """All data files."""
        return [*(path for pair in self.grids.values() for path in pair), self.series, self.attributes, self.land_mask]


def sample_in(directory: Path, size: SampleSize) -> Sample:
    """The paths of a sample of this size in `directory`, whether or not they exist yet."""
    spec = SIZES[size]
    height, width = spec.shape
    periods = [(part, first.year, last.year) for part, (first, last) in (("train", spec.train), ("val", spec.val))]
    return Sample(
        directory=directory,
        grids={
            modality: (
                directory / f"{name}_{periods[0][0]}_{periods[0][1]}_{periods[0][2]}.h5",
                directory / f"{name}_{periods[1][0]}_{periods[1][1]}_{periods[1][2]}.h5",
            )
            for modality, name in GRID_NAMES.items()
        },
        series=directory / f"riverflow_evaporation_{spec.n_stations}catchments.parquet",
        attributes=directory / "Catchment_attributes" / "Catchment_attributes_nrfa.csv",
        land_mask=directory / f"gb_temp_valid_mask_{height}x{width}.pt",
        train=spec.train,
        val=spec.val,
        shape=spec.shape,
        n_stations=spec.n_stations,
    )
