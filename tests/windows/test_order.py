from collections import Counter
from datetime import date
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hydromae.base.errors import ConfigError
from hydromae.config import DataConfig
from hydromae.store.store import Store
from hydromae.windows.order import BatchOrder, training_order, validation_order
from hydromae.windows.windows import WindowRequest
from support.sources import FIRST, LAST, World

SEEDS = st.integers(0, 2**31)


def batches(order: BatchOrder, epoch: int, first_batch: int = 0) -> list[WindowRequest]:
    order.epoch, order.first_batch = epoch, first_batch
    return list(order)


def simple(period: slice, length: int, stride: int, batch_size: int, seed: int | None) -> BatchOrder:
    return BatchOrder([period], {length: 1.0}, stride, batch_size, seed)


def all_starts(order: BatchOrder, epoch: int) -> list[int]:
    return [start for batch in batches(order, epoch) for start in batch.starts]


def day(number: int) -> date:
    return date.fromordinal(FIRST.toordinal() + number)


@st.composite
def periods(draw: st.DrawFn) -> tuple[slice, int, int, int, int | None]:
    days, first = draw(st.integers(1, 60)), draw(st.integers(0, 40))
    length, stride = draw(st.integers(1, days)), draw(st.integers(1, 70))
    seed = draw(st.one_of(st.none(), SEEDS))
    return slice(first, first + days), length, stride, draw(st.integers(1, 9)), seed


@st.composite
def mixtures(draw: st.DrawFn) -> dict[str, Any]:
    """Random runs, lengths that fit the longest of them, and events where every length fits."""
    runs, first = [], draw(st.integers(0, 9))
    for days, gap in draw(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 5)), min_size=1, max_size=5)):
        runs.append(slice(first, first + days))
        first += days + gap
    longest = max(runs, key=lambda run: run.stop - run.start)
    fitting = st.integers(1, longest.stop - longest.start)
    events = np.zeros(first, bool)
    events[longest] = True
    return {
        "runs": runs,
        "lengths": draw(st.dictionaries(fitting, st.floats(0.1, 5.0), min_size=1, max_size=4)),
        "stride": draw(st.integers(1, 30)),
        "batch_size": draw(st.integers(1, 9)),
        "seed": draw(SEEDS),
        "events": events,
        "event_share": draw(st.sampled_from([0.0, 0.3, 0.9])),
    }


@given(made=periods(), epoch=st.integers(0, 1000))
@settings(deadline=None)
def test_windows_never_cross_a_boundary_and_every_epoch_has_as_many(
    made: tuple[slice, int, int, int, int | None], epoch: int
) -> None:
    period, length, stride, batch_size, seed = made
    order = simple(*made)
    found = batches(order, epoch)
    assert len(found) == len(order) > 0
    starts = [start for batch in found for start in batch.starts]
    assert len(set(starts)) == len(starts) == order.n_windows
    assert min(starts) >= period.start and max(starts) + length <= period.stop
    assert all((start - starts[0]) % stride == 0 for start in starts)
    assert {batch.days for batch in found} == {length}
    assert {len(batch.starts) for batch in found[:-1]} <= {batch_size} and len(found[-1].starts) <= batch_size
    assert [batch.number for batch in found] == ([0] * len(found) if seed is None else list(range(len(found))))


@given(made=mixtures(), epoch=st.integers(0, 1000))
@settings(deadline=None)
def test_mixed_windows_lie_in_one_run_each_and_every_epoch_has_as_many(made: dict[str, Any], epoch: int) -> None:
    order = BatchOrder(**made)
    found = batches(order, epoch)
    assert len(found) == len(order) and sum(len(batch.starts) for batch in found) == order.n_windows
    assert {len(batch.starts) for batch in found[:-1]} <= {made["batch_size"]}
    for batch in found:
        assert batch.days in made["lengths"]
        for start in batch.starts:
            assert sum(run.start <= start and start + batch.days <= run.stop for run in made["runs"]) == 1


@given(made=mixtures(), epoch=st.integers(0, 1000), data=st.data())
@settings(deadline=None)
def test_skipping_batches_gives_exactly_the_rest(made: dict[str, Any], epoch: int, data: st.DataObject) -> None:
    order = BatchOrder(**made)
    skipped = data.draw(st.integers(0, len(order)))
    assert batches(order, epoch, skipped) == batches(order, epoch)[skipped:]


