"""Stations with no or few values, or that start late or end early: one sentence for all series that share it."""

from dataclasses import dataclass, field

import numpy as np

from hydromae.check.exclusions import Exclusion
from hydromae.check.report import CheckReport
from hydromae.check.series import SeriesStatistics
from hydromae.check.subject import Subject, counted, listed

MUCH_MISSING = 0.5  # of the training days
_LATE_DAYS = 365


@dataclass(frozen=True)
class _Kind:
    """A kind of gap: how it is worded after one or several names, and what leaves the stations out."""

    severity: str
    has: str
    have: str
    after: str = ""
    max_missing: float | None = None


_NEVER = _Kind(
    "warning",
    "has no value in the training period",
    "have no value in the training period",
    "; they are learnt from the other modalities only",
    0.99,
)
_MUCH = _Kind(
    "warning",
    f"lacks more than {MUCH_MISSING:.0%} of the training days",
    f"lack more than {MUCH_MISSING:.0%} of the training days",
    max_missing=MUCH_MISSING,
)
_LATE = _Kind("note", "starts late (first value)", "start late (first value)")
_EARLY = _Kind("note", "ends early (last value)", "end early (last value)")


@dataclass
class Gaps:
    """The gaps of all series, reported together, since the series of one table mostly share them."""

    _found: dict[tuple[_Kind, tuple[str, ...]], list[Subject]] = field(default_factory=dict)

    def add(self, subject: Subject, stations: tuple[str, ...], statistics: SeriesStatistics) -> None:
        """Add a series, whose columns are `stations`."""
        train = subject.splits.get("train")
        if train is None or not statistics.split_count["train"].any():
            return
        length = train.stop - train.start
        share = 1 - statistics.split_count["train"] / length
        never = share == 1
        self._note(_NEVER, subject, tuple(stations[i] for i in np.flatnonzero(never).tolist()))
        much = np.flatnonzero((share > MUCH_MISSING) & ~never)
        much = much[np.argsort(-share[much], kind="stable")]
        self._note(_MUCH, subject, tuple(f"{stations[i]} ({share[i]:.0%})" for i in much.tolist()))
        margin = min(_LATE_DAYS, length // 10)
        end = max(period.stop for period in subject.splits.values()) - 1
        for kind, which, edge in (
            (_LATE, statistics.first > train.start + margin, statistics.first),
            (_EARLY, statistics.last < end - margin, statistics.last),
        ):
            at = np.flatnonzero(which & ~never & (statistics.count > 0)).tolist()
            self._note(kind, subject, tuple(f"{stations[i]} ({subject.day(int(edge[i]))})" for i in at))

    def tell(self, report: CheckReport) -> None:
        """Add all that was found to the report."""
        for kind in (_NEVER, _MUCH, _LATE, _EARLY):
            for (gap_kind, details), subjects in self._found.items():
                if gap_kind is kind:
                    _tell(report, kind, details, subjects)

    def _note(self, kind: _Kind, subject: Subject, details: tuple[str, ...]) -> None:
        if details:
            self._found.setdefault((kind, details), []).append(subject)


def _tell(report: CheckReport, kind: _Kind, details: tuple[str, ...], subjects: list[Subject]) -> None:
    names = [subject.name for subject in subjects]
    where = ", ".join(dict.fromkeys(subject.where for subject in subjects))
    verb = kind.has if len(names) == 1 else kind.have
    joined = " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
    text = f"{where}: {joined} {verb} at {counted(len(details), 'station')}: {listed(details)}{kind.after}"
    if kind.severity == "note":
        report.note(text, details)
        return
    limits = {} if kind.max_missing is None else dict.fromkeys(names, kind.max_missing)
    report.warning(text, details, Exclusion(max_missing=limits))
