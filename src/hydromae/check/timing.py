"""Finds stations that are dated a day early or late, against rain and against their neighbours."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from hydromae.check.exclusions import Exclusion
from hydromae.check.network import LAGS, Course, Network, Rain
from hydromae.check.report import CheckReport
from hydromae.check.responses import Motion, lagged, lagged_pairs
from hydromae.check.subject import counted, listed

# Of the highest correlation over all lags. As measured on 604 British catchments: docs/check.md.
_EARLY, _LATE = 0.5, 0.4  # flow with the next day's rain, and with its own day's
_PUNCTUAL = 0.5  # flow with its own day's rain: beyond it the station is not late, though its neighbours may be quicker
_TELLING, _SURE = 0.2, 5.0  # highest correlation with rain, and of its standard errors
_BESIDE_EARLY, _BESIDE_LATE = 0.6, 0.3  # with neighbours on the same day
_PARTNERS, _FEWEST, _ALIKE = 6, 3, 0.4
_SMALL = 1000.0  # km2; the flow of larger catchments comes late by nature
_MOST = 0.5  # of the stations: beyond it the dates of the whole data set are wrong


@dataclass(frozen=True)
class Shift:
    """Which stations run early or late; a station may be neither, never both.

    Attributes:
        judged: those with enough correlation to judge.
        punctual: those that surely come on their day, or at least not a day late.
    """

    early: Bool[np.ndarray, "station"]
    late: Bool[np.ndarray, "station"]
    judged: Bool[np.ndarray, "station"]
    punctual: Bool[np.ndarray, "station"]


def against_rain(flow: Motion, rain: Motion, areas: Float[np.ndarray, "station"]) -> Shift:
    """Compare the rise of flow with the rain of the day after, of the same day, and of the days before."""
    by_lag = [lagged(flow, rain, lag) for lag in LAGS]
    at = {lag: np.nan_to_num(r) for lag, (r, _) in zip(LAGS, by_lag, strict=True)}
    days = np.min([count for _, count in by_lag], axis=0)
    error = 1 / np.sqrt(np.maximum(days, 1))
    top = np.max(list(at.values()), axis=0)
    judged = (top > _TELLING) & (top > _SURE * error)
    early = judged & (at[-1] - 2 * error > _EARLY * top) & (at[-1] > at[1])
    late = judged & (at[0] + 2 * error < _LATE * top * _patience(areas)) & (at[-1] < at[1])
    return Shift(early, late & ~early, judged, judged & (at[0] > _PUNCTUAL * top))


def against_neighbours(own: Motion, areas: Float[np.ndarray, "station"] | None = None) -> Shift:
    """Compare each station with the six that move most alike, on the same day, the day before and the day after.

    Args:
        own: the course of each station.
        areas: km2 of flow, which comes late by nature where a catchment is large; None for weather, which does not.
    """
    same, after = lagged_pairs(own, own, 0), lagged_pairs(own, own, 1)
    best = np.fmax(np.fmax(same, after), after.T)  # after[i, j]: i comes a day behind j
    np.fill_diagonal(best, np.nan)
    partners = np.argsort(-np.nan_to_num(best, nan=-1), axis=1)[:, :_PARTNERS]
    rows = np.arange(len(best))[:, None]
    high = best[rows, partners]
    alike = np.where(high > _ALIKE, high, np.nan)
    judged = np.isfinite(alike).sum(axis=1) >= _FEWEST
    shares = [np.full(len(best), np.nan) for _ in range(3)]
    for share, table in zip(shares, (same, after, after.T), strict=True):
        share[judged] = np.nanmedian((table[rows, partners] / alike)[judged], axis=1)
    beside, behind, ahead = shares
    early = judged & (ahead > 0.9) & (beside < _BESIDE_EARLY)
    least = _BESIDE_EARLY if areas is None else _BESIDE_LATE * _patience(areas) ** 2
    late = judged & (behind > 0.9) & (beside < least)
    return Shift(early, late & ~early, judged, judged & (beside > _BESIDE_EARLY))


def _patience(areas: Float[np.ndarray, "station"]) -> Float[np.ndarray, "station"]:
    """1 up to 1,000 km2 and where the area is unknown; less for what takes longer to flow down."""
    return np.sqrt(np.minimum(1.0, _SMALL / np.where(areas > 0, areas, _SMALL)))


def judge_timing(report: CheckReport, network: Network, flow: Course, rain: Rain | None) -> None:
    """Add the stations whose flow is dated a day wrong."""
    beside = against_neighbours(flow.motion, network.areas)
    early, late, judged = beside.early, beside.late, np.zeros(len(network.stations), bool)
    if rain is not None:
        shift = against_rain(flow.motion, rain.motion, network.areas)
        if _all_alike(report, flow, rain, shift):
            return
        # A river that rises before the rain is early, even if its neighbours do the same.
        early = early | shift.early
        late = (shift.late | late & ~shift.punctual) & ~early
        judged = shift.judged
    _tell(report, network, flow, early, "early", "+1", report.error)
    _tell(report, network, flow, late & judged, "late", "-1", report.error)
    # Without rain a slow river among quick ones is late by nature.
    _tell(report, network, flow, late & ~judged, "late", "-1", report.warning)


def judge_neighbours(report: CheckReport, network: Network, courses: Iterable[Course]) -> None:
    """Add the stations at which a series other than flow is a day early or late against its neighbours."""
    for course in courses:
        shift = against_neighbours(course.motion)
        _tell(report, network, course, shift.early, "early", "+1", report.error)
        _tell(report, network, course, shift.late, "late", "-1", report.error)


def _all_alike(report: CheckReport, flow: Course, rain: Rain, shift: Shift) -> bool:
    """Whether most stations are shifted; then one finding covers them all."""
    name, other, total = flow.subject.name, rain.course.subject.name, int(shift.judged.sum())
    for which, text, days, add in (
        (shift.early, "rises a day before the rain", 1, report.error),
        (shift.late, "rises a day or more after the rain, and hardly on its day,", -1, report.warning),
    ):
        if total and which.sum() > _MOST * total:
            add(
                f"{flow.subject.where}: {name} {text} at {int(which.sum())} of {counted(total, 'station')}; is a day "
                f"dated by its end? Set data.modalities.{name}.shift_days to {days}, or that of {other} to {-days}, "
                f"where it is 0 now"
            )
            return True
    return False


def _tell(
    report: CheckReport,
    network: Network,
    course: Course,
    which: Bool[np.ndarray, "station"],
    has: str,
    days: str,
    add: Callable[..., None],
) -> None:
    names = tuple(network.stations[i] for i in np.flatnonzero(which).tolist())
    if not names:
        return
    beside = "the rain or its neighbours" if course.subject.quantity == "flow" else "its neighbours"
    add(
        f"{course.subject.where}: {course.subject.name} seems to be dated a day too {has}, compared with {beside}, at "
        f"{counted(len(names), 'station')}: {listed(names)}; move its dates there by {days} day, or leave it out",
        details=names,
        exclusion=Exclusion(stations=names),
    )
