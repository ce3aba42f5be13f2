"""Scores on days that a model was trained on say little, so every row of such scores is marked."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from hydromae.evaluation.tables import ScoreTable

MARK: Final = " [trained on]"
_DAYS, _NOTE = "days_trained_on", "overlap"


@dataclass(frozen=True)
class Overlap:
    """Days that are scored although a model was trained on them.

    Attributes:
        days: number of scored days that were trained on.
        note: which days, of how many, and which run, in a sentence.
    """

    days: int
    note: str

    def attributes(self) -> dict[str, Any]:
        """For the files of scores; `of_attributes` reads them."""
        return {_DAYS: self.days, _NOTE: self.note}

    def table(self, table: ScoreTable) -> ScoreTable:
        """A table for a person to read: each row has a mark, which the note explains."""
        note = f"{table.note}. " if table.note and not table.note.endswith(".") else table.note and f"{table.note} "
        rows = tuple((row[0] + MARK, *row[1:]) for row in table.rows)
        return replace(table, rows=rows, note=f"{note}{MARK.strip()}: {self.note}")

    def records(self, table: ScoreTable) -> ScoreTable:
        """A table for machines, each row with the number of such days in a column of its own."""
        rows = tuple((*row, str(self.days)) for row in table.rows)
        return replace(table, columns=(*table.columns, _DAYS), rows=rows)


def overlap_of(attributes: Mapping[Any, Any]) -> Overlap | None:
    """The overlap that a file of scores records; None if it records none."""
    return Overlap(int(attributes[_DAYS]), str(attributes[_NOTE])) if _NOTE in attributes else None
