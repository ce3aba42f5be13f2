"""What the description of a store says, without a look at its arrays."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from hydromae.base.errors import ConfigError
from hydromae.base.html_text import html_table
from hydromae.config import Kind, Period
from hydromae.store.description import KeptScales, ModalityDescription, Provenance, StoreDescription
from hydromae.store.scaling import Scaler


class Described:
    """What `store.json` says of a store.

    Attributes:
        path: the directory, absolute.
    """

    def __init__(self, path: Path, description: StoreDescription) -> None:
        self.path, self._description = path, description
        self._scalers = {name: Scaler.from_dict(m.scaler) for name, m in description.modalities.items()}

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r}: {', '.join(self.names)}; {self.days[0]} to {self.days[-1]})"

    def _repr_html_(self) -> str:
        cells = " x ".join(map(str, self.shape))
        places = {"grid": f"{cells} cells", "series": f"{len(self.station_ids)} stations"}
        rows = [(name, self.kind(name), self.units(name), places[self.kind(name)]) for name in self.names]
        title = f"Store {self.path}: {self.n_days} days, {self.days[0]} to {self.days[-1]}"
        return html_table(("modality", "kind", "units", "places"), rows, title)

    @property
    def names(self) -> tuple[str, ...]:
        """The modalities, in the order of the configuration."""
        return tuple(self._description.modalities)

    def kind(self, name: str) -> Kind:
        """Grid or series."""
        return self._modality(name).kind

    def units(self, name: str) -> str:
        """Unit of the stored values."""
        return self._modality(name).units

    def specific_units(self, name: str) -> str:
        """Unit after `Scaler.specific`: mm/d for flow with known areas, else that of the stored values."""
        return self.units(name) if self.scaler(name).factor is None else "mm/d"

    def long_name(self, name: str) -> str:
        """The modality in words; its name where none was given."""
        return self._modality(name).long_name or name

    def standard_name(self, name: str) -> str:
        """CF standard name, empty where there is none."""
        return self._modality(name).standard_name

    def scaler(self, name: str) -> Scaler:
        """The scaler fitted to the training period."""
        self._modality(name)
        return self._scalers[name]

    @property
    def first_day(self) -> np.datetime64:
        """The first day, datetime64[D]."""
        return np.datetime64(self._description.first_day)

    @cached_property
    def days(self) -> np.ndarray:
        """Every day of the store, datetime64[D] [days], without gaps."""
        days: np.ndarray = self.first_day + np.arange(self.n_days)
        return days

    @property
    def n_days(self) -> int:
        """The number of days."""
        return self._description.n_days

    @property
    def block_days(self) -> int:
        """Days in every block but the last, which share one hash."""
        return self._description.block_days

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the full grid; (0, 0) in a store without grids."""
        return self._description.shape or (0, 0)

    @property
    def patch_size(self) -> int:
        """Rows and columns of cells in a patch."""
        return self._description.patch_size

    @property
    def y(self) -> Float[np.ndarray, "row"] | None:
        """Coordinates of the rows as the files give them, float64."""
        return None if self._description.y is None else np.array(self._description.y)

    @property
    def x(self) -> Float[np.ndarray, "column"] | None:
        """Coordinates of the columns as the files give them, float64."""
        return None if self._description.x is None else np.array(self._description.x)

    @property
    def coordinates(self) -> dict[str, dict[str, Any]]:
        """What the sources say of `y`, `x` and `grid_mapping` (units, standard_name, the projection), as CF has it."""
        return dict(self._description.coordinates)

    @property
    def station_ids(self) -> tuple[str, ...]:
        """The stations, in the order of every series' last dimension; empty in a store without series."""
        return self._description.station_ids

    @property
    def station_names(self) -> tuple[str, ...] | None:
        """The names of the stations, empty where a name is unknown; None where all are unknown."""
        names = self.provenance.station_names
        return tuple(names.get(station, "") for station in self.station_ids) if names else None

    @property
    def members(self) -> dict[str, tuple[str, ...]]:
        """Cell -> the stations it was made of, where the stations are cells (`data.aggregate`); else empty."""
        return dict(self.provenance.members)

    @property
    def attribute_names(self) -> tuple[str, ...]:
        """The attributes, in the order of the configuration; empty without a table of attributes."""
        return self._description.attribute_names

    @property
    def areas(self) -> Float[np.ndarray, "station"] | None:
        """Catchment areas in km2, float64, NaN where the table has none; None without a table."""
        areas = self._description.areas
        return None if areas is None else np.array([np.nan if a is None else a for a in areas])

    @property
    def kept_scales(self) -> KeptScales | None:
        """The scales of a trained model that the store keeps in place of its own; None where all are its own."""
        return self._description.scales

    @property
    def periods(self) -> dict[str, Period]:
        """First and last day of each configured split: train, val, test."""
        return dict(self._description.periods)

    def period_slice(self, split: str) -> slice:
        """Positions on `days` of a split.

        Raises:
            ConfigError: the store was prepared without that split.
        """
        if split not in self.periods:
            raise ConfigError(
                f"{self.path}: has no {split} period, only {', '.join(self.periods)}; "
                f"choose one of them or a period, or set data.{split} and prepare the store anew with --overwrite"
            )
        first, last = self.periods[split]
        return slice((first - self._description.first_day).days, (last - self._description.first_day).days + 1)

    @property
    def provenance(self) -> Provenance:
        """Source files, options, package version, and notes on the decisions made on the way."""
        return self._description.provenance

    def _modality(self, name: str) -> ModalityDescription:
        if name not in self._description.modalities:
            raise ConfigError(f"{self.path}: has no modality {name}, only {', '.join(self.names)}")
        return self._description.modalities[name]
