"""A hash of a whole netCDF file at its end, behind what HDF5 knows of, by which a changed byte is noticed.

HDF5 and all that reads netCDF-4 pass over bytes behind the end of their own; a program that writes into the file
removes or covers them, and so takes over the file.
"""

import hashlib
from pathlib import Path
from typing import Final

from hydromae.base.errors import DataError

_MARK: Final = b"\nhydromae sha256 "
_LENGTH: Final = len(_MARK) + 64
_PIECE: Final = 1 << 20


def seal(path: Path) -> None:
    """Add the hash of a file to its end."""
    digest = _hash(path, path.stat().st_size)
    with path.open("ab") as file:
        file.write(_MARK + digest.encode())


def check_seal(path: Path) -> None:
    """Compare a file with the hash at its end; one that has none, as of other programs or older versions, passes.

    Raises:
        DataError: it differs.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _LENGTH))
        end = file.read()
    if not end.startswith(_MARK):
        return
    if _hash(path, path.stat().st_size - _LENGTH) != end.removeprefix(_MARK).decode("ascii", "replace"):
        raise DataError(
            f"{path}: differs from when it was written (its checksum differs), since the disk is failing or somebody "
            f"changed it; make it again"
        )


def _hash(path: Path, size: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while size > 0 and (piece := file.read(min(_PIECE, size))):
            digest.update(piece)
            size -= len(piece)
    return digest.hexdigest()
