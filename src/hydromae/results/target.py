"""Where a command writes: the suffixes, and one rule for all that exists already.

It is refused before the work; with `overwrite` it is replaced, but only if hydromae wrote it and the command does not
read it. Every format says who wrote it: netCDF, HDF5, Zarr and parquet in their attributes, pages and configurations in
a mark, pictures in their metadata, Markdown in its last line. CSV has no place for that: its header has to be ours.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import h5py
import pyarrow.parquet as pq
from pyarrow.lib import ArrowInvalid

from hydromae.base.addresses import address_of
from hydromae.base.errors import ConfigError, DataError
from hydromae.base.leftovers import settle
from hydromae.base.permissions import refused
from hydromae.base.replacing import replace_text
from hydromae.base.secret_values import concealed, revealed
from hydromae.base.shown_text import shown
from hydromae.store.store import Store

ARRAYS: Final = (".nc", ".zarr")
TABLES: Final = (".csv", ".parquet")
HDF5: Final = (".h5", ".hdf5")
SUFFIXES: Final = (*ARRAYS, *TABLES)
PAGES: Final = (".html", ".htm")
CONFIGURATIONS: Final = (".yaml", ".yml")
PICTURES: Final = (".png", ".svg", ".pdf")
# The columns that only our own tables have together: series, forecasts, scores, folds and groups of stations.
_HEADERS: Final = (
    {"date", "ID"},
    {"issue_time", "lead_time", "station"},
    {"own", "target", "hidden"},
    {"model", "metric", "median", "stations"},
    {"forcing", "lead_times", "event", "model"},
    {"station", "fold", "cluster"},
    {"id", "latitude", "longitude", "group", "order"},
)
PAGE_MARK: Final = '<meta name="generator" content="hydromae">'
PICTURE_MARK: Final = "written by hydromae"
MARKDOWN_MARK: Final = "<!-- written by hydromae -->"
_LOOKED_AT = 4096  # bytes at the beginning or the end of a text


def check_target(
    path: Path,
    overwrite: bool,
    inputs: Iterable[str | Path] = (),
    suffixes: Sequence[str] = SUFFIXES,
    grids: Sequence[str] = (),
) -> None:
    """Refuse, before any work, a file that cannot or must not be written.

    What a killed process left there is brought in order first.

    Args:
        path: the file, or the folder of a Zarr store.
        overwrite: an existing file may be replaced if hydromae wrote it.
        inputs: files and folders that the command reads, which are never replaced; one that does not exist is none.
        suffixes: the allowed suffixes.
        grids: names of the grids that are to be written, which no table holds.

    Raises:
        ConfigError: it is an address, its suffix is none of these, or a table is to hold grids.
        DataError: a file or folder exists that must not be replaced.
    """
    if address := address_of(path):
        raise ConfigError(
            f"{address}: is an address, and only `hydromae export` writes to one, Zarr in an object store "
            f"(s3://bucket/e.zarr); write to a path here and copy it there, as `aws s3 cp` or `rclone copy` does"
        )
    if path.is_dir() and path.suffix != ".zarr":
        raise DataError(f"{path}: is a folder; give the path of a file")
    if path.suffix not in suffixes:
        raise ConfigError(f"{path}: the suffix says which format to write; take one of {', '.join(suffixes)}")
    if grids and path.suffix in TABLES:
        raise ConfigError(f"{path}: a table holds series, but {', '.join(grids)} are grids; write to .nc or .zarr")
    settle(path)
    if not path.exists():
        return
    refuse_inputs(path, inputs)
    if not overwrite:
        raise DataError(f"{path}: is there already; give another path, or replace it with --overwrite (overwrite=True)")
    if not _written_here(path):
        raise DataError(
            f"{path}: is there already and was not written by hydromae, so it is not replaced; give another path"
        )


def refuse_inputs(path: Path, inputs: Iterable[str | Path]) -> None:
    """Raise DataError where a path is one of those that a command reads, is in a store of them, or holds one."""
    target = path.resolve()
    for given in inputs:
        read = Path(given).resolve()
        if target == read or target in read.parents or (read in target.parents and (read / "store.json").is_file()):
            raise DataError(f"{path}: is read by this command, so it is not replaced; give another path")


def check_folder(folder: Path, patterns: Iterable[str], overwrite: bool, inputs: Iterable[str | Path] = ()) -> None:
    """Refuse, before any work, a folder in which a file of these patterns must not be replaced.

    Raises:
        DataError: the folder is a file, or holds such a file; see `check_target`.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder}: is a file; give the path of a folder")
    given = list(inputs)
    for path in sorted({path for pattern in patterns for path in folder.glob(pattern)}):
        check_target(path, overwrite, given, tuple(_SAYS))


