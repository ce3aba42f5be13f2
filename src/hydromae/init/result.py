"""Looking at a folder and deciding what to make of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from hydromae.base.errors import DataError
from hydromae.config import Kind
from hydromae.init.choose import Chosen, choose
from hydromae.init.found import CODES, AttributeTable, Candidate, Found, LeftOut, Mask
from hydromae.init.groups import Group, in_groups
from hydromae.init.look import look
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
    found = _with_stations(look(top, on_progress or (lambda path, fraction: None)))
    undated = [
        LeftOut(one.label, "its file does not date the days, and its name does not tell; set the modality's key start")
        for one in found.candidates
        if one.first is None
    ]

    def area_known(group: Group) -> bool:
        table = station_table(found.tables, group.pieces[0].stations)
        return table is not None and table.area is not None

    chosen = choose(in_groups(found.candidates), area_known)
    if chosen is None:
        looked_for = "; ".join(reader.looks_for for reader in known_readers())
        raise DataError(f"{folder}: holds nothing to train on; looked for {looked_for}; {_what_lies_there(found)}")
    stations = [station for group in chosen.taken.values() for station in group.stations]
    table = station_table(found.tables, stations)
    shape = next((group.shape for group in chosen.taken.values() if group.shape), None)
    fitting = [mask for mask in found.masks if mask.shape == shape]
    mask = fitting[0] if fitting else None
    left_out = [*found.left_out, *undated]
    left_out += [
        LeftOut(one.path, _other_table(one.path, table, describe(one, tuple(stations)) is not None))
        for one in found.tables
        if table is None or one.path != table.path
    ]
    left_out += [LeftOut(one.path, _other_mask(one, mask, shape)) for one in found.masks if one is not mask]
    marked = [marks for group in chosen.taken.values() if (marks := group.marked())]
    periods = split(*chosen.common, marked[0] if marked and all(marks == marked[0] for marks in marked) else {})
    seen = {code for one in found.candidates for code in one.codes} | set(table.codes if table else ())
    left_out.sort(key=lambda one: (one.path, one.reason))
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


def _with_stations(found: Found) -> Found:
    """Without tables whose columns are no station by their names, nor by a table of attributes."""
    unknown = [one for one in found.candidates if one.layout == "wide" and not _are_stations(one, found.tables)]
    reason = (
        "has no column of ids, and its other columns look like none; name it with the key layout: wide if each of them "
        "is a station"
    )
    left_out = (*found.left_out, *(LeftOut(one.path, reason) for one in unknown))
    candidates = tuple(one for one in found.candidates if one not in unknown)
    return replace(found, candidates=candidates, left_out=left_out)


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


def _what_lies_there(found: Found) -> str:
    reasons = [f"{'the folder' if one.path == '.' else one.path} ({one.reason})" for one in found.left_out]
    reasons += [f"{one.path} (a table without dates)" for one in found.tables]
    reasons += [f"{one.path} (a map of 0 and 1)" for one in found.masks]
    reasons += [f"{one.label} (unknown variable)" for one in found.candidates]
    if not reasons:
        return "it is empty"
    more = f" and {len(reasons) - _LISTED} more" if len(reasons) > _LISTED else ""
    return f"what lies there: {', '.join(reasons[:_LISTED])}{more}"


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
    rows += [Row(one.path, "", "", one.reason) for one in left_out]
    return tuple(sorted(rows, key=lambda row: (row.path, row.taken_for, row.reason)))
