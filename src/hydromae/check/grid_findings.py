"""What is wrong with a grid, in sentences."""

import numpy as np

from hydromae.check.exclusions import Exclusion, spans_of
from hydromae.check.grid import GridStatistics
from hydromae.check.report import CheckReport
from hydromae.check.subject import Subject, counted, listed
from hydromae.sources.cleaning import fault_of

_SUSPICIOUS_SHARE = 0.2  # of land cells without any value: far more than coasts explain
_SLOW_SHARE = 0.2  # of days that repeat the day before: beyond it the maps are of several days each
_PARTLY_MISSING = 0.2  # of the land missing beyond the usual share: such a map is torn


def judge_grid(report: CheckReport, subject: Subject, statistics: GridStatistics, sampled_every: int) -> None:
    """Add what a grid's statistics say against it."""
    if statistics.first_wrong is not None and subject.fault is not None:
        _impossible(report, subject, statistics)
    if not statistics.all_days.count.any():
        return
    _gaps(report, subject, statistics)
    _constant(report, subject, statistics)
    _copies(report, subject, statistics, "" if sampled_every == 1 else "; check --full finds all of them")


def _impossible(report: CheckReport, subject: Subject, statistics: GridStatistics) -> None:
    assert statistics.first_wrong is not None and subject.fault is not None
    day, cell, value = statistics.first_wrong
    fault = fault_of((day, cell), value, *subject.limits)
    error = str(subject.fault(fault, subject.day(day), "in a land cell"))
    days = int(statistics.wrong_days.sum())
    more = f" ({counted(statistics.wrong, 'such value')} on {counted(days, 'day')})" if statistics.wrong > 1 else ""
    # On many days the fault lies in the unit or the limit, and leaving days out is no remedy.
    rare = days <= 0.05 * statistics.n_days or days == 1
    exclusion = (
        Exclusion(days={subject.name: spans_of(subject.first_day, statistics.wrong_days)}) if rare else Exclusion()
    )
    report.error(error + more, details=_days(subject, statistics.wrong_days), exclusion=exclusion)


def _gaps(report: CheckReport, subject: Subject, statistics: GridStatistics) -> None:
    name, where = subject.name, subject.where
    unseen = float((statistics.all_days.count == 0).mean())
    if unseen > _SUSPICIOUS_SHARE:
        report.warning(
            f"{where}: {unseen:.0%} of the land cells never have a value of {name}; is the mask upside down?"
        )
    with np.errstate(invalid="ignore"):
        empty, held = statistics.share == 0, statistics.share > 0
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
    usual = float(np.median(statistics.share[held]))
    torn = held & (statistics.share < usual - _PARTLY_MISSING)
    # A source that always has holes, as one from a satellite, has no usual share to compare with.
    if torn.any() and torn.sum() <= 0.05 * held.sum():
        days = _days(subject, torn)
        report.warning(
            f"{where}: {name} lacks much more of the land than usual on {counted(len(days), 'day')} looked at: "
            f"{listed(days)}",
            days,
            Exclusion(days={name: spans_of(subject.first_day, torn)}),
        )


def _constant(report: CheckReport, subject: Subject, statistics: GridStatistics) -> None:
    name, where = subject.name, subject.where
    still = (statistics.low == statistics.high) & (statistics.all_days.count > 1)
    if still.any() and not still.all():
        report.warning(
            f"{where}: {name} never changes in {counted(int(still.sum()), 'land cell')} of {still.size:,}; "
            f"lakes, or a filled value"
        )
    if statistics.flat.any() and statistics.flat.sum() != statistics.n_days:
        days = _days(subject, statistics.flat)
        report.warning(
            f"{where}: {name} has the same value everywhere on {counted(len(days), 'day')}: {listed(days)}",
            days,
            Exclusion(days={name: spans_of(subject.first_day, statistics.flat)}),
        )


def _copies(report: CheckReport, subject: Subject, statistics: GridStatistics, more: str) -> None:
    copies = statistics.digests.copies
    if not copies:
        return
    details = tuple(f"{subject.day(day)} is {subject.day(earlier)}" for day, earlier in sorted(copies.items()))
    text = f"{subject.where}: {subject.name} repeats another day bit by bit on {counted(len(copies), 'day')}: "
    if statistics.digests.held > _SLOW_SHARE * statistics.digests.pairs:
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
