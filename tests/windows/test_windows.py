import pickle
import threading

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hydromae.store.store import Store
from hydromae.tokens.shape import TokenShape, to_tokens
from hydromae.windows.windows import WindowReader, Windows, places_present, tokens_by_slot
from support.windows import SHAPES, same

# Series tokens of 3 stations over 2 days: the last group and, in odd windows, the last span are partial.


@pytest.fixture
def reader(prepared) -> WindowReader:
    return WindowReader(prepared[1], SHAPES)


def test_windows_are_the_stores_values_bit_for_bit(prepared: tuple[object, Store], reader: WindowReader) -> None:
    store, starts = prepared[1], [191, 0, 57]
    windows = reader.read(starts, 9, number=5)
    assert windows.starts.tolist() == starts and windows.number == 5
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


@st.composite
def shapes_and_windows(draw: st.DrawFn) -> tuple[TokenShape, np.ndarray]:
    kind = draw(st.sampled_from(["grid", "series"]))
    width, days = draw(st.integers(1, 9)), draw(st.integers(1, 12))
    shape = TokenShape(kind, 4 if kind == "grid" else draw(st.integers(1, 10)), draw(st.integers(1, 14)), width)
    size = (days, width, 4) if kind == "grid" else (days, width)
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = random.normal(size=size).astype(np.float32)
    values[random.random(size) < draw(st.sampled_from([0.0, 0.5, 0.9, 0.99, 1.0]))] = np.nan
    return shape, values


@given(made=shapes_and_windows())
@settings(deadline=None, max_examples=200)
def test_tokens_counted_by_presence_are_those_that_the_values_make(made: tuple[TokenShape, np.ndarray]) -> None:
    shape, values = made
    present = ~np.isnan(values).all(-1) if shape.kind == "grid" else ~np.isnan(values)  # [days, places]
    found = tokens_by_slot(places_present(present, shape), shape).tolist()
    tokens = ~torch.isnan(to_tokens(torch.from_numpy(values[None]), shape)).all(-1)[0]  # [slots * places]
    assert found == tokens.reshape(shape.slots(len(values)), shape.places).sum(1).tolist()


def test_a_reader_pickles_small_after_use_and_reads_the_same(reader: WindowReader) -> None:
    before = reader.read([5], 8)
    pickled = pickle.dumps(reader)
    assert len(pickled) < 20_000 < sum(reader.store.values(name).nbytes for name in SHAPES)
    assert same(pickle.loads(pickled).read([5], 8), before)


def test_memory_is_taken_again_only_when_nothing_refers_to_the_batch_it_held(reader: WindowReader) -> None:
    def place(tensor: torch.Tensor) -> int:
        return tensor.untyped_storage().data_ptr()

    first = reader.read([20, 90], 8)
    expected = first.values["soil"].clone()
    part, taken = first.values["soil"][1, 2:5], place(first.values["soil"])  # a view alone keeps the memory
    second = reader.read([50, 3], 8)
    del first
    third = reader.read([60, 4], 5)
    assert len({taken, place(second.values["soil"]), place(third.values["soil"])}) == 3
    torch.testing.assert_close(part, expected[1, 2:5], equal_nan=True, rtol=0, atol=0)
    del part
    assert place(reader.read([1], 3).values["soil"]) == taken


def test_threads_that_share_a_reader_read_what_one_alone_reads(reader: WindowReader) -> None:
    starts = [[i, 2 * i, 190 - i] for i in range(60)]
    alone = [reader.read(chosen, 9, number=i) for i, chosen in enumerate(starts)]
    together: list[Windows | None] = [None] * len(starts)

    def read(first: int) -> None:
        for i in range(first, len(starts), 4):
            together[i] = reader.read(starts[i], 9, number=i)

    threads = [threading.Thread(target=read, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(found is not None and same(found, expected) for found, expected in zip(together, alone, strict=True))
