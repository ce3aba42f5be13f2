"""What is wrong with a series of stations, in sentences."""

import numpy as np
from jaxtyping import Float

from hydromae.base.areas import MM_PER_DAY, is_flow
from hydromae.base.units import same_units
from hydromae.check.exclusions import Exclusion, spans_of
from hydromae.check.quantity import FLOW_UNITS, HIGH_RUNOFF, LOW_RUNOFF, doubt_runoff
from hydromae.check.report import CheckReport
from hydromae.check.series import MOSTLY_WRONG, STUCK_DAYS, SeriesStatistics
from hydromae.check.streaks import Streaks
from hydromae.check.subject import Subject, counted, listed
from hydromae.sources.cleaning import fault_of
from hydromae.sources.source import OF_STATION

_STUCK_SHARE = 0.2  # of a station's values: beyond it, the station is better left out


def judge_series(
    report: CheckReport, subject: Subject, stations: tuple[str, ...], statistics: SeriesStatistics
) -> None:
    """Add the faults that a series' statistics reveal; `stations` are its columns."""
    _impossible(report, subject, stations, statistics)
    _negative(report, subject, stations, statistics)
    _constant(report, subject, stations, statistics)
    _copies(report, subject, stations, statistics)
    _outliers(report, subject, stations, statistics)


def judge_runoff(
    report: CheckReport,
    subject: Subject,
    stations: tuple[str, ...],
    statistics: SeriesStatistics,
    areas: Float[np.ndarray, "station"] | None,
) -> None:
    """Compare flow with the catchment areas in km2: an impossible yearly runoff means a wrong unit or area."""
    if is_flow(subject.units):
        if areas is None:
            return
        runoff = statistics.mean * MM_PER_DAY / areas * 365.25  # [station], mm a year
    elif subject.quantity == "flow" and same_units(subject.units, "mm/d"):
        runoff = statistics.mean * 365.25
    else:
        return
    has_runoff = np.isfinite(runoff)
    doubt = doubt_runoff(float(np.median(runoff[has_runoff]))) if has_runoff.any() else None
    if doubt is not None:
        report.error(
            f"{subject.where}: {subject.name} of the median station is {doubt.text} "
            f"Convert it, or correct data.modalities.{subject.name}.units and the areas"
        )
        return
    odd = np.flatnonzero(has_runoff & ((runoff > HIGH_RUNOFF) | ((runoff < LOW_RUNOFF) & (statistics.high > 0))))
    if odd.size:
        details = tuple(f"{stations[i]}: {runoff[i]:.4g} mm a year" for i in odd.tolist())
        report.warning(
            f"{subject.where}: {subject.name} over the catchment area is beyond {LOW_RUNOFF:g} to {HIGH_RUNOFF:,.0f} "
            f"mm a year at {counted(odd.size, 'station')}: {listed(details)}; are the unit "
            f"({', '.join(FLOW_UNITS)}?) and the area right there?",
            details,
            Exclusion(stations=_names(stations, odd)),
        )


def _impossible(report: CheckReport, subject: Subject, stations: tuple[str, ...], statistics: SeriesStatistics) -> None:
    if statistics.first_wrong is None or subject.fault is None:
        return
    day, column, value = statistics.first_wrong
    fault = fault_of((day, column), value, *subject.limits)
    error = str(subject.fault(fault, subject.day(day), f"{OF_STATION}{stations[column]}"))
    at = np.flatnonzero(statistics.wrong)
    total = int(statistics.wrong.sum())
    more = f" ({counted(total, 'such value')} at {counted(at.size, 'station')})" if total > 1 else ""
    mostly = statistics.wrong > MOSTLY_WRONG * np.maximum(statistics.count, 1)
    exclusion = Exclusion()
    # Where half of the stations are at fault, the unit or the limit is wrong, and leaving them out is no remedy.
    if mostly.mean() <= 0.5 and statistics.wrong_days.mean() <= 0.5:
        days = {subject.name: spans_of(subject.first_day, statistics.wrong_days)} if statistics.wrong_days.any() else {}
        exclusion = Exclusion(stations=_names(stations, np.flatnonzero(mostly)), days=days)
    details = tuple(f"{stations[i]}: {counted(int(statistics.wrong[i]), 'value')}" for i in at.tolist())
    report.error(error + more, details=details, exclusion=exclusion)


