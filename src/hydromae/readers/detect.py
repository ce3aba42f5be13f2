"""Which reader opens a path, by what lies there."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from hydromae.base.addresses import AddressPath
from hydromae.base.errors import ConfigError, DataError
from hydromae.config import ModalityConfig
from hydromae.readers.builtin import ENGINES, READERS
from hydromae.readers.files import expand, place_of, require_file
from hydromae.readers.reader import Reader, Request
from hydromae.readers.registered import Broken, registered_readers

__all__ = ["READERS", "Located", "Reader", "Request", "choose_reader", "find_reader", "locate"]


@dataclass(frozen=True)
class Located:
    """The files of one piece.

    Attributes:
        reader: the reader of their format.
        paths: what the reader opens.
        files: every file that is read, relative to data.root.
        why: why the reader was chosen, as "HDF5 with data [3652, 290, 180] and dates".
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

    Readers of other packages are asked before those of this one. `advice` says what to do where none accepts; None is
    advice about the configuration.

    Raises:
        ConfigError: the settings name a reader that does not exist, is of another kind, or cannot be loaded.
        DataError: the path does not exist, or no reader of this kind knows what lies there.
    """
    if settings.engine is not None:
        return ENGINES[settings.kind], f"named by data.modalities.{name}.engine"
    registered, broken = registered_readers([reader.name for reader in READERS])
    readers = {reader.name: reader for reader in (*registered, *READERS) if reader.kind == settings.kind}
    if settings.reader is not None:
        return _named(settings.reader, name, settings, readers, broken), f"named by data.modalities.{name}.reader"
    failures = [reader.problem for reader in broken]
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
    reader_name: str, name: str, settings: ModalityConfig, readers: dict[str, Reader], broken: Iterable[Broken]
) -> Reader:
    if reader_name in readers:
        return readers[reader_name]
    for reader in broken:
        if reader.name == reader_name:
            raise ConfigError(
                f"data.modalities.{name}.reader is {reader_name}, but {reader.problem}; update or remove it"
            )
    near = difflib.get_close_matches(reader_name, readers, n=1)
    hint = f"did you mean {near[0]}?" if near else f"take one of {', '.join(readers)}, or null"
    raise ConfigError(f"data.modalities.{name}.reader is {reader_name}, which reads no {settings.kind}; {hint}")


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
        ConfigError: the settings name a reader that does not exist.
        DataError: a pattern matches nothing, or no reader knows what lies at a path.
    """
    opened: list[tuple[Reader, Path, str, str]] = []
    for given in expand(root, settings.paths):
        path = place_of(root, given)
        if not isinstance(path, AddressPath) and not path.exists():
            require_file(path, relative=not Path(given).is_absolute())
        reader, why = choose_reader(path, name, settings, advice)
        inside = [] if reader.whole_folder else reader.folder(path)
        if inside:
            opened += [(reader, file, f"{given.rstrip('/')}/{file.name}", why) for file in inside]
        else:
            opened.append((reader, path, given, why))
    located = []
    for reader, group in groupby(opened, key=lambda entry: entry[0]):
        pieces = list(group)
        if reader.joins_stations:
            files = tuple(given for _, _, given, _ in pieces)
            located.append(Located(reader, tuple(path for _, path, _, _ in pieces), files, pieces[0][3]))
            continue
        for _, path, given, why in pieces:
            within = [f"{given.rstrip('/')}/{file.relative_to(path).as_posix()}" for file in reader.folder(path)]
            located.append(Located(reader, (path,), tuple(within or [given]), why))
    return located
