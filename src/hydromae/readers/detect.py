"""Which reader a path is for, found by what lies there."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from hydromae.base.errors import ConfigError, DataError
from hydromae.config import ModalityConfig
from hydromae.readers.builtin import READERS
from hydromae.readers.files import expand, require_file
from hydromae.readers.reader import Reader, Request
from hydromae.readers.registered import Broken, registered_readers

__all__ = ["READERS", "Located", "Reader", "Request", "choose_reader", "find_reader", "locate"]


@dataclass(frozen=True)
class Located:
    """The files of one piece.

    Attributes:
        reader: the reader of their format.
        paths: what the reader opens.
        files: all that is read, relative to data.root.
        why: what the reader was chosen for, as "HDF5 with data [3652, 290, 180] and dates".
    """

    reader: Reader
    paths: tuple[Path, ...]
    files: tuple[str, ...]
    why: str


def find_reader(path: Path, name: str, settings: ModalityConfig) -> Reader:
    """The reader that `choose_reader` chooses."""
    return choose_reader(path, name, settings)[0]


def choose_reader(path: Path, name: str, settings: ModalityConfig, advice: str | None = None) -> tuple[Reader, str]:
    """The reader that the settings name, or else the first of their kind that accepts what lies at `path`, and why.

    Readers of other packages are asked before those of this one. `advice` is what to do where none accepts; None speaks
    of the configuration.

    Raises:
        ConfigError: the settings name none, one of another kind, or one that cannot be loaded.
        DataError: nothing is there, or nothing that a reader of this kind knows.
    """
    registered, broken = registered_readers([reader.name for reader in READERS])
    readers = {reader.name: reader for reader in (*registered, *READERS) if reader.kind == settings.kind}
    if settings.reader is not None:
        return _named(settings.reader, name, settings, readers, broken), f"named by data.modalities.{name}.reader"
    failures = [one.problem for one in broken]
    for reader in readers.values():
        try:
            if why := _accepted(reader, path):
                return reader, why
        except DataError as failure:
            failures.append(str(failure))
    if not path.is_dir():
        require_file(path)
    looked_for = "; ".join(reader.looks_for for reader in readers.values())
    failed = f" ({'; '.join(failures)})" if failures else ""
    key = f"data.modalities.{name}"
    advice = advice or f"Correct {key}.paths, or name the format with {key}.reader"
    raise DataError(f"{path}: is no {settings.kind} of a known format; looked for {looked_for}{failed}. {advice}")


def _named(
    wanted: str, name: str, settings: ModalityConfig, readers: dict[str, Reader], broken: Iterable[Broken]
) -> Reader:
    if wanted in readers:
        return readers[wanted]
    for one in broken:
        if one.name == wanted:
            raise ConfigError(f"data.modalities.{name}.reader is {wanted}, but {one.problem}; update or remove it")
    near = difflib.get_close_matches(wanted, readers, n=1)
    hint = f"did you mean {near[0]}?" if near else f"take one of {', '.join(readers)}, or null"
    raise ConfigError(f"data.modalities.{name}.reader is {wanted}, which reads no {settings.kind}; {hint}")


def _accepted(reader: Reader, path: Path) -> str:
    """Why the reader takes a path, "" where it does not; a folder is taken for the files in it."""
    why = reader.accepts(path)
    if why or not path.is_dir():
        return why
    inside = reader.folder(path)
    return f"a folder of {len(inside)}, the first {reader.accepts(inside[0])}" if inside else ""


def locate(name: str, settings: ModalityConfig, root: Path, advice: str | None = None) -> list[Located]:
    """The pieces of a modality in the order of its paths, patterns expanded, without reading any values.

    `advice` is as in `choose_reader`.

    Raises:
        ConfigError: the settings name a reader that is none.
        DataError: a pattern matches nothing, or no reader is for what lies at a path.
    """
    found: list[tuple[Reader, Path, str, str]] = []
    for given in expand(root, settings.paths):
        path = root / given
        if not path.exists():
            require_file(path, relative=not Path(given).is_absolute())
        reader, why = choose_reader(path, name, settings, advice)
        inside = [] if reader.whole_folder else reader.folder(path)
        if inside:
            found += [(reader, file, f"{given.rstrip('/')}/{file.name}", why) for file in inside]
        else:
            found.append((reader, path, given, why))
    located = []
    for reader, group in groupby(found, key=lambda one: one[0]):
        pieces = list(group)
        if reader.joins_stations:
            files = tuple(given for _, _, given, _ in pieces)
            located.append(Located(reader, tuple(path for _, path, _, _ in pieces), files, pieces[0][3]))
            continue
        for _, path, given, why in pieces:
            within = [f"{given.rstrip('/')}/{file.relative_to(path).as_posix()}" for file in reader.folder(path)]
            located.append(Located(reader, (path,), tuple(within or [given]), why))
    return located
