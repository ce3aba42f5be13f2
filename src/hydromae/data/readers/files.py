"""Finding a source file, or saying which one was probably meant."""

import difflib
from pathlib import Path

from hydromae.errors import DataError


def require_file(path: Path) -> Path:
    """Return `path`.

    Raises:
        DataError: it is no file; the message names the nearest one in its folder.
    """
    if path.is_file():
        return path
    if path.is_dir():
        raise DataError(f"{path}: is a folder; give the path of one file")
    if not path.parent.is_dir():
        raise DataError(f"{path}: its folder does not exist; paths are relative to data.root, set that or the path")
    files = sorted(other.name for other in path.parent.iterdir() if other.is_file())
    near = difflib.get_close_matches(path.name, files, n=1)
    hint = f"did you mean {near[0]}" if near else f"its folder holds {', '.join(files[:5]) or 'no files'}"
    raise DataError(f"{path}: no such file; {hint}? Paths are relative to data.root")
