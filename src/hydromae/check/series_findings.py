"""What is wrong with a series of stations, in sentences."""

import numpy as np
from jaxtyping import Float

from hydromae.base.areas import MM_PER_DAY, is_flow
from hydromae.base.units import same_units
from hydromae.check.exclusions import Exclusion, spans_of
from hydromae.check.quantity import FLOW_UNITS, HIGH_RUNOFF, LOW_RUNOFF, doubt_runoff
from hydromae.check.report import CheckReport
from hydromae.check.series import MOSTLY_WRONG, STUCK_DAYS, SeriesStatistics
from hydromae.check.streaks import Runs
from hydromae.check.subject import Subject, counted, listed
from hydromae.sources.cleaning import fault_of
from hydromae.sources.source import OF_STATION

_STUCK_SHARE = 0.2  # of a station's values: from here on it is better left out than kept
_TELLING_STATIONS = 10  # fewer may all be equal on two days, as flow is rounded


def judge_series(report: CheckReport, subject: Subject, stations: tuple[str, ...], found: SeriesStatistics) -> None:
    """Add what a series' statistics say against it; `stations` are its columns."""
    _impossible(report, subject, stations, found)
    _negative(report, subject, stations, found)
    _constant(report, subject, stations, found)
    _copies(report, subject, stations, found)
    _outliers(report, subject, stations, found)


def judge_runoff(
    report: CheckReport,
    subject: Subject,
    stations: tuple[str, ...],
    found: SeriesStatistics,
    areas: Float[np.ndarray, "station"] | None,
) -> None:
    """Hold flow against the catchments' areas in km2: yearly runoff that no catchment has is a wrong unit or area."""
    if is_flow(subject.units):
        if areas is None:
            return
        runoff = found.mean * MM_PER_DAY / areas * 365.25  # [station], mm a year
    elif subject.quantity == "flow" and same_units(subject.units, "mm/d"):
        runoff = found.mean * 365.25
    else:
        return
    known = np.isfinite(runoff)
    doubt = doubt_runoff(float(np.median(runoff[known]))) if known.any() else None
    if doubt is not None:
        report.error(
            f"{subject.where}: {subject.name} of the median station is {doubt.text} "
            f"Convert it, or correct data.modalities.{subject.name}.units and the areas"
        )
        return
    odd = np.flatnonzero(known & ((runoff > HIGH_RUNOFF) | ((runoff < LOW_RUNOFF) & (found.high > 0))))
    if odd.size:
        details = tuple(f"{stations[i]}: {runoff[i]:.4g} mm a year" for i in odd.tolist())
        report.warning(
            f"{subject.where}: {subject.name} over the catchment area is beyond {LOW_RUNOFF:g} to {HIGH_RUNOFF:,.0f} "
            f"mm a year at {counted(odd.size, 'station')}: {listed(details)}; are the unit "
            f"({', '.join(FLOW_UNITS)}?) and the area right there?",
            details,
            Exclusion(stations=_names(stations, odd)),
        )


def _impossible(report: CheckReport, subject: Subject, stations: tuple[str, ...], found: SeriesStatistics) -> None:
    if found.first_wrong is None or subject.fault is None:
        return
    day, column, value = found.first_wrong
    fault = fault_of((day, column), value, *subject.limits)
    error = str(subject.fault(fault, subject.day(day), f"{OF_STATION}{stations[column]}"))
    at = np.flatnonzero(found.wrong)
    total = int(found.wrong.sum())
    more = f" ({counted(total, 'such value')} at {counted(at.size, 'station')})" if total > 1 else ""
    mostly = found.wrong > MOSTLY_WRONG * np.maximum(found.count, 1)
    exclusion = Exclusion()
    # Where half of the stations are at fault, it is the unit or the limit, and leaving them out is no remedy.
    if mostly.mean() <= 0.5 and found.wrong_days.mean() <= 0.5:
        days = {subject.name: spans_of(subject.first_day, found.wrong_days)} if found.wrong_days.any() else {}
        exclusion = Exclusion(stations=_names(stations, np.flatnonzero(mostly)), days=days)
    details = tuple(f"{stations[i]}: {counted(int(found.wrong[i]), 'value')}" for i in at.tolist())
    report.error(error + more, details=details, exclusion=exclusion)


def _negative(report: CheckReport, subject: Subject, stations: tuple[str, ...], found: SeriesStatistics) -> None:
    """Flow below 0 where no limit refuses it."""
    at = np.flatnonzero(found.low < 0)
    if subject.limits[0] is not None or subject.quantity != "flow" or not at.size:
        return
    details = tuple(f"{stations[i]}: {found.low[i]:g}" for i in at.tolist())
    report.warning(
        f"{subject.where}: {subject.name} is negative at times at {counted(at.size, 'station')}: {listed(details)}; "
        f"flow against the gauge, or an error",
        details,
    )


