"""Whether the days to be scored are days that a run was trained on."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np

from hydromae.base.errors import ConfigError
from hydromae.base.station_ids import places_among
from hydromae.config import Period
from hydromae.evaluation.overlap import Overlap
from hydromae.runs.pretrained import read_trained_on
from hydromae.runs.seen import Seen, ever_seen
from hydromae.store.store import Store

REMEDY: Final = (
    "score other days (--split, --data), or go on with --allow-overlap (allow_overlap=True), which marks every row"
)


def overlap_with_training(
    runs: Iterable[str | Path], store: Store, scored: slice, what: str, allowed: bool = False, remedy: str = REMEDY
) -> Overlap | None:
    """The scored days that any run, or a run that it started from, was trained on; None if there are none.

    A training on other stations, none of which is in the data, counts only where there are grids, which are alike
    everywhere.

    Args:
        runs: run directories.
        store: the data; days that it declares wrong are not scored.
        scored: positions of the scored days.
        what: the scored days in words, as "its test period".
        allowed: whether such days may be scored.
        remedy: what to do instead, for the error.

    Raises:
        ConfigError: there are such days, and they may not be scored.
        RunError: a run holds no model.
    """
    usable = np.zeros(store.n_days, bool)
    usable[scored] = store.usable[scored]
    trained_on = np.zeros(store.n_days, bool)
    culprits: list[tuple[str, Seen]] = []
    for run in dict.fromkeys(map(str, runs)):
        for seen in ever_seen(run, read_trained_on(run)):
            if _elsewhere(store, seen):
                continue
            taught = usable & _inside(store, seen.period)
            if taught.any():
                trained_on |= taught
                culprits.append((run, seen))
    if not culprits:
        return None
    words = "; ".join(dict.fromkeys(_said(run, seen) for run, seen in culprits))
    days, total = (int(np.count_nonzero(chosen)) for chosen in (trained_on, usable))
    note = f"{days} of the {total} scored days ({_from_to(store, trained_on)}) were trained on: {words}"
    if not allowed:
        raise ConfigError(
            f"{store.path}: {what} would be scored, {_from_to(store, usable)}, but {days} of its {total} days were "
            f"trained on: {words}; {remedy}"
        )
    return Overlap(days, note)


def _elsewhere(store: Store, seen: Seen) -> bool:
    """Whether the data are series of stations only, and the training had others only."""
    if len(store.valid_patches) or not store.station_ids or not seen.stations:
        return False
    return bool((places_among(store.station_ids, seen.stations) < 0).all())


def _inside(store: Store, period: Period) -> np.ndarray:
    first, last = (np.datetime64(day, "D") for day in period)
    return np.asarray((store.days >= first) & (store.days <= last))


def _from_to(store: Store, days: np.ndarray) -> str:
    chosen = store.days[days]
    return f"{chosen[0]} to {chosen[-1]}"


def _said(run: str, seen: Seen) -> str:
    period = f"on {seen.period[0]} to {seen.period[1]}"
    return (
        f"{run} was trained {period}"
        if seen.run == run
        else f"{run} started from {seen.run}, which was trained {period}"
    )
