"""Which source to take for each modality, and why not the others."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from hydromae.config import PRESETS, Period
from hydromae.init.groups import Group
from hydromae.init.variables import rank

_MUCH_SHORTER = 0.5

AreaKnown = Callable[[Group], bool]
Others = list[tuple[Group, str]]


@dataclass(frozen=True)
class Chosen:
    """The sources taken, by modality; the others, each with the reason; the days common to all sources taken."""

    taken: dict[str, Group]
    others: tuple[tuple[Group, str], ...]
    common: Period


def choose(groups: list[Group], area_known: AreaKnown) -> Chosen | None:
    """Take one source for each modality; None if no source is recognised as one.

    Series: the most station-days, daily means before extremes. Grids: the shape that gives the most modalities
    and days. A grid goes before a series of the same modality, unless it would cut the period to less than half.

    Other series of the modality in the same units are joined if they add stations: they become its `more`, the one
    with the most first.

    Args:
        groups: the sources.
        area_known: whether a table holds the catchment areas of a series' stations, which a flow in m3/s needs.
    """
    others: Others = [(group, group.variable.reason) for group in groups if group.variable.role is None]
    with_role = [group for group in groups if group.variable.role is not None]
    series = _best([group for group in with_role if group.kind == "series"], None, area_known, others)
    grids = _grids([group for group in with_role if group.kind == "grid"], _common(series), area_known, others)
    for role in grids.keys() & series.keys():
        reason = f"{grids[role].where} is taken for {grids[role].variable.meaning}: a grid holds more"
        others += [(group, reason) for group in _apart(series[role])]
    taken = {**series, **grids}
    if not taken:
        return None
    while (common := _common(taken)) is None:
        role = min(taken, key=lambda name: (taken[name].amount(), name))
        reason = "has no day in common with the others, which hold more"
        others += [(group, reason) for group in _apart(taken.pop(role))]
    order = [*PRESETS, *taken]
    taken = dict(sorted(taken.items(), key=lambda item: order.index(item[0])))
    others.sort(key=lambda other: (other[0].variable.role or "~", other[0].where))
    return Chosen(taken, tuple(others), common)


def _apart(group: Group) -> tuple[Group, ...]:
    return (replace(group, more=()), *group.more)


def _common(groups: dict[str, Group]) -> Period | None:
    """The days from the latest first to the earliest last; None where there are none."""
    if not groups:
        return None
    first, last = max(group.first for group in groups.values()), min(group.last for group in groups.values())
    return (first, last) if first <= last else None


def _best(groups: list[Group], span: Period | None, area_known: AreaKnown, others: Others) -> dict[str, Group]:
    """The best of each role; the rest goes to `others` with the reason."""
    best: dict[str, Group] = {}
    for role in dict.fromkeys(str(group.variable.role) for group in groups):

        def order(group: Group, role: str = role) -> tuple[object, ...]:
            extreme, place = rank(role, " ".join(group.pieces[0].names))
            fits = role != "riverflow" or (group.variable.units == "m3/s") == area_known(group)
            return (extreme, -group.amount(span), not fits, place, group.where)

        first, *rest = sorted((group for group in groups if group.variable.role == role), key=order)
        best[role], rest = _joined(first, rest)
        others += [(group, _why_not(group, first)) for group in rest]
    return best


def _joined(first: Group, rest: list[Group]) -> tuple[Group, list[Group]]:
    """The source taken, with those joined to it because they add stations; and the sources that are left."""
    keys, left = set(first.keys), []
    for group in rest:
        fits = group.kind == "series" and group.variable.units == first.variable.units and group.amount(first.span) > 0
        if fits and not _is_extreme(group) and group.keys - keys:
            first = replace(first, more=(*first.more, group))
            keys |= group.keys
        else:
            left.append(group)
    return first, left


def _is_extreme(group: Group) -> bool:
    return rank(str(group.variable.role), group.pieces[0].variable or "")[0]


def _why_not(group: Group, taken: Group) -> str:
    start = f"{taken.where} is taken for {taken.variable.meaning}"
    if _is_extreme(group):
        return f"a daily extreme; {start}"
    if group.amount() < taken.amount():
        return f"{start}: it holds more ({taken.extent})"
    if group.variable.units != taken.variable.units:
        return f"{start}: it is in {taken.variable.units}"
    return f"{start}: it holds as much, and its name is plainer"


def _grids(groups: list[Group], span: Period | None, area_known: AreaKnown, others: Others) -> dict[str, Group]:
    """The grids of the shape that gives the most modalities and days; none if that halves the series' days."""
    shapes = dict.fromkeys(group.shape for group in groups)
    of_shape = {shape: [group for group in groups if group.shape == shape] for shape in shapes}
    best = {shape: _best(alike, span, area_known, []) for shape, alike in of_shape.items()}
    if not best:
        return {}
    amount = {shape: sum(group.amount(span) for group in by_role.values()) for shape, by_role in best.items()}
    shape = max(best, key=lambda size: (len(best[size]), amount[size], size or (0, 0)))
    cells = f"{shape[0]} x {shape[1]}" if shape else ""
    others += [
        (group, f"its cells are not those of the grids taken ({cells}), which hold more modalities or days")
        for group in groups
        if group.shape != shape
    ]
    alike = of_shape[shape]
    if span is not None:
        whole, both = (span[1] - span[0]).days + 1, _common(best[shape])
        kept = 0 if both is None else (min(span[1], both[1]) - max(span[0], both[0])).days + 1
        if kept < _MUCH_SHORTER * whole:
            reason = f"with the grids {max(kept, 0)} instead of the {whole} days of the series were in common"
            others += [(group, reason) for group in alike]
            return {}
    return _best(alike, span, area_known, others)
