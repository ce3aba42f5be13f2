"""Writing results as CF netCDF, some days at a time, so that memory does not grow with the period."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import h5netcdf
import h5py
import numpy as np

from hydromae.data.batch import STATE_MEANINGS
from hydromae.data.patches import to_grid
from hydromae.data.store import Store


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
        self.store, self.file = store, h5netcdf.File(path, "w")
        self.file.attrs.update({"Conventions": "CF-1.11", **attributes})
        kinds = {store.kind(name) for name in names}
        self._coordinate("time", days.astype("int64"), {"units": "days since 1970-01-01", "calendar": "standard"})
        if "grid" in kinds:
            for name, size, values in (("y", store.shape[0], store.y), ("x", store.shape[1], store.x)):
                # Without coordinates in the source, rows count downwards, so that north has the larger y.
                count = np.arange(size)[::-1] if name == "y" else np.arange(size)
                words = f"{name} index" if values is None else f"{name} as in the source"
                self._coordinate(name, count if values is None else values, {"long_name": words, "axis": name.upper()})
        if "series" in kinds:
            ids = np.array(store.station_ids, dtype=object)
            self._coordinate("station", ids, {"long_name": "station id", "cf_role": "timeseries_id"})
            for i, name in enumerate(store.attribute_names):
                if name in ("latitude", "longitude"):
                    units = "degrees_north" if name == "latitude" else "degrees_east"
                    variable = self.file.create_variable(name, ("station",), "f4", data=store.attributes[:, i])
                    variable.attrs.update({"units": units, "standard_name": name})
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
        """
        days = slice(first, first + len(values))
        if self.store.kind(name) == "grid":
            values, reconstructed = to_grid(self.store, values), to_grid(self.store, reconstructed)  # [n, H, W]
            missing = STATE_MEANINGS.index("missing")
            state = np.nan_to_num(to_grid(self.store, state.astype(np.float32)), nan=missing)
        self.file.variables[name][days] = values
        self.file.variables[f"{name}_reconstructed"][days] = reconstructed
        self.file.variables[f"{name}_state"][days] = state.astype(np.int8)

    def __enter__(self) -> "FieldFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()

    def _coordinate(self, name: str, values: np.ndarray, attributes: Mapping[str, Any]) -> None:
        self.file.dimensions[name] = len(values)
        dtype = h5py.string_dtype() if values.dtype == object else values.dtype
        self.file.create_variable(name, (name,), dtype, data=values).attrs.update(attributes)

    def _variables(self, name: str) -> None:
        grid = self.store.kind(name) == "grid"
        dimensions = ("time", "y", "x") if grid else ("time", "station")
        lengths = [len(self.file.dimensions[d]) for d in dimensions]
        chunks = (1, *lengths[1:]) if grid else (lengths[0], min(lengths[1], 64))
        packing = {"chunks": chunks, "compression": "gzip", "compression_opts": 1, "shuffle": True}
        units, long_name = self.store.units(name), self.store.long_name(name)
        located = {} if grid or "latitude" not in self.file.variables else {"coordinates": "latitude longitude"}
        for suffix, words in (("", "observed"), ("_reconstructed", "reconstructed where hidden")):
            variable = self.file.create_variable(
                name + suffix, dimensions, "f4", fillvalue=np.float32(np.nan), **packing
            )
            variable.attrs.update(
                {"units": units, "long_name": f"{long_name}, {words}" if suffix else long_name, **located}
            )
            if not suffix and self.store.standard_name(name):
                variable.attrs["standard_name"] = self.store.standard_name(name)
        state = self.file.create_variable(f"{name}_state", dimensions, "i1", **packing)
        flags = np.arange(len(STATE_MEANINGS), dtype=np.int8)
        state.attrs.update({"flag_values": flags, "flag_meanings": " ".join(STATE_MEANINGS)})
        state.attrs["long_name"] = f"what the model was given of {long_name}"
