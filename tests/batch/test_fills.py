from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from hydromae.batch.batch import Batch, ModalityTokens
from hydromae.batch.fills import Method, median_day, nearest_day
from hydromae.batch.states import state_window
from hydromae.config import MaskingConfig
from hydromae.models.encoder import embed_visible
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.store.store import Store
from hydromae.tokens.selection import MISSING, VISIBLE, Selection
from hydromae.tokens.shape import TokenShape, from_tokens, to_tokens
from hydromae.windows.windows import WindowReader, Windows
from support.batches import BatchMaker
from support.small import small_config, small_parts
from support.sources import World

NAN = torch.nan
DAYS = 8
METHODS: tuple[Method, ...] = ("nearest", "median", "zero")
STARTS = st.lists(st.integers(0, 192), min_size=1, max_size=4)
Parts = tuple[MultiModalMAE, WindowReader]


def some_days(seed: int, n_days: int, hidden: float, grid: bool) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    place = (2, 3) if grid else (4,)
    visible = random.random((2, n_days, *place), np.float32)
    visible[random.random(visible.shape) < hidden] = np.nan
    return visible, random.random(place, np.float32)


@given(seed=st.integers(0, 10_000), n_days=st.integers(1, 9), hidden=st.floats(0, 1), grid=st.booleans())
def test_each_day_takes_the_nearest_day_with_a_value(seed: int, n_days: int, hidden: float, grid: bool) -> None:
    visible, fallback = some_days(seed, n_days, hidden, grid)
    found = nearest_day(torch.from_numpy(visible), torch.from_numpy(fallback)).numpy()
    for sample, day, *where in np.ndindex(*visible.shape):
        of_place = visible[(sample, slice(None), *where)]
        seen = np.flatnonzero(~np.isnan(of_place))
        nearest = min(seen, key=lambda d, day=day: (abs(d - day), d), default=None)
        expected = fallback[tuple(where)] if nearest is None else of_place[nearest]
        assert found[(sample, day, *where)] == expected


def test_of_two_days_equally_near_the_earlier_counts() -> None:
    found = nearest_day(torch.tensor([[[1.0], [NAN], [3.0]]]), torch.tensor([9.0]))
    assert found.flatten().tolist() == [1.0, 1.0, 3.0]


@given(seed=st.integers(0, 10_000), n_days=st.integers(1, 9), hidden=st.floats(0, 1), grid=st.booleans())
def test_each_day_without_a_value_takes_the_median_of_those_with_one(
    seed: int, n_days: int, hidden: float, grid: bool
) -> None:
    visible, fallback = some_days(seed, n_days, hidden, grid)
    found = median_day(torch.from_numpy(visible), torch.from_numpy(fallback)).numpy()
    for sample, day, *where in np.ndindex(*visible.shape):
        of_place = visible[(sample, slice(None), *where)]
        seen = of_place[~np.isnan(of_place)]
        median = np.median(seen) if len(seen) else fallback[tuple(where)]
        expected = median if np.isnan(of_place[day]) else of_place[day]
        assert found[(sample, day, *where)] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("fill", [nearest_day, median_day])
def test_a_place_that_is_never_seen_takes_its_fallback(fill: Any) -> None:
    found = fill(torch.tensor([[[NAN, 2.0], [NAN, NAN]]]), torch.tensor([7.0, 8.0]))
    assert found.tolist() == [[[7.0, 2.0], [7.0, 2.0]]]


@pytest.fixture(scope="module")
def parts(prepared: tuple[World, Store], tmp_path_factory: pytest.TempPathFactory) -> Parts:
    config = small_config(prepared[0], tmp_path_factory.mktemp("unused"), model={"validity_embedding": True})
    return small_parts(config, prepared[1])[:2]


def maker_of(parts: Parts, fill: Mapping[str, Method], **masking: Any) -> BatchMaker:
    model, reader = parts
    return BatchMaker(reader.store, model.shapes, MaskingConfig(**masking), 0, torch.device("cpu"), fill)


def everywhere(method: Method) -> dict[str, Method]:
    return dict.fromkeys(("precip", "soil", "evap", "riverflow"), method)


def made(maker: BatchMaker, windows: Windows, training: bool) -> Batch:
    return maker.training_batch(windows, 3) if training else maker.evaluation_batch(windows)


def inputs(batch: Batch) -> dict[str, Tensor]:
    """What the encoders may read: the shown cells of the visible tokens, NaN elsewhere."""
    found = {}
    for name, tokens in batch.tokens.items():
        shown = tokens.visible.take(tokens.valid if tokens.readable is None else tokens.readable)
        values = torch.where(shown, tokens.visible.take(tokens.values), torch.nan)
        found[name] = torch.where(tokens.visible.real[..., None], values, torch.nan)
    return found


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return all(torch.equal(one[name].nan_to_num(9e9), other[name].nan_to_num(9e9)) for name in one)


