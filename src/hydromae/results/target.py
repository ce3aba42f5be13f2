"""Where a result goes: the suffixes, and the rule for existing files."""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import h5py
import pyarrow.parquet as pq
from pyarrow.lib import ArrowInvalid

from hydromae.base.errors import ConfigError, DataError
from hydromae.base.files import atomic_directory, atomic_path, writable
from hydromae.store.provenance import exchange
from hydromae.store.store import Store

ARRAYS: Final = (".nc", ".zarr")
TABLES: Final = (".csv", ".parquet")
HDF5: Final = (".h5", ".hdf5")
SUFFIXES: Final = (*ARRAYS, *TABLES)
_HEADERS: Final = ({"date", "ID"}, {"issue_time", "lead_time", "station"}, {"own", "target", "hidden"})


def check_target(
    path: Path,
    overwrite: bool,
    inputs: Iterable[str | Path] = (),
    suffixes: Sequence[str] = SUFFIXES,
    grids: Sequence[str] = (),
) -> None:
    """Refuse, before any work, a file that cannot or must not be written.

    Args:
        path: the file, or the folder of a Zarr store.
        overwrite: an existing file may be replaced if hydromae wrote it: netCDF, HDF5, Zarr and parquet say so in
            their attributes, CSV in its header.
        inputs: paths that the command reads, which are never replaced.
        suffixes: the allowed suffixes.
        grids: names of the grids that are to be written, which no table holds.

    Raises:
        ConfigError: the suffix is none of these, or a table is to hold grids.
        DataError: a file or folder exists that must not be replaced.
    """
    if path.is_dir() and path.suffix != ".zarr":
        raise DataError(f"{path}: is a folder; give the path of a file")
    if path.suffix not in suffixes:
        raise ConfigError(f"{path}: the suffix says which format to write; take one of {', '.join(suffixes)}")
    if grids and path.suffix in TABLES:
        raise ConfigError(f"{path}: a table holds series, but {', '.join(grids)} are grids; write to .nc or .zarr")
    if not path.exists():
        return
    if not overwrite:
        raise DataError(f"{path}: is there already; give another path, or replace it with --overwrite (overwrite=True)")
    if not _written_here(path):
        raise DataError(
            f"{path}: is there already and was not written by hydromae, so it is not replaced; give another path"
        )
    target = path.resolve()
    for given in inputs:
        read = Path(given).resolve()
        if target == read or target in read.parents:
            raise DataError(f"{path}: is read by this command, so it is not replaced; give another path")


def inputs_of(*stores: Store) -> list[Path]:
    """The stores and the files that they were made from."""
    files = [Path(store.provenance.root) / file.path for store in stores for file in store.provenance.sources]
    return [*(store.path for store in stores), *files]


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside a target of any format; the old target stays until all is written."""
    if path.suffix != ".zarr":
        with atomic_path(path) as temporary:
            yield temporary
        return
    if not path.exists():
        with atomic_directory(path) as temporary:
            yield temporary
        return
    fresh = path.with_name(f".{path.name}.fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    with atomic_directory(fresh) as temporary:
        yield temporary
    with writable(path):
        exchange(fresh, path)


def _written_here(path: Path) -> bool:
    """Whether hydromae was the last to write the file."""
    try:
        if path.suffix == ".csv":
            with path.open(encoding="utf-8") as lines:
                columns = set(lines.readline(4096).strip().split(","))
            return any(header <= columns for header in _HEADERS)
        attributes = _ATTRIBUTES[path.suffix](path)
    except (OSError, ValueError, KeyError, ArrowInvalid):
        return False
    latest = str(attributes.get("history", "")).partition("\n")[0]
    return "hydromae_version" in attributes or "hydromae" in latest or _source(attributes).startswith("hydromae ")


def _source(attributes: Mapping[str, Any]) -> str:
    return str(attributes.get("source", ""))


def _of_hdf5(path: Path) -> Mapping[str, Any]:
    with h5py.File(path, "r") as file:
        return dict(file.attrs)


def _of_zarr(path: Path) -> Mapping[str, Any]:
    return dict(json.loads((path / "zarr.json").read_text("utf-8"))["attributes"])


def _of_parquet(path: Path) -> Mapping[str, Any]:
    return {key.decode(): value.decode() for key, value in (pq.read_schema(path).metadata or {}).items()}


_ATTRIBUTES: Final[dict[str, Callable[[Path], Mapping[str, Any]]]] = {
    ".nc": _of_hdf5,
    ".h5": _of_hdf5,
    ".hdf5": _of_hdf5,
    ".zarr": _of_zarr,
    ".parquet": _of_parquet,
}
