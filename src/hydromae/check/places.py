"""Finds stations whose ids or coordinates were exchanged with those of another."""

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
_SINGLE_GAIN = 0.12  # the same gain where the other station is not exchanged in turn
_NEIGHBOURS = 5
_FAR_KM = 60.0  # nearer places cannot be distinguished
# Of the similarity to the neighbours of the other place over that to those of its own; by nature 0 and .19 at most.
_PLACE_GAIN = {"rain": 0.05, "flow": 0.25}
_ALIKE = 0.5  # correlation with those around a place, for a station to belong there
_FEWEST = 12  # stations that neighbours need to be compared with


def exchanged(gains: Gains, least: float) -> list[tuple[int, int]]:
    """Pairs of stations that would both fit better at the other's place, by more than `least`, the clearest first.

    Args:
        gains: of station i at the place of station j over its own; NaN where it is unknown.
        least: smallest gain of both.
    """
    both = np.nan_to_num(np.fmin(gains, gains.T), nan=-1)
    both[~np.isfinite(gains + gains.T)] = -1
    pairs: list[tuple[int, int]] = []
    first, second = np.nonzero(np.triu(both > least, 1))
    taken = set[int]()
    for place in np.argsort(-(gains + gains.T)[first, second], kind="stable").tolist():
        pair = int(first[place]), int(second[place])
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
        seen = flow.motion.observed[:, station] > 0
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
        the gain of station i at the place of station j: medians over the nearest five; NaN where it is unknown.
    """
    apart = np.where(np.isfinite(km), km, np.inf)
    np.fill_diagonal(apart, np.inf)
    near = np.argsort(apart, axis=1, kind="stable")[:, : _NEIGHBOURS + 1]  # [place, neighbour]
    around = similar[:, near]  # [station, place, neighbour]
    itself = near[None] == np.arange(len(near))[:, None, None]
    around = np.where(itself, np.nan, around)
    # The sixth takes part only where the station itself is among the five.
    around[:, :, -1] = np.where(itself[:, :, :-1].any(axis=2), around[:, :, -1], np.nan)
    enough = np.isfinite(around).sum(axis=2) >= 3
    level = np.full(enough.shape, np.nan)
    level[enough] = np.nanmedian(around[enough], axis=1)
    gains: Gains = level - np.diagonal(level)[:, None]
    return np.where((km >= _FAR_KM) & (level > _ALIKE), gains, np.nan)


def judge_places(report: CheckReport, network: Network, flow: Course | None, rain: Rain | None) -> None:
    """Add the stations whose series, or coordinates, belong to another."""
    reported = set[int]()
    if flow is not None and rain is not None and not rain.matched:
        reported = _by_rain(report, network, flow, rain)
    own = network.series("rain")
    course = own[0] if own else flow
    km = great_circle_km(network.latitude, network.longitude, network.latitude, network.longitude)
    if course is None or len(network.stations) < _FEWEST or np.isfinite(network.latitude).sum() < _FEWEST:
        return
    quantity = course.subject.quantity
    gains = place_gains(lagged_pairs(course.motion, course.motion, 0), km)
    pairs = [p for p in exchanged(gains, _PLACE_GAIN[quantity]) if not reported & set(p)]
    sure = quantity == "rain"
    _tell(
        report, network, course, pairs, "is like that around the other, and not like that around itself",
        "coordinates or ids", report.error if sure else report.warning,
    )  # fmt: skip


def _by_rain(report: CheckReport, network: Network, flow: Course, rain: Rain) -> set[int]:
    gains = rain_gains(rain)
    days = np.maximum(flow.motion.observed.sum(axis=0), 1)
    noise = 4 / np.sqrt(days)  # of a correlation, so that a short record proves nothing by chance
    least = _least(noise)
    # A short record may fit better just by its days: what counts is the gain on the days that both rains have.
    best = np.argmax(np.nan_to_num(gains, nan=-1), axis=1)
    gain = same_days_gain(flow, rain, np.arange(len(best)), best)
    first, second = np.nonzero((gains > least) & (gains.T > least.T))
    mutual = np.full_like(gains, np.nan)
    mutual[first, second] = same_days_gain(flow, rain, first, second)
    pairs = exchanged(mutual, _RAIN_GAIN)
    _tell(
        report, network, flow, pairs, "follows the rain of the other and not its own", "ids", report.error
    )  # fmt: skip
    in_pairs = {station for pair in pairs for station in pair}
    single = [i for i in np.flatnonzero(gain > np.maximum(_SINGLE_GAIN, noise)).tolist() if i not in in_pairs]
    if single:
        details = tuple(f"{network.stations[i]} (as that of {network.stations[int(best[i])]})" for i in single)
        names = tuple(network.stations[i] for i in single)
        report.error(
            f"{flow.subject.where}: {flow.subject.name} follows the rain of another station and not its own at "
            f"{counted(len(single), 'station')}: {listed(details)}; correct the ids, or leave it out",
            details=details,
            exclusion=Exclusion(stations=names),
        )
    return in_pairs | set(single)


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
    details = tuple(f"{network.stations[first]} and {network.stations[second]}" for first, second in pairs)
    names = tuple(network.stations[i] for pair in pairs for i in pair)
    add(
        f"{course.subject.where}: {course.subject.name} of two stations {fault}, "
        f"{counted(len(details), 'time')}: {listed(details)}; exchange their {what}, or leave both out",
        details=details,
        exclusion=Exclusion(stations=names),
    )