def places(selection: Selection) -> list[set[int]]:
    return [set(row[real].tolist()) for row, real in zip(selection.index, selection.real, strict=True)]


@pytest.mark.parametrize("method", METHODS)
@given(starts=STARTS)
@settings(deadline=None, max_examples=8)
def test_all_that_is_missing_is_shown_filled_and_targets_are_what_they_were(
    parts: Parts, method: Method, starts: list[int]
) -> None:
    windows = parts[1].read(starts, DAYS)
    filled = maker_of(parts, everywhere(method)).evaluation_batch(windows)
    plain = maker_of(parts, {}).evaluation_batch(windows)
    for name, tokens in filled.tokens.items():
        before = plain.tokens[name]
        assert torch.equal(tokens.valid, before.valid) and before.readable is None and tokens.readable is not None
        assert places(tokens.target) == places(before.target)
        real = tokens.target.real
        assert torch.equal(tokens.target.take(tokens.values)[real], before.target.take(before.values)[real])
        missing = [set((~row.any(-1)).nonzero()[:, 0].tolist()) for row in tokens.valid]
        expected = [seen | gaps for seen, gaps in zip(places(before.visible), missing, strict=True)]
        assert places(tokens.visible) == expected
        # Reports still call a filled value missing.
        assert torch.equal(state_window(tokens, DAYS) == MISSING, torch.isnan(windows.values[name]))


@pytest.mark.parametrize("method", METHODS)
@given(starts=STARTS, training=st.booleans())
@settings(deadline=None, max_examples=8)
def test_fills_come_from_the_visible_values_of_the_same_place(
    parts: Parts, method: Method, starts: list[int], training: bool
) -> None:
    store, windows = parts[1].store, parts[1].read(starts, DAYS)
    batch = made(maker_of(parts, everywhere(method)), windows, training)
    for name, tokens in batch.tokens.items():
        scale = store.scaler(name).scale
        state = state_window(tokens, DAYS)
        seen = torch.where(state == VISIBLE, scale(windows.values[name]), NAN)
        mean = torch.from_numpy(store.mean(name))
        if method == "zero":
            zero = scale(torch.zeros_like(mean)).masked_fill(mean.isnan(), NAN)
            expected = torch.where(seen.isnan(), zero, seen)
        else:
            expected = (nearest_day if method == "nearest" else median_day)(seen, scale(mean))
        found = inputs(replace(batch, tokens={name: tokens}))[name]
        wanted = tokens.visible.take(to_tokens(expected, tokens.shape))
        real = tokens.visible.real
        assert torch.equal(found[real].nan_to_num(9e9), wanted[real].nan_to_num(9e9))


@pytest.mark.parametrize("method", METHODS)
@given(starts=STARTS, training=st.booleans(), seed=st.integers(0, 100))
@settings(deadline=None, max_examples=8)
def test_hidden_values_reach_no_fill(
    parts: Parts, method: Method, starts: list[int], training: bool, seed: int
) -> None:
    windows, strategies = parts[1].read(starts, DAYS, number=seed), {"random": 1, "forecast": 1, "modality": 1}
    maker = maker_of(parts, everywhere(method), strategies=strategies)
    batch = made(maker, windows, training)
    spoiled = {}
    for name, tokens in batch.tokens.items():
        state = state_window(tokens, DAYS)
        garbage = 1e4 * torch.rand(state.shape, generator=torch.Generator().manual_seed(seed))
        hidden = (state != VISIBLE) & (state != MISSING)
        spoiled[name] = torch.where(hidden, garbage, windows.values[name])
    changed = made(maker, replace(windows, values=spoiled), training)
    assert same(inputs(changed), inputs(batch))
    expected, found = parts[0].predict(batch), parts[0].predict(changed)
    for name, tokens in batch.tokens.items():
        assert torch.equal(found[name][tokens.target.real], expected[name][tokens.target.real])


@given(starts=STARTS, mates=STARTS)
@settings(deadline=None, max_examples=8)
def test_the_fills_of_a_window_do_not_depend_on_its_batch(parts: Parts, starts: list[int], mates: list[int]) -> None:
    maker = maker_of(parts, everywhere("median"))
    alone = maker.evaluation_batch(parts[1].read(starts, DAYS))
    together = maker.evaluation_batch(parts[1].read([*starts, *mates], DAYS))
    for name, tokens in alone.tokens.items():
        other = together.tokens[name]
        assert torch.equal(tokens.values, other.values[: len(starts)])
        assert tokens.readable is not None and other.readable is not None
        assert torch.equal(tokens.readable, other.readable[: len(starts)])


