import threading

import pytest
import torch

from hydromae.windows.loader import AHEAD, WindowLoader
from hydromae.windows.order import BatchOrder
from hydromae.windows.windows import WindowReader, WindowRequest, Windows
from support.windows import SHAPES, same


@pytest.fixture
def reader(prepared) -> WindowReader:
    return WindowReader(prepared[1], SHAPES)


@pytest.fixture
def order() -> BatchOrder:
    return BatchOrder([slice(0, 140)], {8: 1.0}, 7, 3, seed=0)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_workers_give_the_same_batches_in_the_same_order(reader: WindowReader, order: BatchOrder, workers: int) -> None:
    alone, together = WindowLoader(reader, order), WindowLoader(reader, order, workers)
    for epoch, first_batch in ((0, 0), (1, 0), (1, 4)):
        order.epoch, order.first_batch = epoch, first_batch
        expected, found = list(alone), list(together)
        assert len(found) == len(expected) == len(order) - first_batch == len(together) - first_batch
        assert all(same(a, b) for a, b in zip(found, expected, strict=True))
        assert [windows.number for windows in found] == list(range(first_batch, len(order)))


def test_a_loader_leaves_the_random_state_of_the_training_alone(reader: WindowReader, order: BatchOrder) -> None:
    before = torch.get_rng_state()
    assert len(list(WindowLoader(reader, order, 2))) > 0
    assert torch.equal(torch.get_rng_state(), before)


def test_workers_end_with_an_iteration_even_one_that_is_left_early(reader: WindowReader, order: BatchOrder) -> None:
    batches = iter(WindowLoader(reader, order, 2))
    next(batches)
    assert any(thread.name.startswith("windows") for thread in threading.enumerate())
    batches.close()
    assert not any(thread.name.startswith("windows") for thread in threading.enumerate())


class Counting(WindowReader):
    """Counts its reads, and fails at a batch."""

    reads, fails_at = 0, -1

    def fetch(self, request: WindowRequest) -> Windows:
        self.reads += 1
        if request.number == self.fails_at:
            raise OSError("the disk is gone")
        return super().fetch(request)


def test_no_more_batches_are_read_ahead_than_the_workers_may(prepared, order: BatchOrder) -> None:
    reader = Counting(prepared[1], SHAPES)
    batches = iter(WindowLoader(reader, order, 1))
    next(batches)
    assert reader.reads <= AHEAD + 1 < len(order)
    batches.close()


def test_what_goes_wrong_in_a_worker_is_raised_where_its_batch_is_due(prepared, order: BatchOrder) -> None:
    reader = Counting(prepared[1], SHAPES)
    found: list[int] = []
    reader.fails_at = 3

    def use() -> None:
        for windows in WindowLoader(reader, order, 2):
            found.append(windows.number)

    with pytest.raises(OSError, match="the disk is gone"):
        use()
    assert found == [0, 1, 2]
