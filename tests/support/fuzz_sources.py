"""One small sound file of every format, how it is read, and ways to damage it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from hypothesis import strategies as st

from hydromae.config import AttributesConfig, ModalityConfig
from hydromae.readers.builtin import READERS
from hydromae.readers.reader import Request
from hydromae.sources.attributes import read_attributes
from hydromae.sources.land_mask import read_land_mask
from support.readers_sources import as_haduk, write_camels, write_caravan, write_months, write_netcdf, write_nrfa
from support.sources import day_range, write_attributes, write_grid, write_mask, write_table

DAYS = day_range(date(2000, 1, 28), date(2000, 2, 6))
GRID = np.random.default_rng(0).gamma(1, 3, size=(len(DAYS), 4, 6)).astype(np.float32)
FLOW = np.random.default_rng(1).lognormal(size=len(DAYS)).astype(np.float32)
LAND = np.random.default_rng(2).random((6, 4)) < 0.5
_READERS = {reader.name: reader for reader in READERS}


@dataclass(frozen=True)
class Case:
    """A sound file, `damaged` the one of its files that is damaged, and what reads it in full."""

    top: Path
    damaged: Path
    read: Callable[[Path], object]


def with_reader(name: str, variable: str | None = None) -> Callable[[Path], xr.DataArray]:
    """What asks a reader whether a path is its own, and reads it whole whatever it says."""
    reader = _READERS[name]
    settings = ModalityConfig(kind=reader.kind, units="mm/d", variable=variable)

    def read(path: Path) -> xr.DataArray:
        for one in READERS:
            assert isinstance(one.accepts(path), str) and isinstance(one.folder(path), list)
        return reader.open([path], Request("flow", settings)).load()

    return read


def make_cases(root: Path) -> dict[str, Case]:
    """One case a format, in folders of their own under `root`."""
    cases = {}

    def add(name: str, damaged: Path, read: Callable[[Path], object], top: Path | None = None) -> None:
        cases[name] = Case(top or damaged, damaged, read)

    def folder(name: str) -> Path:
        (root / name).mkdir(parents=True)
        return root / name

    add("hdf5", write_grid(folder("hdf5") / "a.h5", GRID, DAYS), with_reader("hdf5_grid"))
    months = write_months(folder("months"), GRID, DAYS)
    add("months", months / "2000-02.h5", with_reader("monthly_hdf5"), months)
    for name, classic in (("netcdf", False), ("classic", True)):
        path = folder(name) / "a.nc"
        said = {"time_attrs": {"bounds": "time_bnds"}, "attrs": {"grid_mapping": "transverse_mercator"}}
        write_netcdf(path, GRID, DAYS, classic=classic, **said, **as_haduk(GRID, DAYS))
        add(name, path, with_reader("netcdf_grid", "rainfall"))
    for version in (2, 3):
        store = write_netcdf(folder(f"zarr{version}") / "a.zarr", GRID, DAYS, zarr_format=version, chunks=(5, 4, 6))
        chunk, metadata = ("0.0.0", ".zarray") if version == 2 else ("c/0/0/0", "zarr.json")
        for name, file in (("chunk", chunk), ("metadata", metadata)):
            add(f"zarr{version}_{name}", store / "rainfall" / file, with_reader("zarr_grid"), store)
    zipped = Path(shutil.make_archive(str(root / "zarr3" / "b"), "zip", root / "zarr3/a.zarr"))
    add("zarr_zip", zipped, with_reader("zarr_grid"))
    add("camels", write_camels(folder("camels"), "9001", DAYS, {"flow": FLOW}), with_reader("camels_gb"))
    add("nrfa", write_nrfa(folder("nrfa") / "9_gdf.csv", "9", DAYS, FLOW), with_reader("nrfa_gdf"))
    add("caravan", write_caravan(folder("caravan"), "a_1", DAYS, {"flow": FLOW}), with_reader("caravan"))
    columns = {"flow": np.stack([FLOW, FLOW], axis=1)}
    stations = xr.Dataset(
        {"flow": (("time", "gauge"), columns["flow"], {"units": "mm/d"}), "gauge_id": ("gauge", ["01013500", "7"])},
        {"time": DAYS.astype("datetime64[ns]")},
    )
    stations.to_netcdf(folder("series") / "a.nc", engine="h5netcdf")
    add("series", root / "series/a.nc", with_reader("netcdf_series"))
    stations.to_netcdf(folder("series_classic") / "a.nc", engine="scipy")
    add("series_classic", root / "series_classic/a.nc", with_reader("netcdf_series"))
    stations.to_zarr(folder("series_zarr") / "a.zarr", zarr_format=2, consolidated=False)
    add("series_zarr", root / "series_zarr/a.zarr/gauge_id/0", with_reader("zarr_series"), root / "series_zarr/a.zarr")
    for name in ("a.parquet", "a.csv", "a.csv.gz"):
        path = folder(f"table_{name[2:]}") / name
        if name == "a.csv.gz":
            pd.read_csv(root / "table_csv/a.csv").to_csv(path, index=False)
        else:
            write_table(path, DAYS, [1, 2], columns)
        add(f"table_{name[2:]}", path, with_reader("table"))
    settings = AttributesConfig(columns=("dpsbar",))
    attributes = write_attributes(folder("attributes") / "a.csv", [1, 2], {"dpsbar": [1.5, None], "name": ["A", "B"]})
    add("attributes", attributes, lambda path: read_attributes(path, settings, ()))
    add("mask_npy", write_mask(folder("mask_npy") / "m.npy", LAND), read_land_mask)
    add("mask_pt", write_mask(folder("mask_pt") / "m.pt", LAND), read_land_mask)
    mask = xr.Dataset({"m": (("y", "x"), LAND.astype("i1"))}, coords={"y": np.arange(6.0), "x": np.arange(4.0)})
    mask.to_netcdf(folder("mask_nc") / "m.nc", engine="h5netcdf")
    add("mask_nc", root / "mask_nc/m.nc", read_land_mask)
    return cases


@st.composite
def damages(draw: st.DrawFn, content: bytes) -> bytes:
    """The content cut short, with bytes changed, a stretch zeroed, or one stretch written over another."""
    places = st.integers(0, len(content) - 1)
    kind = draw(st.sampled_from(["cut", "flip", "flip", "zero", "copy"]))
    if kind == "cut":
        return content[: draw(places)]
    damaged = bytearray(content)
    if kind == "flip":
        for place in draw(st.lists(places, min_size=1, max_size=8)):
            damaged[place] = draw(st.integers(0, 255))
        return bytes(damaged)
    size = draw(st.integers(1, 64))
    place = draw(places)
    end = min(place + size, len(content))
    other = draw(places)
    damaged[place:end] = bytes(end - place) if kind == "zero" else content[other : other + end - place]
    return bytes(damaged)
