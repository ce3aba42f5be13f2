"""Stations that are not where they are said to be: ids or coordinates of two were exchanged."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from hydromae.base.distances import great_circle_km
from hydromae.check.exclusions import Exclusion
from hydromae.check.network import Course, Network, Rain, fits
from hydromae.check.report import CheckReport
from hydromae.check.responses import lagged_pairs, motion
from hydromae.check.subject import counted, listed

Gains = Float[np.ndarray, "station station"]

_RAIN_GAIN = 0.05  # of the correlation with the other's rain over that with its own; by nature .02 at most
_ALONE_GAIN = 0.12  # the same where the other is not exchanged in turn
_NEIGHBOURS = 5
_FAR_KM = 60.0  # nearer places cannot be told apart
# Of the similarity to the neighbours of the other place over that to those of its own; by nature 0 and .19 at most.
_PLACE_GAIN = {"rain": 0.05, "flow": 0.25}
_ALIKE = 0.5  # correlation with those around a place, for a station to belong there
_FEWEST = 12  # stations, for neighbours to tell


def exchanged(gains: Gains, least: float) -> list[tuple[int, int]]:
    """Pairs of stations that would both fit better at the other's place, by more than `least`, the clearest first.

    Args:
        gains: of station i at the place of station j over its own; NaN where it cannot be told.
        least: smallest gain of both.
    """
    both = np.nan_to_num(np.fmin(gains, gains.T), nan=-1)
    both[~np.isfinite(gains + gains.T)] = -1
    pairs: list[tuple[int, int]] = []
    one, other = np.nonzero(np.triu(both > least, 1))
    taken = set[int]()
    for place in np.argsort(-(gains + gains.T)[one, other], kind="stable").tolist():
        pair = int(one[place]), int(other[place])
        if not taken & set(pair):
            pairs.append(pair)
            taken |= set(pair)
    return pairs


def rain_gains(rain: Rain) -> Gains:
    """How much better each flow follows each other station's rain than its own."""
    return rain.fit - np.diagonal(rain.fit)[:, None]


def same_days_gain(
    flow: Course, rain: Rain, stations: Int[np.ndarray, "pair"], others: Int[np.ndarray, "pair"]
) -> Float[np.ndarray, "pair"]:
    """The gain of each station by the rain of another, on the days that both rains and the flow have; else NaN."""
    gains = np.full(len(stations), np.nan)
    for place, (station, other) in enumerate(zip(stations.tolist(), others.tolist(), strict=True)):
        if not rain.fit[station, other] - rain.fit[station, station] > _RAIN_GAIN:
            continue
        both = np.isfinite(rain.course.values[:, [station, other]]).all(axis=1)
        seen = flow.motion.known[:, station] > 0
        pair = motion(np.where(both[:, None], rain.course.values[:, [station, other]], np.nan), "rain")
        own = motion(np.where((both & seen)[:, None], flow.values[:, [station]], np.nan), "flow")
        fit = fits(own, pair)[0]
        gains[place] = fit[1] - fit[0]
    return gains


def place_gains(similar: Float[np.ndarray, "station station"], km: Float[np.ndarray, "station station"]) -> Gains:
    """How much more alike each station is to those around each other place than to those around its own.

    Args:
        similar: correlation of each two stations.
        km: distance between them; NaN where a place is unknown.

    Returns:
        the gain of station i at the place of station j: medians over the nearest five; NaN where it cannot be told.
    """
    apart = np.where(np.isfinite(km), km, np.inf)
    np.fill_diagonal(apart, np.inf)
    near = np.argsort(apart, axis=1, kind="stable")[:, : _NEIGHBOURS + 1]  # [place, neighbour]
    around = similar[:, near]  # [station, place, neighbour]
    itself = near[None] == np.arange(len(near))[:, None, None]
    around = np.where(itself, np.nan, around)
    # The sixth takes part only where the station itself is among the five.
    around[:, :, -1] = np.where(itself[:, :, :-1].any(axis=2), around[:, :, -1], np.nan)
    told = np.isfinite(around).sum(axis=2) >= 3
    level = np.full(told.shape, np.nan)
    level[told] = np.nanmedian(around[told], axis=1)
    gains: Gains = level - np.diagonal(level)[:, None]
    return np.where((km >= _FAR_KM) & (level > _ALIKE), gains, np.nan)


