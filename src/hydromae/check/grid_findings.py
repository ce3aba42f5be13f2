"""What is wrong with a grid, in sentences."""

import numpy as np

from hydromae.check.exclusions import Exclusion, spans_of
from hydromae.check.grid import GridStatistics
from hydromae.check.report import CheckReport
from hydromae.check.subject import Subject, counted, listed
from hydromae.sources.cleaning import fault_of

_SUSPICIOUS_SHARE = 0.2  # of land cells without any value: far more than coasts lack
_SLOW_SHARE = 0.2  # of the days that repeat the one before: from here on it is a product of several days
_PARTLY_MISSING = 0.2  # of the land: so much more than usual is a torn map


def judge_grid(report: CheckReport, subject: Subject, found: GridStatistics, every: int) -> None:
    """Add what a grid's statistics say against it."""
    if found.first_wrong is not None and subject.fault is not None:
        _impossible(report, subject, found)
    if not found.every.count.any():
        return
    _gaps(report, subject, found)
    _constant(report, subject, found)
    _copies(report, subject, found, "" if every == 1 else "; check --full finds every one")


def _impossible(report: CheckReport, subject: Subject, found: GridStatistics) -> None:
    assert found.first_wrong is not None and subject.fault is not None
    day, cell, value = found.first_wrong
    fault = fault_of((day, cell), value, *subject.limits)
    error = str(subject.fault(fault, subject.day(day), "in a land cell"))
    days = int(found.wrong_days.sum())
    more = f" ({counted(found.wrong, 'such value')} on {counted(days, 'day')})" if found.wrong > 1 else ""
    # Where it is so on many days, it is the unit or the limit, and leaving days out is no remedy.
    rare = days <= 0.05 * found.n_days or days == 1
    exclusion = Exclusion(days={subject.name: spans_of(subject.first_day, found.wrong_days)}) if rare else Exclusion()
    report.error(error + more, details=_days(subject, found.wrong_days), exclusion=exclusion)


def _gaps(report: CheckReport, subject: Subject, found: GridStatistics) -> None:
    name, where = subject.name, subject.where
    unseen = float((found.every.count == 0).mean())
    if unseen > _SUSPICIOUS_SHARE:
        report.warning(
            f"{where}: {unseen:.0%} of the land cells never have a value of {name}; is the mask upside down?"
        )
    with np.errstate(invalid="ignore"):
        empty, held = found.share == 0, found.share > 0
    began, ended = int(held.argmax()), len(held) - 1 - int(held[::-1].argmax())
    inside = empty.copy()
    inside[:began] = inside[ended + 1 :] = False
    if inside.any():
        days = _days(subject, inside)
        report.warning(
            f"{where}: {name} has no value on land on {len(days)} of the days looked at, first {days[0]}", days
        )
    outside = empty & ~inside
    if outside.any():
        report.note(
            f"{where}: {name} has values from {subject.day(began)} to {subject.day(ended)} only (of the days looked at)"
        )
    usual = float(np.median(found.share[held]))
    torn = held & (found.share < usual - _PARTLY_MISSING)
    # A source that always comes with holes, as from a satellite, has no usual share to fall short of.
    if torn.any() and torn.sum() <= 0.05 * held.sum():
        days = _days(subject, torn)
        report.warning(
            f"{where}: {name} lacks much more of the land than usual on {counted(len(days), 'day')} looked at: "
            f"{listed(days)}",
            days,
            Exclusion(days={name: spans_of(subject.first_day, torn)}),
        )


def _constant(report: CheckReport, subject: Subject, found: GridStatistics) -> None:
    name, where = subject.name, subject.where
    still = (found.low == found.high) & (found.every.count > 1)
    if still.any() and not still.all():
        report.warning(
            f"{where}: {name} never changes in {counted(int(still.sum()), 'land cell')} of {still.size:,}; "
            f"lakes, or a filled value"
        )
    if found.flat.any() and found.flat.sum() != found.n_days:
        days = _days(subject, found.flat)
        report.warning(
            f"{where}: {name} is one and the same value everywhere on {counted(len(days), 'day')}: {listed(days)}",
            days,
            Exclusion(days={name: spans_of(subject.first_day, found.flat)}),
        )


def _copies(report: CheckReport, subject: Subject, found: GridStatistics, more: str) -> None:
    copies = found.digests.copies
    if not copies:
        return
    details = tuple(f"{subject.day(day)} is {subject.day(earlier)}" for day, earlier in sorted(copies.items()))
    text = f"{subject.where}: {subject.name} repeats another day bit by bit on {counted(len(copies), 'day')}: "
    if found.digests.held > _SLOW_SHARE * found.digests.pairs:
        report.warning(f"{text}{listed(details)}; are these maps of several days at once?", details)
        return
    copied = np.zeros(subject.n_days, bool)
    copied[list(copies)] = True
    report.error(
        f"{text}{listed(details)}; correct the file or exclude those days{more}",
        False,
        details,
        Exclusion(days={subject.name: spans_of(subject.first_day, copied)}),
    )


def _days(subject: Subject, which: np.ndarray) -> tuple[str, ...]:
    return tuple(str(subject.day(i)) for i in np.flatnonzero(which).tolist())
