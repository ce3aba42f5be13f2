"""Finds one station under two ids."""

import numpy as np
from jaxtyping import Float

from hydromae.check.exclusions import Exclusion
from hydromae.check.network import Course, Network
from hydromae.check.report import CheckReport
from hydromae.check.responses import lagged_pairs
from hydromae.check.subject import counted, listed

_CANDIDATE = 0.98  # correlation of the rise of log flow from day to day
_COMMON, _VALUES = 100, 30  # days above 0 and different values that two stations must share to be compared
_EQUAL = 0.9  # of these days with the same value
_STEADY = 0.01  # deviation of the log of their ratio; two gauges of one river have 0.07 and more


def twins(values: Float[np.ndarray, "day station"], alike: np.ndarray) -> list[tuple[int, int, float]]:
    """(first, second, ratio) of stations with one flow: equal values (ratio 1) or values in a constant ratio."""
    pairs = []
    for first, second in zip(*np.nonzero(np.triu(np.nan_to_num(alike) > _CANDIDATE, 1)), strict=True):
        a, b = values[:, first], values[:, second]
        both = (a > 0) & (b > 0)
        a, b = a[both].astype(np.float64), b[both].astype(np.float64)
        if a.size < _COMMON or np.unique(a).size < _VALUES:
            continue
        low, middle, high = np.quantile(np.log(b / a), [0.1587, 0.5, 0.8413])
        if (a == b).mean() > _EQUAL:
            pairs.append((int(first), int(second), 1.0))
        elif (high - low) / 2 < _STEADY:
            pairs.append((int(first), int(second), float(np.exp(middle))))
    return pairs


def judge_twins(report: CheckReport, network: Network, flow: Course) -> None:
    """Add the stations that occur twice."""
    pairs = twins(flow.values, lagged_pairs(flow.motion, flow.motion, 0))
    if not pairs:
        return
    names = network.stations
    details = tuple(
        f"{names[second]} is {names[first]}" + ("" if ratio == 1 else f" times {ratio:.3g}")
        for first, second, ratio in pairs
    )
    surplus = tuple(dict.fromkeys(names[second] for _, second, _ in pairs))
    report.error(
        f"{flow.subject.where}: {flow.subject.name} of one station occurs under two ids, "
        f"{counted(len(details), 'time')}: {listed(details)}; keep one of them",
        details=details,
        exclusion=Exclusion(stations=surplus),
    )
