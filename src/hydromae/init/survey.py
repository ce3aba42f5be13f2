"""Walks a folder and lists its files, without reading their values."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from hydromae.init.found import LeftOut, relative
from hydromae.readers.builtin import READERS
from hydromae.readers.reader import Reader
from hydromae.readers.registered import registered_readers

MAX_DEPTH = 6
MAX_FILES = 5000
_ZARR = ("zarr.json", ".zgroup", ".zarray", ".zmetadata")


@dataclass
class Survey:
    """Files, and folders that are one data set each, relative to the top and in order; and what was left out."""

    files: list[str] = field(default_factory=list)
    folders: list[tuple[str, Reader]] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def known_readers() -> tuple[Reader, ...]:
    """The readers in the order they are asked: those of installed packages, then this one's."""
    return (*registered_readers([reader.name for reader in READERS])[0], *READERS)


def survey(top: Path) -> Survey:
    """List what lies under `top`, hidden names left out, MAX_DEPTH folders deep and MAX_FILES files at most.

    Links are followed, each folder once, so that circular links end.
    """
    listing = Survey()
    _walk(top, ".", 0, listing, set())
    return listing


def _walk(top: Path, folder: str, depth: int, listing: Survey, visited: set[tuple[int, int]]) -> None:
    path = top / folder
    try:
        status = path.stat()
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError as error:
        listing.left_out.append(LeftOut(folder, f"cannot be listed ({error.strerror})"))
        return
    identity = (status.st_dev, status.st_ino)
    if identity in visited:
        listing.left_out.append(LeftOut(folder, "a link to a folder that was looked at already"))
        return
    visited.add(identity)
    if (path / "store.json").is_file():
        listing.left_out.append(LeftOut(folder, "a prepared store, not a source"))
        return
    reader = _whole_folder(path)
    inside = set()
    if reader is not None:
        listing.folders.append((folder, reader))
        with suppress(OSError):
            inside = {file.name for file in reader.folder(path)}
    if any((path / mark).is_file() for mark in _ZARR):
        if reader is None:
            listing.left_out.append(LeftOut(folder, "a Zarr store without a grid that a reader takes"))
        return
    for entry in _visible(entries):
        below = relative(folder, entry.name)
        if entry.name in inside:
            continue
        if not is_text(entry.name):
            listing.left_out.append(LeftOut(below, "its name is not UTF-8, so no configuration can hold it; rename it"))
        elif _is(entry, "dir"):
            if depth == MAX_DEPTH:
                listing.left_out.append(LeftOut(below, f"more than {MAX_DEPTH} folders deep"))
            else:
                _walk(top, below, depth + 1, listing, visited)
        elif not _is(entry, "file"):
            listing.left_out.append(LeftOut(below, "a broken link or no regular file"))
        elif len(listing.files) == MAX_FILES:
            listing.left_out.append(LeftOut(folder, f"from {entry.name} on: more than {MAX_FILES} files in all"))
            return
        else:
            listing.files.append(below)


def _whole_folder(path: Path) -> Reader | None:
    """The reader that takes the folder itself as one data set."""
    for reader in known_readers():
        with suppress(Exception):  # a damaged file may raise anything: then the reader does not take the folder
            if reader.whole_folder and reader.accepts(path):
                return reader
    return None


def _visible(entries: list[os.DirEntry[str]]) -> Iterator[os.DirEntry[str]]:
    return (entry for entry in entries if not entry.name.startswith((".", "__")))


def _is(entry: os.DirEntry[str], what: str) -> bool:
    try:
        return entry.is_dir() if what == "dir" else entry.is_file()
    except OSError:  # a link that leads to itself
        return False


def is_text(name: str) -> bool:
    """Whether a name is UTF-8, which a configuration is written in."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
