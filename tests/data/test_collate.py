import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sources import World, write_table

from hydromae.config_io import build_config
from hydromae.data.batch import MISSING, TARGET, VISIBLE, Batch, Selection
from hydromae.data.collate import Collator
from hydromae.data.prepare import prepare
from hydromae.data.store import Store
from hydromae.data.tokens import from_tokens, to_tokens
from hydromae.data.windows import WindowReader, Windows
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.tasks.fields import state_window
from training.small import small_config, small_parts

DAYS = 8
Parts = tuple[MultiModalMAE, WindowReader, Collator]
# Windows before day 3 hold no river flow, those from 3 to 9 some of it, later ones nearly all.
STARTS = st.lists(st.integers(0, 192), min_size=1, max_size=5)


@pytest.fixture(scope="module")
def parts(prepared: tuple[World, Store], tmp_path_factory: pytest.TempPathFactory) -> Parts:
    return small_parts(small_config(prepared[0], tmp_path_factory.mktemp("unused")), prepared[1])


def with_ratio(collator: Collator, ratio: float) -> Collator:
    changed = object.__new__(Collator)
    changed.__dict__.update(collator.__dict__, ratio=dict.fromkeys(collator.shapes, ratio))
    return changed


def counts(selection: Selection) -> list[int]:
    return selection.real.sum(1).tolist()


def windows_of_states(batch: Batch) -> dict[str, torch.Tensor]:
    return {name: state_window(tokens, DAYS) for name, tokens in batch.tokens.items()}


@given(starts=STARTS, ratio=st.floats(0.01, 0.99))
@settings(deadline=None, max_examples=40)
def test_evaluation_hides_exactly_the_share_of_what_there_is(parts: Parts, starts: list[int], ratio: float) -> None:
    _, reader, collator = parts
    windows = reader.read(starts, DAYS)
    batch = with_ratio(collator, ratio).evaluation_batch(windows)
    for name, tokens in batch.tokens.items():
        hidden = [round(ratio * available) for available in windows.available[name]]
        assert counts(tokens.target) == hidden
        assert counts(tokens.visible) == [a - h for a, h in zip(windows.available[name], hidden, strict=True)]
        assert not set_of(tokens.target) & set_of(tokens.visible)


def set_of(selection: Selection) -> set[tuple[int, int]]:
    sample, entry = torch.nonzero(selection.real, as_tuple=True)
    chosen = list(zip(sample.tolist(), selection.index[sample, entry].tolist(), strict=True))
    assert len(set(chosen)) == len(chosen)
    return set(chosen)


@given(starts=STARTS, epoch=st.integers(0, 100))
@settings(deadline=None, max_examples=40)
def test_training_cuts_to_the_smallest_count_and_pads_only_where_there_is_nothing(
    parts: Parts, starts: list[int], epoch: int
) -> None:
    _, reader, collator = parts
    windows = reader.read(starts, DAYS)
    batch = collator.training_batch(windows, epoch)
    for name, tokens in batch.tokens.items():
        hidden = [round(0.4 * available) for available in windows.available[name]]
        seen = [a - h for a, h in zip(windows.available[name], hidden, strict=True)]
        for selection, wanted in ((tokens.target, hidden), (tokens.visible, seen)):
            smallest = min((n for n in wanted if n), default=0)
            assert counts(selection) == [min(n, smallest) for n in wanted]
            assert (selection.padding is None) == (len({min(n, smallest) for n in wanted}) == 1)
            assert selection.index.shape[1] == smallest


def test_a_sample_without_river_flow_does_not_rob_the_others_of_theirs(parts: Parts) -> None:
    _, reader, collator = parts
    batch = collator.training_batch(reader.read([0, 40, 80], DAYS), 0)
    flow = batch.tokens["riverflow"]
    assert counts(flow.target)[0] == counts(flow.visible)[0] == 0
    assert min(counts(flow.target)[1:]) >= 5 and min(counts(flow.visible)[1:]) >= 8
    assert batch.tokens["precip"].visible.padding is None