def _constant(report: CheckReport, subject: Subject, stations: tuple[str, ...], found: SeriesStatistics) -> None:
    name, where = subject.name, subject.where
    same = (found.split_count.get("train", found.count) > 1) & (found.deviation == 0)
    if same.any() and not same.all():
        names = _names(stations, np.flatnonzero(same))
        text = (
            f"{where}: {name} has only one and the same value in the training period at "
            f"{counted(len(names), 'station')}: {listed(names)}"
        )
        # A flow that never changes is a dead gauge, and where flow is scaled for each station it divides by nothing.
        add = report.error if subject.quantity == "flow" and (found.mean[same] != 0).any() else report.warning
        add(text, details=names, exclusion=Exclusion(stations=names))
    runs = found.stuck.where(~same[found.stuck.column])
    if runs.column.size:
        days = np.bincount(runs.column, runs.length, minlength=len(stations))
        held = np.flatnonzero(days)
        longest = int(runs.length.argmax())
        details = _worded(subject, stations, runs)
        share = days / np.maximum(found.count, 1)
        report.warning(
            f"{where}: {name} keeps one value above 0 for {STUCK_DAYS} days and more, {counted(len(details), 'time')} "
            f"at {counted(held.size, 'station')}; longest: station {stations[int(runs.column[longest])]} from "
            f"{subject.day(int(runs.first[longest]))}, {runs.length[longest]} days of {runs.value[longest]:.4g} "
            f"{subject.units}. A gauge may be stuck or a gap filled; make those days missing in the file",
            details,
            Exclusion(stations=_names(stations, np.flatnonzero(share > _STUCK_SHARE))),
        )
    if subject.quantity == "flow" and found.dropped.column.size:
        details = _worded(subject, stations, found.dropped)
        report.warning(
            f"{where}: {name} falls from above its station's median to 0 in a day and stays there for {STUCK_DAYS} "
            f"days and more, {counted(len(details), 'time')}: {listed(details)}; 0 may stand for missing",
            details,
        )
    if found.dry_years:
        details = tuple(f"{stations[i]}: {found.years[year]}" for i, year in found.dry_years)
        report.warning(
            f"{where}: {name} is 0 for a whole year at a station, {counted(len(details), 'time')}: {listed(details)}; "
            f"0 may stand for missing",
            details,
            Exclusion(stations=tuple(dict.fromkeys(stations[i] for i, _ in found.dry_years))),
        )


def _copies(report: CheckReport, subject: Subject, stations: tuple[str, ...], found: SeriesStatistics) -> None:
    repeated = found.repeated & (found.telling >= _TELLING_STATIONS)
    if repeated.any():
        days = [subject.day(i) for i in np.flatnonzero(repeated).tolist()]
        text = (
            f"{subject.where}: {subject.name} of all stations repeats the day before on {counted(len(days), 'day')}: "
            f"{listed(map(str, days))}"
        )
        exclusion = Exclusion(days={subject.name: spans_of(subject.first_day, repeated)})
        if repeated.mean() > 0.2:
            report.warning(f"{text}; are these values of several days at once?", tuple(map(str, days)))
        else:
            report.error(f"{text}; correct the file or exclude those days", False, tuple(map(str, days)), exclusion)
    if found.copied:
        details = tuple(f"{stations[i]}: {found.years[year]} is {found.years[of]}" for i, year, of in found.copied)
        copied = tuple(dict.fromkeys(stations[i] for i, *_ in found.copied))
        exclusion = Exclusion(stations=copied)
        if len(copied) > len(stations) / 2:
            wrong = np.isin(subject.years, [found.years[year] for _, year, _ in found.copied])
            exclusion = Exclusion(days={subject.name: spans_of(subject.first_day, wrong)})
        report.error(
            f"{subject.where}: {subject.name} of a whole year is a copy of another's, "
            f"{counted(len(details), 'time')}: {listed(details)}; make the copy missing in the file",
            False,
            details,
            exclusion,
        )


def _outliers(report: CheckReport, subject: Subject, stations: tuple[str, ...], found: SeriesStatistics) -> None:
    far = found.outliers
    if not far.column.size:
        return
    order = np.argsort(-np.abs(np.log(far.value / far.median)), kind="stable").tolist()
    details = tuple(
        f"{stations[far.column[i]]} on {subject.day(int(far.day[i]))}: {far.value[i]:.4g} (median {far.median[i]:.4g})"
        for i in order
    )
    held = np.unique(far.column).size
    report.warning(
        f"{subject.where}: {subject.name} is beyond 10 robust deviations of its station's logarithms, "
        f"{counted(len(details), 'time')} at {counted(held, 'station')}: {listed(details)}; check those days",
        details,
    )


def _worded(subject: Subject, stations: tuple[str, ...], runs: Runs) -> tuple[str, ...]:
    order = np.argsort(-runs.length, kind="stable").tolist()
    first = [subject.day(int(position)) for position in runs.first]
    return tuple(
        f"{stations[runs.column[i]]} from {first[i]}: {runs.length[i]} days of {runs.value[i]:.4g}" for i in order
    )


def _names(stations: tuple[str, ...], which: np.ndarray) -> tuple[str, ...]:
    return tuple(stations[i] for i in which.tolist())
