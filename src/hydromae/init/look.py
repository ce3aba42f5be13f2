"""Looks at every file in a folder, by its content."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import ParamSpec

from hydromae.base.errors import DataError
from hydromae.init.found import AttributeTable, Candidate, Found, LeftOut, Mask
from hydromae.init.grids import look_at_grid
from hydromae.init.labelled_series import look_at_labelled_series
from hydromae.init.long_tables import look_at_table
from hydromae.init.station_files import look_at_stations
from hydromae.init.survey import known_readers, survey
from hydromae.readers.reader import Reader
from hydromae.sources.land_mask import read_land_mask

P = ParamSpec("P")

_TEXTS = (".txt", ".tsv", ".tab", ".dat")
_MASKS = (".pt", ".pth", ".npy")
_LARGEST_MASK = 2**27


class _Looking:
    """Gathers what is found; a file that cannot be read is left out with the reason."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.candidates: list[Candidate] = []
        self.tables: list[AttributeTable] = []
        self.masks: list[Mask] = []
        self.left_out: list[LeftOut] = []

    def attempt(self, path: str, action: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            action(*args, **kwargs)
        except Exception as error:  # any file may lie here, and a damaged one may raise anything in a reader
            text = str(error).splitlines()[0] if str(error) else type(error).__name__
            self.left_out.append(LeftOut(path, text.removeprefix(f"{self.top / path}: ")))

    def grid(self, path: str, reader: Reader) -> None:
        labelled = reader.name in ("netcdf_grid", "zarr_grid")
        series, failed = look_at_labelled_series(self.top / path, path, reader.name) if labelled else ([], [])
        self.candidates += series
        self.left_out += failed
        candidates, left_out = look_at_grid(self.top / path, path, reader)
        self.candidates += candidates
        self.left_out += left_out
        if candidates or series or failed:
            return
        if labelled:
            self.mask(path)
        else:
            raise DataError("holds nothing over days, rows and columns")

    def table(self, path: str) -> None:
        content = look_at_table(self.top / path, path)
        if isinstance(content, AttributeTable):
            self.tables.append(content)
        else:
            self.candidates += content

    def attributes(self, path: str, reason: str) -> None:
        """A text that may be a table of attributes, which is read whatever the name of its file."""
        try:
            table = look_at_table(self.top / path, path)
        except DataError as error:
            series = str(error).startswith(f"{self.top / path}: ")  # the error is that of the reader of series
            self.left_out.append(LeftOut(path, str(error).removeprefix(f"{self.top / path}: ") if series else reason))
            return
        assert isinstance(table, AttributeTable)  # series in files of such names were refused above
        self.tables.append(table)

    def mask(self, path: str) -> None:
        self.masks.append(_mask(self.top / path, path))

    def stations(self, files: list[str], reader: Reader) -> None:
        folder = PurePosixPath(files[0]).parent.as_posix()
        paths = [self.top / file for file in files]
        whole_folder = sorted(reader.folder(self.top / folder)) == sorted(paths)
        self.candidates += look_at_stations(paths, files, folder if whole_folder else "", reader)


def look(top: Path, on_progress: Callable[[str, float], None]) -> Found:
    """Look at every file under `top`; see `survey` for how far. No content of a file is an error here.

    Args:
        top: the folder.
        on_progress: called with a path and the fraction done, 0 to 1.
    """
    seen, looking = survey(top), _Looking(top)
    looking.left_out += seen.left_out
    for folder, reader in seen.folders:
        looking.attempt(folder, looking.grid, folder, reader)
    of_stations: dict[tuple[str, str], list[str]] = defaultdict(list)
    readers = {reader.name: reader for reader in known_readers()}
    for done, file in enumerate(seen.files):
        on_progress(file, done / len(seen.files))
        try:
            reader_of = _reader(top / file)
        except Exception as error:
            looking.left_out.append(LeftOut(file, f"cannot be read ({type(error).__name__}: {error})"))
            continue
        if isinstance(reader_of, str) and (top / file).suffix in _TEXTS and (top / file).stat().st_size:
            looking.attempt(file, looking.attributes, file, reader_of)
        elif isinstance(reader_of, str):
            looking.left_out.append(LeftOut(file, reader_of))
        elif reader_of is None:
            looking.attempt(file, looking.mask, file)
        elif reader_of.joins_stations:
            of_stations[PurePosixPath(file).parent.as_posix(), reader_of.name].append(file)
        elif reader_of.kind == "series" and reader_of.name != "table":
            looking.attempt(file, looking.stations, [file], reader_of)
        elif reader_of.name == "table":
            looking.attempt(file, looking.table, file)
        else:
            looking.attempt(file, looking.grid, file, reader_of)
    for (folder, name), files in of_stations.items():
        on_progress(folder, 1.0)
        looking.attempt(folder, looking.stations, files, readers[name])
    return Found(
        tuple(sorted(looking.candidates, key=lambda candidate: (candidate.path, candidate.variable or ""))),
        tuple(sorted(looking.tables, key=lambda table: table.path)),
        tuple(sorted(looking.masks, key=lambda mask: mask.path)),
        tuple(sorted(looking.left_out, key=lambda item: (item.path, item.reason))),
    )


def _reader(path: Path) -> Reader | str | None:
    """The reader of a file, None for a land mask, or why it is neither."""
    if path.stat().st_size == 0:
        return "is empty"
    with path.open("rb") as content:
        content.read(1)
    if path.suffix in _MASKS:
        return None
    # Those that take a station's file accept the least, tables almost anything.
    for reader in sorted(known_readers(), key=lambda item: (item.name == "table", not item.joins_stations)):
        if reader.accepts(path):
            return reader
    return f"no data of a known format ({path.suffix or 'no suffix'})"


def _mask(path: Path, given: str) -> Mask:
    """A map of 0 and 1; DataError where the file holds something else."""
    if path.stat().st_size > _LARGEST_MASK:
        raise DataError(f"is larger than {_LARGEST_MASK >> 20} MiB, too large for a land mask")
    land = read_land_mask(path)
    return Mask(given, (land.shape[0], land.shape[1]), float(land.mean()))
