"""Which source to take for each variable, and why not the others."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from hydromae.config import PRESETS, Period
from hydromae.init.groups import Group
from hydromae.init.words import MEANING, rank

_MUCH_SHORTER = 0.5


@dataclass(frozen=True)
class Chosen:
    """The sources taken, by modality; the others, each with the reason; the days that all taken ones span."""

    taken: dict[str, Group]
    reasons: dict[str, str]
    others: tuple[tuple[Group, str], ...]
    common: Period


def choose(groups: list[Group], area_known: Callable[[Group], bool]) -> Chosen | None:
    """Take one source for each variable; None if there is none whose variable is known.

    Series: the most station-days, daily means before extremes. Grids: of one shape, the one that gives the most
    variables and days. A grid goes before series of the same variable, unless grids that add no variable would cut
    the period to less than half.

    Other series of a variable, in the same units, that have stations which the one taken lacks are joined to it: they
    are its `more`, the one with the most first.

    Args:
        groups: the sources.
        area_known: whether a table holds the catchment areas of a series' stations, which a flow in m3/s needs.
    """
    others: list[tuple[Group, str]] = [(group, group.guess.reason) for group in groups if group.guess.role is None]
    known = [group for group in groups if group.guess.role is not None]
    series = _best([group for group in known if group.kind == "series"], None, area_known, others)
    span = _common(list(series.values()))
    grids = _one_shape([group for group in known if group.kind == "grid"], span, area_known, others)
    taken = _of_both(grids, series, span, others)
    if not taken:
        return None
    while (common := _common(list(taken.values()))) is None:
        role = min(taken, key=lambda one: (_weight(taken[one]), one))
        gone = taken.pop(role)
        reason = "has no day in common with the others, which hold more"
        others += [(group, reason) for group in (replace(gone, more=()), *gone.more)]
    reasons = {}
    for role, group in taken.items():
        rivals = sum(other.guess.role == role for other, _ in others)
        reasons[role] = group.guess.reason + (f"; {rivals} other sources below" if rivals > 1 else "")
        reasons[role] += "; 1 other source below" if rivals == 1 else ""
    order = [*PRESETS, *taken]
    taken = dict(sorted(taken.items(), key=lambda item: order.index(item[0])))
    others.sort(key=lambda other: (other[0].guess.role or "~", other[0].where))
    return Chosen(taken, reasons, tuple(others), common)


def _weight(group: Group) -> int:
    return group.n_days * (group.n_stations or 1)


def _common(groups: list[Group]) -> Period | None:
    """The days from the latest first to the earliest last; None where there are none."""
    if not groups:
        return None
    first, last = max(group.first for group in groups), min(group.last for group in groups)
    return (first, last) if first <= last else None


def _best(
    groups: list[Group], span: Period | None, area_known: Callable[[Group], bool], others: list[tuple[Group, str]]
) -> dict[str, Group]:
    """The best of each role; the rest goes to `others` with the reason."""
    best: dict[str, Group] = {}
    for role in dict.fromkeys(group.guess.role for group in groups):
        assert role is not None

        def order(group: Group, role: str = role) -> tuple[object, ...]:
            extreme, place = rank(role, " ".join(group.pieces[0].names))
            amount = group.days_in(span) * (group.n_stations or 1)
            fits = role != "riverflow" or (group.guess.units == "m3/s") == area_known(group)
            return (extreme, -amount, not fits, place, group.where)

        first, *rest = sorted((group for group in groups if group.guess.role == role), key=order)
        best[role], rest = _joined(first, rest)
        for group in rest:
            others.append((group, _why_not(group, first, area_known(first))))
    return best


def _joined(first: Group, rest: list[Group]) -> tuple[Group, list[Group]]:
    """The source taken with those that have stations which the ones before lack, and those that are left."""
    known, left = set(first.keys), []
    for group in rest:
        fits = group.kind == "series" and group.guess.units == first.guess.units and group.days_in(_span(first)) > 0
        plain = not rank(str(group.guess.role), group.variable or "")[0]
        if fits and plain and group.keys - known:
            first = replace(first, more=(*first.more, group))
            known |= group.keys
        else:
            left.append(group)
    return first, left


def _span(group: Group) -> Period:
    return group.first, group.last


def _why_not(group: Group, taken: Group, area_known: bool) -> str:
    meaning = MEANING[str(group.guess.role)]
    if rank(str(group.guess.role), group.variable or "")[0]:
        return f"a daily extreme; {taken.where} is taken for {meaning}"
    if _weight(group) < _weight(taken):
        return f"{taken.where} is taken for {meaning}: it holds more ({taken.extent})"
    if group.guess.units != taken.guess.units and group.guess.role == "riverflow":
        why = "the areas of the catchments are known" if area_known else "no areas of the catchments are known"
        return f"{taken.where} is taken for {meaning}: it is in {taken.guess.units}, and {why}"
    return f"{taken.where} is taken for {meaning}: it holds as much, and its name is the plainer one"


def _one_shape(
    groups: list[Group], span: Period | None, area_known: Callable[[Group], bool], others: list[tuple[Group, str]]
) -> dict[str, Group]:
    near = []
    for group in groups:
        if group.days_in(span):
            near.append(group)
        else:
            assert span is not None
            others.append((group, f"has no day in common with the series ({span[0]} to {span[1]})"))
    if not near:
        return {}
    best = {shape: _best([g for g in near if g.shape == shape], span, area_known, []) for shape in _shapes(near)}

    def worth(shape: tuple[int, int]) -> tuple[int, int, int]:
        return len(best[shape]), sum(group.days_in(span) for group in best[shape].values()), shape[0] * shape[1]

    shape = max(best, key=worth)
    for group in near:
        if group.shape != shape:
            others.append(
                (
                    group,
                    f"its cells are not those of the grids taken ({shape[0]} x {shape[1]}), which hold more variables "
                    f"or days; to use it too, give it a name and a rule of regrid",
                )
            )
    return _best([group for group in near if group.shape == shape], span, area_known, others)


def _shapes(groups: list[Group]) -> list[tuple[int, int]]:
    return list(dict.fromkeys(group.shape for group in groups if group.shape is not None))


def _of_both(
    grids: dict[str, Group], series: dict[str, Group], span: Period | None, others: list[tuple[Group, str]]
) -> dict[str, Group]:
    """Grids before series of the same variable, unless they add no variable and would cut the period too much."""
    with_grids = _common([*grids.values(), *series.values()])
    if grids and series and grids.keys() <= series.keys() and span is not None:
        whole = (span[1] - span[0]).days + 1
        kept = (with_grids[1] - with_grids[0]).days + 1 if with_grids else 0
        if kept < _MUCH_SHORTER * whole:
            reason = (
                f"the series hold this variable too, and with the grid {kept} instead of {whole} days were in common"
            )
            others += [(group, reason) for group in grids.values()]
            return dict(series)
    for role in grids.keys() & series.keys():
        reason = f"{grids[role].where} is taken for {MEANING[role]}: a grid tells more"
        others += [(group, reason) for group in (replace(series[role], more=()), *series[role].more)]
    return {**series, **grids}
