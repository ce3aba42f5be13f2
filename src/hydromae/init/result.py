"""Looks at a folder and decides what to make of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from hydromae.base.errors import DataError
from hydromae.config import Kind
from hydromae.init.choose import Chosen, choose
from hydromae.init.found import CODES, AttributeTable, Candidate, Found, LeftOut, Mask
from hydromae.init.groups import Group, in_groups
from hydromae.init.look import look
from hydromae.init.modality_text import to_do
from hydromae.init.periods import Split, split
from hydromae.init.survey import is_text, known_readers
from hydromae.init.tables import StationTable, describe, station_table

_LISTED = 10
_JOINED = "has stations that the source before it lacks, so both are joined; where both hold one, the first wins"


@dataclass(frozen=True)
class Row:
    """One line of the table of what was found: a file, folder or pattern, what it was taken for ("" where it was
    left out), the reader that takes it and why."""

    path: str
    taken_for: str
    reader: str
    reason: str


@dataclass(frozen=True)
class InitResult:
    """What lies in a folder and what was decided.

    Attributes:
        folder: absolute.
        rows: every file, folder or pattern, in order of path.
        chosen: the sources of the modalities.
        split: the periods.
        table: of attributes; None without one.
        mask: of land; None without one.
        codes: numbers that mean missing, seen in the samples.
        left_out: files that are no source.
    """

    folder: Path
    rows: tuple[Row, ...]
    chosen: Chosen
    split: Split
    table: StationTable | None
    mask: Mask | None
    codes: tuple[float, ...]
    left_out: tuple[LeftOut, ...]

    def of_kind(self, kind: Kind) -> list[Group]:
        """The sources taken of one kind."""
        return [group for group in self.chosen.taken.values() if group.kind == kind]

    @property
    def to_do(self) -> tuple[str, ...]:
        """The keys that the user has to set, since the files do not say what they are; TODO in the configuration."""
        of = {name: to_do(name, group) for name, group in self.chosen.taken.items()}
        return tuple(f"data.modalities.{name}.{key}" for name, keys in of.items() for key in keys)

    @property
    def shape(self) -> tuple[int, int] | None:
        """Rows and columns of the grids taken."""
        return next((group.shape for group in self.of_kind("grid")), None)


def init(folder: str | Path, on_progress: Callable[[str, float], None] | None = None) -> InitResult:
    """Look at every file in a folder and say what each is and could be used for. Samples are read, no file as a whole.

    Args:
        folder: with grids, series, attributes and a land mask, or some of them, in sub-folders or not.
        on_progress: called with what is looked at and the fraction done, 0 to 1.

    Raises:
        DataError: it is no folder, or holds nothing that a model could be trained on.
    """
    top = Path(folder).resolve()
    if not top.is_dir():
        raise DataError(f"{folder}: is no folder; give the one that holds the data")
    if not is_text(str(top)):
        raise DataError(f"{str(top)!a}: its name is not UTF-8, so no configuration can hold it; rename it")
    content = _with_stations(look(top, on_progress or (lambda path, fraction: None)))
    undated = [
        LeftOut(candidate.label, "neither its file nor the file's name dates the days; set the modality's key start")
        for candidate in content.candidates
        if candidate.first is None
    ]

    def area_known(group: Group) -> bool:
        table = station_table(content.tables, group.pieces[0].stations)
        return table is not None and table.area is not None

    chosen = choose(in_groups(content.candidates), area_known)
    if chosen is None:
        looked_for = "; ".join(reader.looks_for for reader in known_readers())
        raise DataError(f"{folder}: holds nothing to train on; looked for {looked_for}; {_what_lies_there(content)}")
    stations = [station for group in chosen.taken.values() for station in group.stations]
    table = station_table(content.tables, stations)
    shape = next((group.shape for group in chosen.taken.values() if group.shape), None)
    fitting = [mask for mask in content.masks if mask.shape == shape]
    mask = fitting[0] if fitting else None
    left_out = [*content.left_out, *undated]
    left_out += [
        LeftOut(other.path, _other_table(other.path, table, describe(other, tuple(stations)) is not None))
        for other in content.tables
        if table is None or other.path != table.path
    ]
    left_out += [LeftOut(other.path, _other_mask(other, mask, shape)) for other in content.masks if other is not mask]
    marked = [marks for group in chosen.taken.values() if (marks := group.marked())]
    periods = split(*chosen.common, marked[0] if marked and all(marks == marked[0] for marks in marked) else {})
    seen = {code for candidate in content.candidates for code in candidate.codes} | set(table.codes if table else ())
    left_out.sort(key=lambda item: (item.path, item.reason))
    return InitResult(
        folder=top,
        rows=_rows(top, chosen, table, mask, left_out),
        chosen=chosen,
        split=periods,
        table=table,
        mask=mask,
        codes=tuple(code for code in CODES if code in seen),
        left_out=tuple(left_out),
    )


def _with_stations(content: Found) -> Found:
    """Without tables whose columns are not stations, by their names or by a table of attributes."""
    wide = [candidate for candidate in content.candidates if candidate.layout == "wide"]
    unknown = [candidate for candidate in wide if not _are_stations(candidate, content.tables)]
    reason = (
        "has no column of ids, and its other columns do not look like stations; set layout: wide if each of them is "
        "a station"
    )
    left_out = (*content.left_out, *(LeftOut(candidate.path, reason) for candidate in unknown))
    candidates = tuple(candidate for candidate in content.candidates if candidate not in unknown)
    return replace(content, candidates=candidates, left_out=left_out)


def _are_stations(candidate: Candidate, tables: tuple[AttributeTable, ...]) -> bool:
    table = station_table(tables, candidate.stations)
    return table is not None and not table.absent


def _other_table(path: str, table: StationTable | None, fits: bool) -> str:
    if table is not None and fits:
        return f"a table of attributes too, but {table.path} holds more of the stations or of their attributes"
    if fits:
        return "a table of attributes that holds less than half of the stations of the series"
    return "a table without dates whose rows are not the stations of the series"


def _other_mask(mask: Mask, taken: Mask | None, shape: tuple[int, int] | None) -> str:
    if taken is not None and mask.shape == taken.shape:
        return f"a land mask too, but {taken.path} comes first"
    cells = "there are no grids" if shape is None else f"the grids have {shape[0]} x {shape[1]}"
    return f"a map of 0 and 1 of {mask.shape[0]} x {mask.shape[1]} cells, but {cells}"


def _what_lies_there(content: Found) -> str:
    reasons = [f"{'the folder' if item.path == '.' else item.path} ({item.reason})" for item in content.left_out]
    reasons += [f"{table.path} (a table without dates)" for table in content.tables]
    reasons += [f"{mask.path} (a map of 0 and 1)" for mask in content.masks]
    reasons += [f"{candidate.label} (unknown variable)" for candidate in content.candidates]
    if not reasons:
        return "it is empty"
    more = f" and {len(reasons) - _LISTED} more" if len(reasons) > _LISTED else ""
    return f"it holds: {', '.join(reasons[:_LISTED])}{more}"


def _rows(
    top: Path, chosen: Chosen, table: StationTable | None, mask: Mask | None, left_out: list[LeftOut]
) -> tuple[Row, ...]:
    rows = [
        Row(path + source.column, name, source.pieces[0].reader, source.variable.reason if source is group else _JOINED)
        for name, group in chosen.taken.items()
        for source in (group, *group.more)
        for path in source.paths(top)
    ]
    rows += [
        Row(path + group.column, "", group.pieces[0].reader, reason)
        for group, reason in chosen.others
        for path in group.paths(top)
    ]
    if table is not None:
        rows.append(Row(table.path, "attributes", "", f"its column {table.id} holds the ids of the stations"))
        rows += [Row(f"{table.path}: {column}", "", "", why) for column, why in table.left.items()]
        rows += [Row(f"station {station}", "", "", f"has no row in {table.path}") for station in table.absent]
    if mask is not None:
        rows.append(Row(mask.path, "land mask", "", f"0 and 1 on the cells of the grids, {mask.land:.0%} land"))
    rows += [Row(item.path, "", "", item.reason) for item in left_out]
    return tuple(sorted(rows, key=lambda row: (row.path, row.taken_for, row.reason)))
