"""Finding source files, or saying which one was probably meant."""

import difflib
import glob
from collections.abc import Sequence
from pathlib import Path

from hydromae.base.addresses import AddressPath, path_under, without_file_scheme
from hydromae.base.errors import DataError
from hydromae.base.permissions import refused
from hydromae.readers.remote import expand_address, local_copy
from hydromae.readers.zarr_places import zarr_format

# Suffixes of single files, at which no Zarr group is looked for at an address.
_FILES = {".nc", ".nc4", ".cdf", ".h5", ".hdf5", ".csv", ".gz", ".parquet", ".pq", ".txt", ".zip", ".pt", ".npy"}


def require_file(path: Path, relative: bool = False) -> Path:
    """Return `path`; with `relative`, a message says that it was given relative to data.root.

    Raises:
        DataError: it is no file; the message names the nearest one in its folder.
    """
    if refusal := refused(path):
        raise DataError(refusal)
    if path.is_file():
        return path
    if path.is_dir():
        raise DataError(f"{path}: is a folder; give the path of one file")
    rule = "; paths are relative to data.root" if relative else ""
    if not path.parent.is_dir():
        raise DataError(
            f"{path}: its folder does not exist; {rule[2:] + ', set that or' if rule else 'correct'} the path"
        )
    files = sorted(other.name for other in path.parent.iterdir() if other.is_file())
    near = difflib.get_close_matches(path.name, files, n=1)
    listed = ", ".join(files[:5]) + (", ..." if len(files) > 5 else "") or "no files"
    hint = f"did you mean {near[0]}?" if near else f"its folder holds {listed}"
    raise DataError(f"{path}: no such file; {hint}{rule}")


def place_of(root: str | Path, given: str) -> Path:
    """What lies at a path of a configuration: a path, the local copy of a file at an address, or a Zarr group there.

    Raises:
        DataError: nothing lies at the address, or it cannot be reached.
    """
    path = path_under(root, given)
    if not isinstance(path, AddressPath) or (path.suffix.lower() not in _FILES and zarr_format(path)):
        return path
    return local_copy(path)


def first_line(path: Path) -> str:
    """The first line of a text file of any encoding, without its line ending; at most 4096 characters."""
    with path.open(encoding="utf-8-sig", errors="replace") as content:
        return content.readline(4096).rstrip("\r\n")


def expand(root: Path, paths: Sequence[str]) -> list[str]:
    """Paths relative to `root` with every pattern (*, ? or [...]) replaced by its matches, sorted by name.

    A path that exists is taken as it stands, even if it holds such signs.

    Raises:
        DataError: a pattern matches nothing.
    """
    expanded: list[str] = []
    for given in paths:
        path = without_file_scheme(given)
        if isinstance(address := path_under(root, path), AddressPath):
            expanded.extend(map(str, expand_address(address)))
            continue
        if refusal := refused(root / path) or refused(_fixed_part(root / path)):
            raise DataError(refusal)
        if (root / path).exists() or not glob.has_magic(path):
            expanded.append(path)
            continue
        matches = sorted(glob.glob(path, root_dir=root, recursive=True))
        if not matches:
            rule = "correct it" if Path(path).is_absolute() else "patterns are relative to data.root"
            raise DataError(f"{root / path}: no file matches this pattern; {rule}")
        expanded.extend(matches)
    return expanded


def _fixed_part(path: Path) -> Path:
    """The folder above the first part of a path that is a pattern: matches are looked for in it."""
    fixed = path
    while glob.has_magic(str(fixed)):
        fixed = fixed.parent
    return fixed