def _negative(report: CheckReport, subject: Subject, stations: tuple[str, ...], statistics: SeriesStatistics) -> None:
    """Flow below 0 where no limit refuses it."""
    at = np.flatnonzero(statistics.low < 0)
    if subject.limits[0] is not None or subject.quantity != "flow" or not at.size:
        return
    details = tuple(f"{stations[i]}: {statistics.low[i]:g}" for i in at.tolist())
    report.warning(
        f"{subject.where}: {subject.name} is negative at times at {counted(at.size, 'station')}: {listed(details)}; "
        f"flow against the gauge, or an error",
        details,
    )


def _constant(report: CheckReport, subject: Subject, stations: tuple[str, ...], statistics: SeriesStatistics) -> None:
    name, where = subject.name, subject.where
    same = (statistics.split_count.get("train", statistics.count) > 1) & (statistics.deviation == 0)
    if same.any() and not same.all():
        names = _names(stations, np.flatnonzero(same))
        text = (
            f"{where}: {name} has the same value throughout the training period at "
            f"{counted(len(names), 'station')}: {listed(names)}"
        )
        # A flow that never changes is a dead gauge; scaling it by its own deviation would divide by 0.
        add = report.error if subject.quantity == "flow" and (statistics.mean[same] != 0).any() else report.warning
        add(text, details=names, exclusion=Exclusion(stations=names))
    streaks = statistics.stuck.where(~same[statistics.stuck.column])
    if streaks.column.size:
        days = np.bincount(streaks.column, streaks.length, minlength=len(stations))
        held = np.flatnonzero(days)
        longest = int(streaks.length.argmax())
        details = _worded(subject, stations, streaks)
        share = days / np.maximum(statistics.count, 1)
        report.warning(
            f"{where}: {name} keeps one value above 0 for {STUCK_DAYS} days and more, {counted(len(details), 'time')} "
            f"at {counted(held.size, 'station')}; longest: station {stations[int(streaks.column[longest])]} "
            f"from {subject.day(int(streaks.first[longest]))}, {streaks.length[longest]} days of "
            f"{streaks.value[longest]:.4g} {subject.units}. A gauge may be stuck or a gap filled; "
            f"make those days missing in the file",
            details,
            Exclusion(stations=_names(stations, np.flatnonzero(share > _STUCK_SHARE))),
        )
    if subject.quantity == "flow" and statistics.dropped.column.size:
        details = _worded(subject, stations, statistics.dropped)
        report.warning(
            f"{where}: {name} falls from above its station's median to 0 in a day and stays there for {STUCK_DAYS} "
            f"days and more, {counted(len(details), 'time')}: {listed(details)}; 0 may stand for missing",
            details,
        )
    if statistics.dry_years:
        details = tuple(f"{stations[i]}: {statistics.years[year]}" for i, year in statistics.dry_years)
        report.warning(
            f"{where}: {name} is 0 for a whole year at a station, {counted(len(details), 'time')}: {listed(details)}; "
            f"0 may stand for missing",
            details,
            Exclusion(stations=tuple(dict.fromkeys(stations[i] for i, _ in statistics.dry_years))),
        )


def _copies(report: CheckReport, subject: Subject, stations: tuple[str, ...], statistics: SeriesStatistics) -> None:
    repeated = statistics.repeating
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
    if statistics.copied:
        details = tuple(
            f"{stations[i]}: {statistics.years[year]} is {statistics.years[of]}" for i, year, of in statistics.copied
        )
        copied = tuple(dict.fromkeys(stations[i] for i, *_ in statistics.copied))
        exclusion = Exclusion(stations=copied)
        if len(copied) > len(stations) / 2:
            wrong = np.isin(subject.years, [statistics.years[year] for _, year, _ in statistics.copied])
            exclusion = Exclusion(days={subject.name: spans_of(subject.first_day, wrong)})
        report.error(
            f"{subject.where}: {subject.name} of a whole year is a copy of another's, "
            f"{counted(len(details), 'time')}: {listed(details)}; make the copy missing in the file",
            False,
            details,
            exclusion,
        )


def _outliers(report: CheckReport, subject: Subject, stations: tuple[str, ...], statistics: SeriesStatistics) -> None:
    far = statistics.outliers
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


def _worded(subject: Subject, stations: tuple[str, ...], streaks: Streaks) -> tuple[str, ...]:
    order = np.argsort(-streaks.length, kind="stable").tolist()
    first = [subject.day(int(position)) for position in streaks.first]
    return tuple(
        f"{stations[streaks.column[i]]} from {first[i]}: {streaks.length[i]} days of {streaks.value[i]:.4g}"
        for i in order
    )


def _names(stations: tuple[str, ...], which: np.ndarray) -> tuple[str, ...]:
    return tuple(stations[i] for i in which.tolist())