@given(start=st.integers(0, 192), mates=STARTS, place=st.integers(0, 5))
@settings(deadline=None, max_examples=30)
def test_the_evaluation_mask_of_a_window_does_not_depend_on_its_batch(
    parts: Parts, start: int, mates: list[int], place: int
) -> None:
    _, reader, collator = parts
    together = [*mates[:place], start, *mates[place:]]
    alone = windows_of_states(collator.evaluation_batch(reader.read([start], DAYS)))
    collator.training_batch(reader.read(mates, DAYS), 3)
    torch.manual_seed(start)
    found = windows_of_states(collator.evaluation_batch(reader.read(together, DAYS)))
    assert all(torch.equal(found[name][len(mates[:place])], alone[name][0]) for name in alone)


def test_masks_differ_between_epochs_seeds_windows_and_modalities_but_not_by_chance(parts: Parts) -> None:
    _, reader, collator = parts
    windows = reader.read([40, 80], DAYS)
    other_seed = object.__new__(Collator)
    other_seed.__dict__.update(collator.__dict__, seed=1)

    def hidden(made: Batch, name: str, sample: int = 0) -> frozenset[tuple[int, int]]:
        return frozenset(entry for entry in set_of(made.tokens[name].target) if entry[0] == sample)

    first, again, next_one = (collator.training_batch(windows, epoch) for epoch in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(*(windows_of_states(b).values() for b in (first, again)), strict=True))
    for name in first.tokens:
        assert hidden(first, name) != hidden(next_one, name)
        assert hidden(first, name) != hidden(other_seed.training_batch(windows, 0), name)
        assert {i for _, i in hidden(first, name, 0)} != {i for _, i in hidden(first, name, 1)}
    assert hidden(first, "precip") != hidden(first, "soil")


def test_values_are_scaled_as_the_scaler_scales_and_zero_where_missing(
    prepared: tuple[World, Store], parts: Parts
) -> None:
    _, reader, collator = parts
    windows = reader.read([4, 100], DAYS)
    for name, tokens in collator.evaluation_batch(windows).tokens.items():
        scaled = prepared[1].scaler(name).scale(windows.values[name])
        missing = torch.isnan(to_tokens(windows.values[name], tokens.shape))
        assert torch.equal(tokens.valid, ~missing)
        assert torch.equal(tokens.values, to_tokens(scaled, tokens.shape).nan_to_num(0.0))
        assert missing.any() == (name != "evap") and not tokens.values[missing].any()


@given(starts=STARTS, training=st.booleans())
@settings(deadline=None, max_examples=20)
def test_a_missing_token_is_never_visible_and_never_a_target(parts: Parts, starts: list[int], training: bool) -> None:
    _, reader, collator = parts
    windows = reader.read(starts, DAYS)
    batch = collator.training_batch(windows, 0) if training else collator.evaluation_batch(windows)
    for name, tokens in batch.tokens.items():
        for selection in (tokens.visible, tokens.target):
            assert selection.take(tokens.valid).any(-1)[selection.real].all()
        state = state_window(tokens, DAYS)
        assert torch.equal(state == MISSING, torch.isnan(windows.values[name]))


@given(starts=STARTS, seed=st.integers(0, 1000), training=st.booleans())
@settings(deadline=None, max_examples=15)
def test_hidden_values_cannot_reach_the_prediction_from_the_store_on(
    parts: Parts, starts: list[int], seed: int, training: bool
) -> None:
    model, reader, collator = parts
    random = torch.Generator().manual_seed(seed)

    def made(windows: Windows) -> Batch:
        return collator.training_batch(windows, seed) if training else collator.evaluation_batch(windows)

    windows = reader.read(starts, DAYS)
    batch = made(windows)
    spoiled = {}
    for name, state in windows_of_states(batch).items():
        garbage = 1e4 * torch.rand(state.shape, generator=random)
        hidden = (state != VISIBLE) & (state != MISSING)
        assert hidden.any() == (state == TARGET).any()
        spoiled[name] = torch.where(hidden, garbage, windows.values[name])
    changed = made(replace(windows, values=spoiled))
    for name, expected in model.predict(batch).items():
        real = batch.tokens[name].target.real
        assert torch.equal(model.predict(changed)[name][real], expected[real])