def write_markdown(path: Path, tables: Iterable[str]) -> None:
    """Write tables, each as Markdown, as one page that says who wrote it."""
    replace_text(path, shown(str(concealed("\n".join([*tables, f"{MARKDOWN_MARK}\n"])))))


def inputs_of(*stores: Store) -> list[Path]:
    """The stores and the files that they were made from."""
    made = [store.provenance for store in stores]
    files = [Path(revealed(each.root)) / revealed(file.path) for each in made for file in each.sources]
    return [*(store.path for store in stores), *files]


def _written_here(path: Path) -> bool:
    """Whether hydromae was the last to write the file."""
    try:
        return _SAYS[path.suffix](path)
    except (OSError, ValueError, KeyError, ArrowInvalid) as error:
        if reason := refused(path, error):
            raise DataError(reason) from None
        return False


def _table_says(path: Path) -> bool:
    with path.open(encoding="utf-8") as lines:
        columns = set(lines.readline(_LOOKED_AT).strip().split(","))
    return any(header <= columns for header in _HEADERS)


def _page_says(path: Path) -> bool:
    with path.open("rb") as content:
        beginning = content.read(_LOOKED_AT)
    # Older pages have no mark, but a title and a policy that nobody else writes.
    return PAGE_MARK.encode() in beginning or (b"HydroMAE" in beginning and b"Content-Security-Policy" in beginning)


def _configuration_says(path: Path) -> bool:
    with path.open("rb") as content:
        return content.read(_LOOKED_AT).startswith(b"# Written by `hydromae ")


def _picture_says(path: Path) -> bool:
    with path.open("rb") as content:
        beginning = content.read(_LOOKED_AT)
        content.seek(max(0, path.stat().st_size - _LOOKED_AT))
        return PICTURE_MARK.encode() in beginning + content.read()  # PDF has it at its end


def _markdown_says(path: Path) -> bool:
    with path.open("rb") as content:
        content.seek(max(0, path.stat().st_size - _LOOKED_AT))
        return content.read().rstrip().endswith(MARKDOWN_MARK.encode())


def written_by_hydromae(attributes: Mapping[str, Any]) -> bool:
    """Whether the attributes of a file say that hydromae was the last to write it."""
    latest, source = str(attributes.get("history", "")).partition("\n")[0], str(attributes.get("source", ""))
    return "hydromae_version" in attributes or "hydromae" in latest or source.startswith("hydromae ")


def _hdf5_says(path: Path) -> bool:
    with h5py.File(path, "r") as file:
        return written_by_hydromae(dict(file.attrs))


def _zarr_says(path: Path) -> bool:
    return written_by_hydromae(dict(json.loads((path / "zarr.json").read_text("utf-8"))["attributes"]))


def _parquet_says(path: Path) -> bool:
    metadata = pq.read_schema(path).metadata or {}
    return written_by_hydromae({key.decode(): value.decode() for key, value in metadata.items()})


_SAYS: Final[dict[str, Callable[[Path], bool]]] = {
    ".csv": _table_says,
    ".parquet": _parquet_says,
    ".nc": _hdf5_says,
    ".h5": _hdf5_says,
    ".hdf5": _hdf5_says,
    ".zarr": _zarr_says,
    ".md": _markdown_says,
    **dict.fromkeys(PAGES, _page_says),
    **dict.fromkeys(PICTURES, _picture_says),
    **dict.fromkeys(CONFIGURATIONS, _configuration_says),
}
