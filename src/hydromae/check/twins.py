"""One gauge under two ids."""

import numpy as np
from jaxtyping import Float

from hydromae.check.exclusions import Exclusion
from hydromae.check.network import Course, Network
from hydromae.check.report import CheckReport
from hydromae.check.responses import lagged_pairs
from hydromae.check.subject import counted, listed

_CANDIDATE = 0.98  # correlation of the rise of log flow from day to day
_COMMON, _VALUES = 100, 30  # days above 0 and different values that two must share to be held against each other
_EQUAL = 0.9  # of these days with the same value
_STEADY = 0.01  # deviation of the log of their ratio; two gauges of one river have 0.07 and more


def twins(values: Float[np.ndarray, "day station"], alike: np.ndarray) -> list[tuple[int, int, float]]:
    """(one, other, ratio) of stations of one flow: the same values, or values in one ratio; ratio 1 for the same."""
    found = []
    for one, other in zip(*np.nonzero(np.triu(np.nan_to_num(alike) > _CANDIDATE, 1)), strict=True):
        a, b = values[:, one], values[:, other]
        both = (a > 0) & (b > 0)
        a, b = a[both].astype(np.float64), b[both].astype(np.float64)
        if a.size < _COMMON or np.unique(a).size < _VALUES:
            continue
        low, middle, high = np.quantile(np.log(b / a), [0.1587, 0.5, 0.8413])
        if (a == b).mean() > _EQUAL:
            found.append((int(one), int(other), 1.0))
        elif (high - low) / 2 < _STEADY:
            found.append((int(one), int(other), float(np.exp(middle))))
    return found


def judge_twins(report: CheckReport, network: Network, flow: Course) -> None:
    """Add the stations that are there twice."""
    found = twins(flow.values, lagged_pairs(flow.motion, flow.motion, 0))
    if not found:
        return
    names = network.stations
    details = tuple(
        f"{names[other]} is {names[one]}" + ("" if ratio == 1 else f" times {ratio:.3g}") for one, other, ratio in found
    )
    surplus = tuple(dict.fromkeys(names[other] for _, other, _ in found))
    report.error(
        f"{flow.subject.where}: {flow.subject.name} of one station is there under two ids, "
        f"{counted(len(details), 'time')}: {listed(details)}; keep one of them",
        details=details,
        exclusion=Exclusion(stations=surplus),
    )