def test_visible_values_do_reach_the_prediction(parts: Parts) -> None:
    model, reader, collator = parts
    windows = reader.read([60], DAYS)
    batch = collator.evaluation_batch(windows)
    visible = windows_of_states(batch)["soil"] == VISIBLE
    values = {**windows.values, "soil": torch.where(visible, 0.5, windows.values["soil"])}
    changed = model.predict(collator.evaluation_batch(replace(windows, values=values)))
    assert all(not torch.equal(changed[name], expected) for name, expected in model.predict(batch).items())


def test_the_day_of_the_year_counts_leap_days(tmp_path: Path) -> None:
    days = np.arange(np.datetime64("2003-12-25"), np.datetime64("2005-01-06"))
    values = np.random.default_rng(0).random((len(days), 2)).astype(np.float32)
    write_table(tmp_path / "series.parquet", days, [1, 2], {"evaporation": values})
    period = [str(days[0]), str(days[-1])]
    data = {"root": str(tmp_path), "store": str(tmp_path / "store"), "train": period}
    config = build_config({"data": {**data, "modalities": {"evap": {"paths": "series.parquet"}}}})
    _, reader, collator = small_parts(config, prepare(config))
    starts = [0, 60, len(days) - 10]
    found = collator.evaluation_batch(reader.read(starts, 10)).day_of_year
    expected = pd.DatetimeIndex(days).day_of_year.to_numpy()
    assert found is not None and found.tolist() == [expected[s : s + 10].tolist() for s in starts]
    assert 366 in found[2] and 1 in found[0]


def test_attributes_are_the_stores_scaled_ones_for_every_sample(prepared: tuple[World, Store], parts: Parts) -> None:
    _, reader, collator = parts
    attributes = collator.evaluation_batch(reader.read([0, 9], DAYS)).attributes
    assert attributes is not None and attributes.shape == (2, 4, 3)
    for sample in attributes:
        np.testing.assert_array_equal(sample.numpy(), prepared[1].scaled_attributes)


def test_tokens_can_be_put_back_to_the_window_they_came_from(parts: Parts) -> None:
    _, reader, collator = parts
    windows = reader.read([100], DAYS)
    for name, tokens in collator.evaluation_batch(windows).tokens.items():
        back = from_tokens(torch.where(tokens.valid, tokens.values, torch.nan), tokens.shape, DAYS)
        physical = collator.scalers[name].unscale(back)
        torch.testing.assert_close(physical, windows.values[name], rtol=1e-4, atol=1e-4, equal_nan=True)


@pytest.mark.parametrize("share", [0.25, 0.6])
def test_partial_prediction_keeps_a_random_share_of_the_targets_and_hides_as_much(parts: Parts, share: float) -> None:
    _, reader, collator = parts
    windows = reader.read([40, 90, 120], DAYS)
    partial = object.__new__(Collator)
    partial.__dict__.update(collator.__dict__, prediction_ratio=share)
    whole, part = collator.training_batch(windows, epoch=0), partial.training_batch(windows, epoch=0)
    for name, tokens in part.tokens.items():
        before = whole.tokens[name]
        assert torch.equal(tokens.visible.index, before.visible.index)
        assert tokens.target.index.shape[1] == math.ceil(share * before.target.index.shape[1])
        assert set_of(tokens.target) < set_of(before.target)
        # Not the first in time: which of them are predicted is drawn.
        assert tokens.target.index.max() > tokens.shape.places
        evaluated = partial.evaluation_batch(windows).tokens[name]
        assert counts(evaluated.target) == [round(collator.ratio[name] * n) for n in windows.available[name]]