@given(days=st.integers(5, 30), stride=st.integers(1, 20), seed=SEEDS)
@settings(deadline=None, max_examples=3)
def test_every_day_of_the_period_begins_a_window_in_some_epoch(days: int, stride: int, seed: int) -> None:
    order = simple(slice(7, 7 + days), 5, stride, 8, seed)
    begun = {start for epoch in range(300) for start in all_starts(order, epoch)}
    assert begun == set(range(7, 7 + days - 4))


def test_each_epoch_has_a_new_offset_and_a_new_order() -> None:
    order = simple(slice(0, 140), 8, 14, 4, seed=0)
    epochs = [all_starts(order, epoch) for epoch in range(20)]
    assert len({min(starts) for starts in epochs}) > 5
    assert len({tuple(np.argsort(starts)) for starts in epochs}) > 15
    assert not any(starts == sorted(starts) for starts in epochs)


@given(seed=SEEDS, epoch=st.integers(0, 1000))
@settings(deadline=None, max_examples=20)
def test_the_order_follows_from_seed_and_epoch_alone(seed: int, epoch: int) -> None:
    used, fresh = (BatchOrder([slice(0, 140)], {8: 1.0, 20: 2.0}, 14, 2, seed) for _ in range(2))
    for earlier in range(3):
        batches(used, earlier, first_batch=1)
    torch.manual_seed(epoch)
    assert batches(used, epoch) == batches(fresh, epoch)
    assert batches(BatchOrder([slice(0, 140)], {8: 1.0, 20: 2.0}, 14, 2, seed + 1), epoch) != batches(fresh, epoch)


def test_the_order_of_one_length_is_this_one_on_every_machine() -> None:
    found = batches(simple(slice(7, 147), 8, 14, 4, seed=11), 3)
    assert [list(batch.starts) for batch in found] == [[97, 41, 83, 139], [55, 125, 69, 111], [27]]


def test_without_a_seed_windows_follow_each_other_in_order_in_every_run() -> None:
    order = BatchOrder([slice(140, 160), slice(163, 169), slice(170, 200)], {8: 1.0}, 8, 4, seed=None)
    assert all_starts(order, 3) == [140, 148, 170, 178, 186]


def test_a_period_shorter_than_a_window_is_refused_with_its_length() -> None:
    with pytest.raises(ConfigError, match=r"window of 8 days does not fit a period of 7 days; shorten data\.window"):
        simple(slice(10, 17), 8, 1, 4, seed=0)
    with pytest.raises(ConfigError, match=r"window of 8 days .* longest span without an excluded day, 7 days"):
        BatchOrder([slice(10, 17), slice(18, 20)], {8: 1.0}, 1, 4, seed=None)


def test_lengths_are_drawn_by_their_weights_one_a_batch() -> None:
    order = BatchOrder([slice(0, 200)], {1: 1.0, 15: 3.0, 180: 4.0, 60: 0.0}, 2, 5, seed=3)
    drawn = Counter(batch.days for epoch in range(60) for batch in batches(order, epoch))
    assert drawn.keys() == {1, 15, 180}
    total = sum(drawn.values())
    assert [drawn[days] / total for days in (1, 15, 180)] == pytest.approx([1 / 8, 3 / 8, 1 / 2], abs=0.03)


@pytest.mark.slow
def test_all_starts_of_every_length_are_equally_likely_where_lengths_are_mixed() -> None:
    # 38, 32 and 2 possible starts; the second run is too short for the longest.
    order = BatchOrder([slice(5, 31), slice(33, 51)], {4: 1.0, 7: 1.0, 25: 0.2}, 2, 3, seed=1)
    drawn: dict[int, Counter[int]] = {4: Counter(), 7: Counter(), 25: Counter()}
    for epoch in range(600):
        for batch in batches(order, epoch):
            drawn[batch.days].update(batch.starts)
    expected = {4: [*range(5, 28), *range(33, 48)], 7: [*range(5, 25), *range(33, 45)], 25: [5, 6]}
    for days, starts in expected.items():
        counts = np.array([drawn[days][start] for start in starts])
        assert drawn[days].keys() == set(starts)
        assert abs(counts / counts.mean() - 1).max() < 0.35, days


def config(world: World, **keys: object) -> DataConfig:
    return DataConfig.model_validate({**world.raw["data"], "window": 8, "stride": 5, **keys})


def days_seen(order: BatchOrder, epochs: int) -> set[int]:
    return {
        seen
        for epoch in range(epochs)
        for batch in batches(order, epoch)
        for start in batch.starts
        for seen in range(start, start + batch.days)
    }


