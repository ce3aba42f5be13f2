import multiprocessing
import os
import pickle
import signal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hydromae.data.store import Store
from hydromae.data.tokens import TokenShape
from hydromae.data.windows import BatchOrder, WindowReader, Windows, make_loader
from hydromae.errors import ConfigError

# Series tokens of 3 stations over 2 days: the last group and, in odd windows, the last span are partial.
SHAPES = {
    "precip": TokenShape("grid", 25, 1, 4),
    "soil": TokenShape("grid", 25, 1, 4),
    "evap": TokenShape("series", 3, 2, 4),
    "riverflow": TokenShape("series", 3, 2, 4),
}
SEEDS = st.integers(0, 2**31)


@pytest.fixture
def reader(prepared) -> WindowReader:
    return WindowReader(prepared[1], SHAPES)


def batches(order: BatchOrder, epoch: int, first_batch: int = 0) -> list[tuple[list[int], int]]:
    order.epoch, order.first_batch = epoch, first_batch
    return list(order)


@st.composite
def orders(draw: st.DrawFn) -> BatchOrder:
    days, first = draw(st.integers(1, 60)), draw(st.integers(0, 40))
    length, stride = draw(st.integers(1, days)), draw(st.integers(1, 70))
    seed = draw(st.one_of(st.none(), SEEDS))
    return BatchOrder(slice(first, first + days), length, stride, draw(st.integers(1, 9)), seed)


def test_windows_are_the_stores_values_bit_for_bit(prepared: tuple[object, Store], reader: WindowReader) -> None:
    store, starts = prepared[1], [191, 0, 57]
    windows = reader.read(starts, 9)
    assert windows.starts.tolist() == starts
    for name in SHAPES:
        expected = np.stack([store.values(name)[s : s + 9] for s in starts])
        assert windows.values[name].shape == expected.shape
        assert windows.values[name].numpy().tobytes() == expected.tobytes()


def test_available_counts_the_tokens_that_hold_any_value(reader: WindowReader) -> None:
    windows = reader.read([3, 0, 100], 9)
    for name, shape in SHAPES.items():
        for values, found in zip(windows.values[name].numpy(), windows.available[name], strict=True):
            seen = ~np.isnan(values)  # [9, patches, cells] or [9, stations]
            if shape.kind == "grid":
                assert found == seen.any(-1).sum()
            else:
                spans = [range(day, min(day + 2, 9)) for day in range(0, 9, 2)]
                assert found == sum(seen[span][:, group].any() for span in spans for group in (slice(3), slice(3, 4)))
    assert windows.available["riverflow"][1] == 0 and 0 < windows.available["riverflow"][0] < 10


@given(order=orders(), epoch=st.integers(0, 1000))
@settings(deadline=None)
def test_windows_never_cross_a_boundary_and_every_epoch_has_as_many(order: BatchOrder, epoch: int) -> None:
    found = batches(order, epoch)
    assert len(found) == len(order) > 0
    starts = [start for batch, _ in found for start in batch]
    assert len(set(starts)) == len(starts) == order.n_windows
    assert min(starts) >= order.period.start and max(starts) + order.length <= order.period.stop
    assert all((start - starts[0]) % order.stride == 0 for start in starts)
    assert {len(batch) for batch, _ in found[:-1]} <= {order.batch_size} and len(found[-1][0]) <= order.batch_size


@given(days=st.integers(5, 30), stride=st.integers(1, 20), seed=SEEDS)
@settings(deadline=None, max_examples=3)
def test_every_day_of_the_period_begins_a_window_in_some_epoch(days: int, stride: int, seed: int) -> None:
    order = BatchOrder(slice(7, 7 + days), 5, stride, 8, seed)
    begun = {start for epoch in range(500) for batch, _ in batches(order, epoch) for start in batch}
    assert begun == set(range(7, 7 + days - 4))


def test_each_epoch_has_a_new_offset_and_a_new_order() -> None:
    order = BatchOrder(slice(0, 140), 8, 14, 4, seed=0)
    epochs = [[start for batch, _ in batches(order, epoch) for start in batch] for epoch in range(20)]
    assert len({min(starts) for starts in epochs}) > 5
    assert len({tuple(np.argsort(starts)) for starts in epochs}) > 15
    assert not any(starts == sorted(starts) for starts in epochs)


@given(seed=SEEDS, epoch=st.integers(0, 1000))
@settings(deadline=None, max_examples=20)
def test_the_order_follows_from_seed_and_epoch_alone(seed: int, epoch: int) -> None:
    used, fresh = (BatchOrder(slice(0, 140), 8, 14, 4, seed) for _ in range(2))
    for earlier in range(3):
        batches(used, earlier, first_batch=1)
    torch.manual_seed(epoch)
    assert batches(used, epoch) == batches(fresh, epoch)
    assert batches(BatchOrder(slice(0, 140), 8, 14, 4, seed + 1), epoch) != batches(fresh, epoch)


@given(order=orders(), epoch=st.integers(0, 1000), data=st.data())
@settings(deadline=None)
def test_skipping_batches_gives_exactly_the_rest(order: BatchOrder, epoch: int, data: st.DataObject) -> None:
    skipped = data.draw(st.integers(0, len(order)))
    assert batches(order, epoch, skipped) == batches(order, epoch)[skipped:]


def test_without_a_seed_windows_follow_each_other_in_order() -> None:
    order = BatchOrder(slice(140, 200), 8, 8, 4, seed=None)
    assert [start for batch, _ in batches(order, 3) for start in batch] == list(range(140, 193, 8))


def test_a_period_shorter_than_a_window_is_refused_with_its_length() -> None:
    with pytest.raises(ConfigError, match=r"window of 8 days does not fit a period of 7 days; shorten data\.window"):
        BatchOrder(slice(10, 17), 8, 1, 4, seed=0)


def test_a_reader_pickles_small_after_use_and_reads_the_same(reader: WindowReader) -> None:
    before = reader.read([5], 8)
    pickled = pickle.dumps(reader)
    assert len(pickled) < 20_000 < sum(reader.store.values(name).nbytes for name in SHAPES)
    assert same(pickle.loads(pickled).read([5], 8), before)


def same(found: Windows, expected: Windows) -> bool:
    values = ((found.values[name].numpy(), expected.values[name].numpy()) for name in expected.values)
    equal = all(a.tobytes() == b.tobytes() for a, b in values)
    return equal and torch.equal(found.starts, expected.starts) and found.available == expected.available


def test_workers_give_the_same_batches_even_where_ctrl_c_reaches_them(reader: WindowReader) -> None:
    order = BatchOrder(slice(0, 140), 8, 7, 3, seed=0)
    loaders = [make_loader(reader, order, workers, pin_memory=False) for workers in (0, 2)]
    for epoch in range(2):
        order.epoch = epoch
        order.first_batch = 0
        alone = list(loaders[0])
        found = []
        for windows in loaders[1]:
            found.append(windows)
            for process in multiprocessing.active_children() if len(found) > 1 else ():  # by then both have begun
                os.kill(process.pid, signal.SIGINT)
        assert len(found) == len(alone) == len(order)
        assert all(same(a, b) for a, b in zip(found, alone, strict=True))


def test_a_loader_leaves_the_random_state_of_the_training_alone(reader: WindowReader) -> None:
    loader = make_loader(reader, BatchOrder(slice(0, 140), 8, 7, 3, seed=0), 0, pin_memory=False)
    before = torch.get_rng_state()
    assert len(list(loader)) > 0
    assert torch.equal(torch.get_rng_state(), before)
