"""Work whose errors become findings of the report, and rows of its table."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from hydromae.base.errors import ConfigError, DataError
from hydromae.check.examine import Numbers
from hydromae.check.report import CheckReport, Row
from hydromae.config.types import Kind

P = ParamSpec("P")
T = TypeVar("T")


def attempt(
    report: CheckReport, unreadable: bool, action: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T | None:
    """What the action returns; None where it raises: its error then goes into the report."""
    try:
        return action(*args, **kwargs)
    except (DataError, ConfigError) as error:
        report.error(str(error), unreadable)
        return None


def passes(
    report: CheckReport, unreadable: bool, action: Callable[P, object], *args: P.args, **kwargs: P.kwargs
) -> bool:
    """Whether the action raises nothing; an error goes into the report."""
    before = len(report.problems)
    attempt(report, unreadable, action, *args, **kwargs)
    return len(report.problems) == before


def row_of(
    name: str,
    kind: Kind,
    files: int,
    reader: str,
    days: tuple[str, str],
    places: str,
    units: str,
    numbers: Numbers | None,
) -> Row:
    """A modality's row of the table."""
    n = numbers or Numbers()
    return Row(
        name, kind, files, reader, *days, places, units, n.missing, n.minimum, n.mean, n.maximum,
        split_missing=n.split_missing,
    )  # fmt: skip
