"""From the steps of a weather forecast to days: which maps, with which factors, make the value of one day."""

from collections import deque
from collections.abc import Collection
from itertools import pairwise
from typing import Final

Span = tuple[float, float]  # hours from the beginning of the run
Terms = list[tuple[Span, float]]  # what is read, and the factor that it is added up with

_DAY: Final = 24.0
_LONGEST_GAP: Final = 12.0  # hours between instants, so that a mean has noon as well as midnight


def sum_terms(spans: Collection[Span], begin: float) -> Terms | None:
    """The fewest accumulations that, added or subtracted, are the sum of the 24 hours from `begin`.

    Where they begin with the run, that is the one up to the end of the day less the one up to its beginning; where they
    are pieces, it is all pieces of the day; mixtures are found, too.

    Args:
        spans: beginning and end of what each covers.
        begin: of the day.

    Returns:
        None where they do not make up the day.
    """
    ways: dict[float, list[tuple[float, Span, float]]] = {}
    for start, end in spans:
        if end > start:
            ways.setdefault(start, []).append((end, (start, end), 1.0))
            ways.setdefault(end, []).append((start, (start, end), -1.0))
    came: dict[float, tuple[float, Span, float]] = {}
    queue, last = deque([begin]), begin + _DAY
    while queue and last not in came:
        at = queue.popleft()
        for to, span, factor in ways.get(at, ()):
            if to not in came and to != begin:
                came[to] = (at, span, factor)
                queue.append(to)
    if last not in came:
        return None
    terms: Terms = []
    at = last
    while at != begin:
        at, span, factor = came[at]
        terms.append((span, factor))
    return terms[::-1]


def mean_terms(spans: Collection[Span], begin: float) -> Terms | None:
    """The same of means over spans: their mean over the 24 hours from `begin`, each weighed by its hours."""
    terms = sum_terms(spans, begin)
    return terms and [((start, end), factor * (end - start) / _DAY) for (start, end), factor in terms]


def instant_terms(spans: Collection[Span], begin: float) -> Terms | None:
    """The same of instants: the mean of what lies linearly between them, which need to be 12 hours apart at most.

    Returns:
        None where there is none at the beginning or the end of the day, or they are farther apart.
    """
    hours = sorted({end for _, end in spans if begin <= end <= begin + _DAY})
    if not hours or hours[0] != begin or hours[-1] != begin + _DAY:
        return None
    weights = dict.fromkeys(hours, 0.0)
    for one, other in pairwise(hours):
        if other - one > _LONGEST_GAP:
            return None
        weights[one] += (other - one) / 2 / _DAY
        weights[other] += (other - one) / 2 / _DAY
    return [((hour, hour), weight) for hour, weight in weights.items()]