def test_a_modality_that_is_not_named_is_as_without_fills(parts: Parts) -> None:
    windows = parts[1].read([4, 60, 100], DAYS)
    for training in (True, False):
        one = made(maker_of(parts, {"riverflow": "nearest"}), windows, training)
        other = made(maker_of(parts, {}), windows, training)
        assert one.tokens["riverflow"].readable is not None
        for name in ("precip", "soil", "evap"):
            found, expected = one.tokens[name], other.tokens[name]
            assert found.readable is None and torch.equal(found.values, expected.values)
            assert torch.equal(found.visible.index, expected.visible.index)
            assert torch.equal(found.target.index, expected.target.index)


def test_a_cell_that_was_never_observed_is_not_filled(parts: Parts) -> None:
    store = parts[1].store
    never = torch.from_numpy(store.mean("precip")).isnan()  # [P, cells], sea and a coastal cell
    assert never.any()
    for method in METHODS:
        tokens = maker_of(parts, everywhere(method)).evaluation_batch(parts[1].read([60], DAYS)).tokens["precip"]
        assert tokens.readable is not None
        assert not from_tokens(tokens.readable.float(), tokens.shape, DAYS)[0][:, never].any()
        assert not from_tokens(tokens.values, tokens.shape, DAYS)[0][:, never].any()


@pytest.mark.parametrize("training", [True, False])
def test_nothing_is_filled_after_the_issue_time_of_a_forecast_nor_in_a_hidden_modality(
    parts: Parts, training: bool
) -> None:
    windows = parts[1].read([8], DAYS)  # river flow begins on its third day
    spoiled = {name: values.clone() for name, values in windows.values.items()}
    spoiled["soil"][:, -1, 0] = NAN
    spoiled["riverflow"][:, -1, :2] = NAN
    by_slot = {name: [list(slots) for slots in samples] for name, samples in windows.available_by_slot.items()}
    by_slot["soil"][0][-1] -= 1
    by_slot["riverflow"][0][-1] -= 1
    windows = replace(windows, values=spoiled, available_by_slot=by_slot)
    slots = {name: shape.places for name, shape in parts[0].shapes.items()}
    for forcing in (0.0, 1.0):
        maker = maker_of(parts, everywhere("nearest"), strategies={"forecast": 1}, forcing=forcing, horizon=1)
        batch = made(maker, windows, training)
        future = {
            name: {place for place in places(tokens.visible)[0] if place >= slots[name] * (DAYS - 1)}
            for name, tokens in batch.tokens.items()
        }
        assert future["riverflow"] == set()
        assert len(places(batch.tokens["riverflow"].visible)[0]) == slots["riverflow"] * (DAYS - 1)
        assert len(future["soil"]) == (slots["soil"] if forcing else 0)
    batch = made(maker_of(parts, everywhere("nearest"), strategies={"modality": 1}), windows, training)
    hidden = [tokens for tokens in batch.tokens.values() if tokens.target.index.shape[1]]
    assert len(hidden) == 1 and hidden[0].visible.index.shape[1] == 0


def test_training_shows_as_many_tokens_in_every_sample_so_that_nothing_is_padded(parts: Parts) -> None:
    windows = parts[1].read([4, 60, 100], DAYS)
    batch = maker_of(parts, everywhere("nearest")).training_batch(windows, 0)
    plain = maker_of(parts, {}).training_batch(windows, 0)
    for name, tokens in batch.tokens.items():
        assert tokens.visible.padding is None
        hidden = max(round(0.4 * n) for n in windows.available[name])
        assert tokens.visible.index.shape[1] == tokens.values.shape[1] - hidden
        assert tokens.target.index.shape == plain.tokens[name].target.index.shape


def test_the_validity_embedding_still_tells_filled_cells_as_missing() -> None:
    values, valid = torch.tensor([[[1.0, 5.0], [7.0, 7.0]]]), torch.tensor([[[True, False], [False, False]]])
    every = Selection(torch.tensor([[0, 1]]), None)
    shown = torch.tensor([[[True, True], [True, False]]])
    tokens = ModalityTokens(values, valid, every, every, TokenShape("series", 2, 1, 2), shown)
    embedding, validity = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        embedding.weight.copy_(torch.eye(2))
        validity.weight.copy_(100 * torch.eye(2))
    assert embed_visible(embedding, None, tokens).tolist() == [[[1.0, 5.0], [7.0, 0.0]]]
    assert embed_visible(embedding, validity, tokens).tolist() == [[[1.0, 105.0], [107.0, 100.0]]]
    without = replace(tokens, readable=None)
    assert embed_visible(embedding, validity, without).tolist() == [[[1.0, 100.0], [100.0, 100.0]]]