def test_no_window_holds_an_excluded_day_and_every_other_is_seen(prepared: tuple[World, Store]) -> None:
    world, store = prepared
    exclude = [str(day(0)), [str(day(40)), str(day(44))], [str(day(139)), str(day(141))], str(day(160)), "1990-01-01"]
    data = config(world, exclude_dates=exclude, window_mix={3: 1.0, 12: 1.0})
    assert days_seen(training_order(data, store, 4, seed=0), 100) == {*range(1, 40), *range(45, 139)}
    # In order, windows of 8 days begin after each gap anew.
    assert days_seen(validation_order(data, store, "val", 4), 1) == {*range(142, 158), *range(161, 193)}


def test_a_period_with_every_day_excluded_is_refused(prepared: tuple[World, Store]) -> None:
    world, store = prepared
    data = config(world, exclude_dates=[["1999-01-01", str(day(139))]])
    with pytest.raises(ConfigError, match=rf"data.exclude_dates holds every day from {FIRST} to {day(139)}"):
        training_order(data, store, 4, seed=0)
    assert days_seen(validation_order(data, store, "val", 4), 1) == set(range(140, 196))
    with pytest.raises(ConfigError, match=f"holds every day from {day(140)} to {LAST}"):
        validation_order(config(world, exclude_dates=[[str(day(140)), str(LAST)]]), store, "val", 4)


EVENTS = np.zeros(400, bool)
EVENTS[[60, 61, 200, 330]] = True


def holds_event(batch: WindowRequest) -> list[bool]:
    return [bool(EVENTS[start : start + batch.days].any()) for start in batch.starts]


def with_events(share: float, lengths: dict[int, float]) -> BatchOrder:
    return BatchOrder([slice(10, 150), slice(160, 390)], lengths, 4, 8, 5, EVENTS, share)


@pytest.mark.parametrize("share", [0.25, 0.9])
def test_the_share_of_windows_that_hold_an_event_rises_as_asked(share: float) -> None:
    order, plain = with_events(share, {5: 1.0, 10: 1.0}), with_events(0.0, {5: 1.0, 10: 1.0})
    found, by_chance = (
        [held for epoch in range(15) for batch in batches(o, epoch) for held in holds_event(batch)]
        for o in (order, plain)
    )
    assert len(found) == len(by_chance) and len(order) == len(plain)
    chance = np.mean(by_chance)
    assert 0 < chance < 0.15
    assert np.mean(found) == pytest.approx(share + (1 - share) * chance, abs=0.03)
    moved = [
        sum(a != b for one, other in zip(batches(order, e), batches(plain, e), strict=True)
            for a, b in zip(one.starts, other.starts, strict=True))
        for e in range(10)
    ]  # fmt: skip
    assert max(moved) <= round(share * order.n_windows) <= max(moved) + 5  # some are moved to where they were


def test_without_a_share_of_events_the_order_is_what_it_is_without_events() -> None:
    without = BatchOrder([slice(10, 150), slice(160, 390)], {5: 1.0, 10: 1.0}, 4, 8, 5)
    assert all(batches(with_events(0.0, {5: 1.0, 10: 1.0}), e) == batches(without, e) for e in range(5))


def test_an_event_lies_anywhere_in_its_window_and_every_event_is_drawn() -> None:
    order = with_events(0.9, {10: 1.0})
    places: Counter[int] = Counter()
    seen: Counter[int] = Counter()
    for epoch in range(60):
        for batch in batches(order, epoch):
            for start in batch.starts:
                if start <= 330 < start + 10:
                    places[330 - start] += 1
                seen.update(event for event in (60, 61, 200, 330) if start <= event < start + 10)
    assert places.keys() == set(range(10)) and max(places.values()) < 2 * min(places.values())
    assert seen.keys() == {60, 61, 200, 330}


def test_events_that_no_window_can_hold_are_refused() -> None:
    events = np.zeros(400, bool)
    events[[3, 155]] = True
    with pytest.raises(ConfigError, match=r"data\.event_share: no window of 10 days can hold a flood day"):
        BatchOrder([slice(10, 150), slice(160, 390)], {10: 1.0}, 4, 8, 5, events, 0.5)


@pytest.mark.parametrize("window", [1, 2, 17, 60, 140])
def test_windows_of_any_length_that_the_period_holds_are_possible(prepared: tuple[World, Store], window: int) -> None:
    world, store = prepared
    order = training_order(config(world, window=window), store, 4, seed=0)
    assert all(0 <= start <= 140 - window for start in all_starts(order, 1)) and len(order) > 0
