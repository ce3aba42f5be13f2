"""Addresses, as s3://bucket/rain.zarr, where paths are expected."""

import re
from pathlib import Path

_SCHEME = re.compile(r"(^|::)([a-z][a-z0-9+.-]+):/+")
_FILE = re.compile(r"(file|local):/+")


class AddressPath(type(Path())):  # type: ignore[misc]
    """An address as a path, so that it goes where paths go and messages name it; it lies nowhere on this machine.

    It keeps the small files below it that were read through it: whoever is handed the same object sees them as they
    were, and asks the server no second time.
    """

    @property
    def held(self) -> dict[str, bytes | None]:
        """Name -> content of the files below it that were read; None for those that are not there."""
        content: dict[str, bytes | None] = self.__dict__.setdefault("_held", {})
        return content

    def __str__(self) -> str:
        # A path keeps one of two slashes.
        return _SCHEME.sub(r"\1\2://", super().__str__())


def path_under(root: str | Path, given: str | Path) -> Path:
    """A path of a configuration: relative to `root`, or an address, which is relative to nothing."""
    text = without_file_scheme(str(given))
    return AddressPath(text) if _SCHEME.match(text) else Path(root) / text


def without_file_scheme(text: str) -> str:
    """A path that is written as an address of this machine, file:///data/a.nc, as a path; others unchanged."""
    return _FILE.sub("/", text) if _FILE.match(text) else text


def address_of(path: str | Path) -> str:
    """The address that a path spells, also as a path that has lost a slash, as s3:/bucket/e.zarr; "" for a path."""
    text = str(path)
    return _SCHEME.sub(r"\1\2://", text) if _SCHEME.match(text) else ""