def judge_places(report: CheckReport, network: Network, flow: Course | None, rain: Rain | None) -> None:
    """Add the stations whose series, or coordinates, belong to another."""
    told = set[int]()
    if flow is not None and rain is not None and not rain.matched:
        told = _by_rain(report, network, flow, rain)
    own = network.series("rain")
    course = own[0] if own else flow
    km = great_circle_km(network.latitude, network.longitude, network.latitude, network.longitude)
    if course is None or len(network.stations) < _FEWEST or np.isfinite(network.latitude).sum() < _FEWEST:
        return
    quantity = course.subject.quantity
    gains = place_gains(lagged_pairs(course.motion, course.motion, 0), km)
    pairs = [p for p in exchanged(gains, _PLACE_GAIN[quantity]) if not told & set(p)]
    sure = quantity == "rain"
    _tell(
        report, network, course, pairs, "is like that around the other, and not like that around itself",
        "coordinates or ids", report.error if sure else report.warning,
    )  # fmt: skip


def _by_rain(report: CheckReport, network: Network, flow: Course, rain: Rain) -> set[int]:
    gains = rain_gains(rain)
    days = np.maximum(flow.motion.known.sum(axis=0), 1)
    noise = 4 / np.sqrt(days)  # of a correlation, so that a short record does not tell what it cannot
    least = _least(noise)
    # A short record may fit better by its days alone: what counts is the gain on the days that both rains have.
    best = np.argmax(np.nan_to_num(gains, nan=-1), axis=1)
    gain = same_days_gain(flow, rain, np.arange(len(best)), best)
    one, other = np.nonzero((gains > least) & (gains.T > least.T))
    mutual = np.full_like(gains, np.nan)
    mutual[one, other] = same_days_gain(flow, rain, one, other)
    pairs = exchanged(mutual, _RAIN_GAIN)
    _tell(
        report, network, flow, pairs, "follows the rain of the other and not its own", "ids", report.error
    )  # fmt: skip
    told = {station for pair in pairs for station in pair}
    alone = [i for i in np.flatnonzero(gain > np.maximum(_ALONE_GAIN, noise)).tolist() if i not in told]
    if alone:
        details = tuple(f"{network.stations[i]} (as that of {network.stations[int(best[i])]})" for i in alone)
        names = tuple(network.stations[i] for i in alone)
        report.error(
            f"{flow.subject.where}: {flow.subject.name} follows the rain of another station and not its own at "
            f"{counted(len(alone), 'station')}: {listed(details)}; correct the ids, or leave it out",
            details=details,
            exclusion=Exclusion(stations=names),
        )
    return told | set(alone)


def _least(noise: Float[np.ndarray, "station"]) -> Float[np.ndarray, "station 1"]:
    return np.maximum(_RAIN_GAIN, noise)[:, None]


def _tell(
    report: CheckReport,
    network: Network,
    course: Course,
    pairs: list[tuple[int, int]],
    fault: str,
    what: str,
    add: Callable[..., None],
) -> None:
    if not pairs:
        return
    details = tuple(f"{network.stations[one]} and {network.stations[other]}" for one, other in pairs)
    names = tuple(network.stations[i] for pair in pairs for i in pair)
    add(
        f"{course.subject.where}: {course.subject.name} of two stations {fault}, "
        f"{counted(len(details), 'time')}: {listed(details)}; exchange their {what}, or leave both out",
        details=details,
        exclusion=Exclusion(stations=names),
    )
