"""Writing results as CF netCDF, some days at a time, so that memory does not grow with the period."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import h5netcdf
import h5py
import numpy as np

from hydromae.results.chunks import chunks_of
from hydromae.results.hdf5_output import DiskFile
from hydromae.sources.attributes import coordinate_columns
from hydromae.store.cf import (
    CONVENTIONS,
    GRID_MAPPING,
    TIME_UNITS,
    axes,
    place_attributes,
    source_attributes,
    variable_attributes,
)
from hydromae.store.maps import to_grid
from hydromae.store.store import Store
from hydromae.tokens.selection import STATE_MEANINGS


class FieldFile:
    """A netCDF file over the days of a period: for each modality what was observed, reconstructed, and hidden.

    Args:
        path: the file, overwritten.
        store: gives places, units and names.
        names: the modalities.
        days: [T] datetime64[D].
        attributes: global attributes.
    """

    def __init__(self, path: Path, store: Store, names: list[str], days: np.ndarray, attributes: Mapping[str, Any]):
        self.store, self.disk = store, DiskFile(path)
        self.file = h5netcdf.File(self.disk, "w")
        self.file.attrs.update({"Conventions": CONVENTIONS, **attributes})
        kinds = {store.kind(name) for name in names}
        self._coordinate("time", days.astype("int64"), {"units": TIME_UNITS, "calendar": "standard"})
        for name, axis in axes(store, kinds).items():
            self._coordinate(name, axis.values, axis.attrs)
        mapping = source_attributes(store, "grid_mapping")
        if "grid" in kinds and mapping:
            self.file.create_variable(GRID_MAPPING, (), "i4", data=0).attrs.update(mapping)
        if "series" in kinds:
            for name, i in coordinate_columns(store.attribute_names).items():
                variable = self.file.create_variable(name, ("station",), "f4", data=store.attributes[:, i])
                variable.attrs.update(place_attributes(name))
        for name in names:
            self._variables(name)

    def write(self, name: str, first: int, values: np.ndarray, reconstructed: np.ndarray, state: np.ndarray) -> None:
        """Write some days of one modality.

        Args:
            name: the modality.
            first: place of the first day in the file.
            values: observed, [n, patches, cells] or [n, stations].
            reconstructed: as `values`, NaN where nothing was hidden.
            state: as `values`, int8.

        Raises:
            OSError: the disk refuses.
        """
        days = slice(first, first + len(values))
        if self.store.kind(name) == "grid":
            values, reconstructed = to_grid(self.store, values), to_grid(self.store, reconstructed)  # [n, H, W]
            missing = STATE_MEANINGS.index("missing")
            state = np.nan_to_num(to_grid(self.store, state.astype(np.float32)), nan=missing)
        self.file.variables[name][days] = values
        self.file.variables[f"{name}_reconstructed"][days] = reconstructed
        self.file.variables[f"{name}_state"][days] = state.astype(np.int8)
        self.disk.check()

    def __enter__(self) -> "FieldFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()
        self.disk.__exit__(kind, error, trace)

    def _coordinate(self, name: str, values: np.ndarray, attributes: Mapping[str, Any]) -> None:
        self.file.dimensions[name] = len(values)
        dtype = h5py.string_dtype() if values.dtype == object else values.dtype
        self.file.create_variable(name, (name,), dtype, data=values).attrs.update(attributes)

    def _variables(self, name: str) -> None:
        grid = self.store.kind(name) == "grid"
        dimensions = ("time", "y", "x") if grid else ("time", "station")
        lengths = tuple(len(self.file.dimensions[d]) for d in dimensions)
        packing = {
            "chunks": chunks_of(lengths, grid_days=1),
            "compression": "gzip",
            "compression_opts": 1,
            "shuffle": True,
        }
        attributes = variable_attributes(self.store, name)
        long_name, standard_name = attributes.pop("long_name"), attributes.pop("standard_name", "")
        places = " ".join(place for place in ("latitude", "longitude") if place in self.file.variables)
        located = {"coordinates": places} if places and not grid else {}
        for suffix, words in (("", "observed"), ("_reconstructed", "reconstructed where hidden")):
            variable = self.file.create_variable(
                name + suffix, dimensions, "f4", fillvalue=np.float32(np.nan), **packing
            )
            variable.attrs.update(
                {**attributes, "long_name": f"{long_name}, {words}" if suffix else long_name, **located}
            )
            if not suffix and standard_name:
                variable.attrs["standard_name"] = standard_name
        state = self.file.create_variable(f"{name}_state", dimensions, "i1", **packing)
        flags = np.arange(len(STATE_MEANINGS), dtype=np.int8)
        state.attrs.update({"flag_values": flags, "flag_meanings": " ".join(STATE_MEANINGS)})
        state.attrs["long_name"] = f"what the model was given of {long_name}"
