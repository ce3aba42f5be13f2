from dataclasses import replace

import numpy as np
import torch

from hydromae.batch.batch import Batch
from hydromae.batch.batcher import Batcher
from hydromae.masks.mask import Mask, Observed, hide_wholly
from hydromae.masks.tasks import ValueMask
from hydromae.store.store import Store
from hydromae.tokens.shape import TokenShape
from hydromae.windows.windows import WindowReader, Windows
from support.sources import World

SHAPES = {"riverflow": TokenShape("series", 1, 1, 1), "evap": TokenShape("series", 1, 1, 1)}
AROUND = np.array([[1, 2], [2, 3], [3, 0], [0, 1]])
PLACES = np.array([[51.0, 52.0, 51.5, 53.0], [0.0, -1.0, 0.5, -2.0]])
DAYS = 6


def made(store: Store) -> tuple[Batcher, Windows]:
    scalers = {name: store.scaler(name) for name in SHAPES}
    device = torch.device("cpu")
    batcher = Batcher(SHAPES, scalers, store.scaled_attributes, store.first_day, store.n_days, device, places=PLACES)
    return batcher, WindowReader(store, SHAPES, AROUND).read([60, 80], DAYS, stations=np.array([[2], [0]]))


def all_visible(days: int) -> ValueMask:
    return ValueMask({}, {"evap": torch.zeros(days, 4, dtype=torch.bool)})


def test_the_series_around_are_scaled_as_those_of_their_own_station(prepared: tuple[World, Store]) -> None:
    store = prepared[1]
    batcher, windows = made(store)
    context = batcher.batch(windows, all_visible(DAYS)).context
    assert context is not None and windows.context is not None
    physical = torch.tensor(store.read("riverflow", slice(80, 80 + DAYS)))
    scaled = store.scaler("riverflow").scale(physical)[:, [1, 2]]
    seen = ~scaled.isnan()
    assert torch.equal(context.seen["riverflow"][1], seen)
    torch.testing.assert_close(context.values["riverflow"][1], scaled.nan_to_num())
    # Station 2 lies at 51.5 N, 0.5 E, and around it stations 3 and 0.
    assert torch.allclose(context.north[0, 0], torch.tensor([166.8, -55.6]), atol=0.1)
    assert (context.east[0, 0] < 0).all()


def test_what_a_task_hides_is_hidden_around_too(prepared: tuple[World, Store]) -> None:
    batcher, windows = made(prepared[1])
    hidden, target = (torch.zeros(DAYS, 4, dtype=torch.bool) for _ in range(2))
    hidden[3:] = True
    target[1, 1] = True
    context = batcher.batch(windows, ValueMask({"riverflow": target}, {"evap": hidden})).context
    assert context is not None and windows.context is not None
    assert not context.seen["evap"][:, 3:].any() and context.seen["evap"][:, :3].any()
    assert not context.seen["riverflow"][1, 1, 0]  # station 1 is the first around station 0
    there = ~windows.context.values["riverflow"].isnan()
    there[1, 1, 0] = False
    assert torch.equal(context.seen["riverflow"], there)


def test_a_series_that_is_hidden_wholly_is_not_seen_around(prepared: tuple[World, Store]) -> None:
    batcher, windows = made(prepared[1])
    batch: Batch = batcher.batch(windows, hide_wholly(all_visible(DAYS), ["riverflow"], []))
    assert batch.context is not None
    assert not batch.context.seen["riverflow"].any() and batch.context.seen["evap"].any()


def test_windows_without_stations_around_have_no_context(prepared: tuple[World, Store]) -> None:
    batcher, windows = made(prepared[1])

    def rule(given: Windows, observed: Observed) -> Mask:
        assert given.context is None
        return all_visible(DAYS)(given, observed)

    assert batcher.batch(replace(windows, context=None), rule).context is None
