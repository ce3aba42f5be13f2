import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hydromae.batch.batch import Batch
from hydromae.batch.fills import Method
from hydromae.batch.states import state_window
from hydromae.config import MaskingConfig
from hydromae.masks.whole import forecast_modalities
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.store.store import Store
from hydromae.tokens.selection import IGNORED, MISSING, TARGET, VISIBLE, Selection
from hydromae.windows.windows import WindowReader, Windows
from support.batches import BatchMaker
from support.small import small_config, small_parts
from support.sources import World

DAYS = 8
Parts = tuple[MultiModalMAE, WindowReader, BatchMaker]
# Windows before day 3 hold no river flow, those from 3 to 9 some of it, later ones nearly all.
STARTS = st.lists(st.integers(0, 192), min_size=1, max_size=5)


@pytest.fixture(scope="module")
def parts(prepared: tuple[World, Store], tmp_path_factory: pytest.TempPathFactory) -> Parts:
    return small_parts(small_config(prepared[0], tmp_path_factory.mktemp("unused")), prepared[1])


def remade(parts: Parts, seed: int = 0, fill: Mapping[str, Method] = {}, **masking: Any) -> BatchMaker:
    """The maker of other masks or fills."""
    model, reader, _ = parts
    return BatchMaker(reader.store, model.shapes, MaskingConfig(**masking), seed, torch.device("cpu"), fill)


def counts(selection: Selection) -> list[int]:
    return selection.real.sum(1).tolist()


def windows_of_states(batch: Batch) -> dict[str, torch.Tensor]:
    return {name: state_window(tokens, DAYS) for name, tokens in batch.tokens.items()}


@given(starts=STARTS, ratio=st.floats(0.01, 0.99))
@settings(deadline=None, max_examples=20)
def test_evaluation_hides_exactly_the_share_of_what_there_is(parts: Parts, starts: list[int], ratio: float) -> None:
    windows = parts[1].read(starts, DAYS)
    batch = remade(parts, grid_mask_ratio=ratio, series_mask_ratio=ratio).evaluation_batch(windows)
    for name, tokens in batch.tokens.items():
        # At least one of two or more, however small the ratio.
        hidden = [max(round(ratio * available), available > 1) for available in windows.available[name]]
        assert counts(tokens.target) == hidden
        assert counts(tokens.visible) == [a - h for a, h in zip(windows.available[name], hidden, strict=True)]
        assert not set_of(tokens.target) & set_of(tokens.visible)


def set_of(selection: Selection) -> set[tuple[int, int]]:
    sample, entry = torch.nonzero(selection.real, as_tuple=True)
    chosen = list(zip(sample.tolist(), selection.index[sample, entry].tolist(), strict=True))
    assert len(set(chosen)) == len(chosen)
    return set(chosen)


@given(starts=STARTS, epoch=st.integers(0, 100))
@settings(deadline=None, max_examples=20)
def test_training_cuts_to_the_smallest_count_and_pads_only_where_there_is_nothing(
    parts: Parts, starts: list[int], epoch: int
) -> None:
    _, reader, maker = parts
    windows = reader.read(starts, DAYS)
    batch = maker.training_batch(windows, epoch)
    for name, tokens in batch.tokens.items():
        hidden = [round(0.4 * available) for available in windows.available[name]]
        seen = [a - h for a, h in zip(windows.available[name], hidden, strict=True)]
        for selection, wanted in ((tokens.target, hidden), (tokens.visible, seen)):
            smallest = min((n for n in wanted if n), default=0)
            assert counts(selection) == [min(n, smallest) for n in wanted]
            assert (selection.padding is None) == (len({min(n, smallest) for n in wanted}) == 1)
            assert selection.index.shape[1] == smallest


def test_a_sample_without_river_flow_does_not_rob_the_others_of_theirs(parts: Parts) -> None:
    _, reader, maker = parts
    batch = maker.training_batch(reader.read([0, 40, 80], DAYS), 0)
    flow = batch.tokens["riverflow"]
    assert counts(flow.target)[0] == counts(flow.visible)[0] == 0
    assert min(counts(flow.target)[1:]) >= 5 and min(counts(flow.visible)[1:]) >= 8
    assert batch.tokens["precip"].visible.padding is None


@given(start=st.integers(0, 192), mates=STARTS, place=st.integers(0, 5))
@settings(deadline=None, max_examples=15)
def test_the_evaluation_mask_of_a_window_does_not_depend_on_its_batch(
    parts: Parts, start: int, mates: list[int], place: int
) -> None:
    _, reader, maker = parts
    together = [*mates[:place], start, *mates[place:]]
    alone = windows_of_states(maker.evaluation_batch(reader.read([start], DAYS)))
    maker.training_batch(reader.read(mates, DAYS), 3)
    torch.manual_seed(start)
    found = windows_of_states(maker.evaluation_batch(reader.read(together, DAYS)))
    assert all(torch.equal(found[name][len(mates[:place])], alone[name][0]) for name in alone)


def test_masks_differ_between_epochs_seeds_windows_and_modalities_but_not_by_chance(parts: Parts) -> None:
    _, reader, maker = parts
    windows = reader.read([40, 80], DAYS)
    other_seed = remade(parts, seed=1)

    def hidden(made: Batch, name: str, sample: int = 0) -> frozenset[tuple[int, int]]:
        return frozenset(entry for entry in set_of(made.tokens[name].target) if entry[0] == sample)

    first, again, next_one = (maker.training_batch(windows, epoch) for epoch in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(*(windows_of_states(b).values() for b in (first, again)), strict=True))
    for name in first.tokens:
        assert hidden(first, name) != hidden(next_one, name)
        assert hidden(first, name) != hidden(other_seed.training_batch(windows, 0), name)
        assert {i for _, i in hidden(first, name, 0)} != {i for _, i in hidden(first, name, 1)}
    assert hidden(first, "precip") != hidden(first, "soil")


@given(starts=STARTS, training=st.booleans())
@settings(deadline=None, max_examples=20)
def test_a_missing_token_is_never_visible_and_never_a_target(parts: Parts, starts: list[int], training: bool) -> None:
    _, reader, maker = parts
    windows = reader.read(starts, DAYS)
    batch = maker.training_batch(windows, 0) if training else maker.evaluation_batch(windows)
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
    model, reader, maker = parts
    random = torch.Generator().manual_seed(seed)

    def made(windows: Windows) -> Batch:
        return maker.training_batch(windows, seed) if training else maker.evaluation_batch(windows)

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
    model, reader, maker = parts
    windows = reader.read([60], DAYS)
    batch = maker.evaluation_batch(windows)
    visible = windows_of_states(batch)["soil"] == VISIBLE
    values = {**windows.values, "soil": torch.where(visible, 0.5, windows.values["soil"])}
    changed = model.predict(maker.evaluation_batch(replace(windows, values=values)))
    assert all(not torch.equal(changed[name], expected) for name, expected in model.predict(batch).items())


@pytest.mark.parametrize("share", [0.25, 0.6])
def test_partial_prediction_keeps_a_random_share_of_the_targets_and_hides_as_much(parts: Parts, share: float) -> None:
    _, reader, maker = parts
    windows = reader.read([40, 90, 120], DAYS)
    partial = remade(parts, prediction_ratio=share)
    whole, part = maker.training_batch(windows, epoch=0), partial.training_batch(windows, epoch=0)
    for name, tokens in part.tokens.items():
        before = whole.tokens[name]
        assert torch.equal(tokens.visible.index, before.visible.index)
        assert tokens.target.index.shape[1] == math.ceil(share * before.target.index.shape[1])
        assert set_of(tokens.target) < set_of(before.target)
        # Not the first in time: which of them are predicted is drawn.
        assert tokens.target.index.max() > tokens.shape.places
        evaluated = partial.evaluation_batch(windows).tokens[name]
        assert counts(evaluated.target) == [round(0.4 * n) for n in windows.available[name]]


STRATEGIES = ("random", "span", "place", "modality", "forecast")
MIXTURE = dict.fromkeys(STRATEGIES, 1.0)


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(starts=STARTS, number=st.integers(0, 50))
@settings(deadline=None, max_examples=15)
def test_what_the_host_counts_is_what_the_device_hides(
    parts: Parts, strategy: str, starts: list[int], number: int
) -> None:
    windows = parts[1].read(starts, DAYS, number)
    maker = remade(parts, strategies={strategy: 1.0})
    plan = maker.masker.planner.of_windows(windows.available_by_slot, DAYS, starts)
    batch = maker.evaluation_batch(windows)
    for name, tokens in batch.tokens.items():
        assert counts(tokens.target) == [hiding.targets for hiding in plan[name]]
        assert counts(tokens.visible) == [hiding.visible for hiding in plan[name]]
        for selection in (tokens.visible, tokens.target):
            assert selection.take(tokens.valid).any(-1)[selection.real].all()
        assert not set_of(tokens.target) & set_of(tokens.visible)


@given(starts=STARTS, number=st.integers(0, 50), forcing=st.sampled_from([0.0, 1.0]), training=st.booleans())
@settings(deadline=None, max_examples=15)
def test_a_forecast_sees_nothing_after_the_issue_time_but_the_weather_of_a_perfect_one(
    parts: Parts, starts: list[int], number: int, forcing: float, training: bool
) -> None:
    windows = parts[1].read(starts, DAYS, number)
    maker = remade(parts, strategies={"forecast": 1}, forcing=forcing, horizon=4)
    batch = maker.training_batch(windows, 0) if training else maker.evaluation_batch(windows)
    states = windows_of_states(batch)
    planner = maker.masker.planner
    if training:
        plan = planner.of_batch(windows.available_by_slot, DAYS, number, 0)
    else:
        plan = planner.of_windows(windows.available_by_slot, DAYS, starts)
    for sample in range(len(starts)):
        if plan["riverflow"][sample].strategy != "forecast":
            continue  # nothing was observed to be predicted: random took its place
        horizon = DAYS - plan["riverflow"][sample].closed
        assert 1 <= horizon <= 4
        for name, state in states.items():
            known, after = state[sample, : DAYS - horizon], state[sample, DAYS - horizon :]
            assert not (known == TARGET).any()
            if name == "riverflow":
                assert not (after == VISIBLE).any()
            elif forcing == 0:
                assert ((after == IGNORED) | (after == MISSING)).all()
            if not training:
                assert not (known == IGNORED).any()
                if name == "riverflow":
                    assert ((after == TARGET) | (after == MISSING)).all()
                elif forcing == 1:
                    assert ((after == VISIBLE) | (after == MISSING)).all()


def test_strategy_forecast_does_forecast(parts: Parts) -> None:
    batch = remade(parts, strategies={"forecast": 1}, forcing=1.0).training_batch(parts[1].read([60, 90], DAYS), 0)
    assert [name for name, tokens in batch.tokens.items() if tokens.target.index.shape[1]] == ["riverflow"]
    batch = remade(parts, strategies={"forecast": 1}, forecast=("soil",)).training_batch(parts[1].read([60], DAYS), 0)
    assert [name for name, tokens in batch.tokens.items() if tokens.target.index.shape[1]] == ["soil"]


def test_tokens_of_several_days_are_not_cut_by_the_issue_time(prepared: tuple[World, Store], tmp_path: Path) -> None:
    spans = {"grid_patch_days": 2, "series_patch_days": 3}
    masking = {"strategies": {"forecast": 1}, "forcing": 0.0, "horizon": 3}
    config = small_config(prepared[0], tmp_path, model=spans, masking=masking)
    model, reader, maker = small_parts(config, prepared[1])
    for number in range(8):
        windows = reader.read([60, 100], 13, number)
        batch = maker.training_batch(windows, 0)
        assert model(batch)[0] > 0
        states = {name: state_window(tokens, 13)[0] for name, tokens in batch.tokens.items()}
        known = int((states["riverflow"] == TARGET).any(1).long().argmax())
        # Tokens of 2 and of 3 days both end after 6 and after 12 days.
        assert known in (6, 12)
        assert not any((state[known:] == VISIBLE).any() for state in states.values())
        assert all((state[:known] == VISIBLE).any(1).all() for state in states.values())


def test_flow_is_what_is_forecast_else_the_series_else_everything(parts: Parts) -> None:
    model, reader, _ = parts
    shapes, units = model.shapes, {name: reader.store.units(name) for name in model.shapes}

    def predicted(*names: str) -> tuple[str, ...]:
        return forecast_modalities(units, {name: shapes[name] for name in names}, None)

    assert predicted("precip", "soil", "evap", "riverflow") == ("riverflow",)
    assert predicted("precip", "evap") == ("evap",)
    assert predicted("soil", "precip") == ("soil", "precip")
    assert forecast_modalities(units, shapes, ["evap", "soil"]) == ("evap", "soil")


@pytest.mark.parametrize("strategy", ["random", "span", "place"])
@pytest.mark.parametrize("per_day", [False, True])
def test_a_unified_pattern_hides_the_same_in_all_grids_and_in_all_series(
    parts: Parts, strategy: str, per_day: bool
) -> None:
    windows = parts[1].read([40, 90], DAYS)
    for name in windows.values:
        windows.values[name].fill_(0.5)
        slots = [parts[0].shapes[name].places] * DAYS
        windows.available_by_slot[name][:] = [slots, slots]
    for pattern in ("unified", "independent"):
        maker = remade(parts, pattern=pattern, per_day=per_day, strategies={strategy: 1})
        batch = maker.training_batch(windows, 0)
        index = {name: tokens.target.index.sort(1).values for name, tokens in batch.tokens.items()}
        assert torch.equal(index["precip"], index["soil"]) is (pattern == "unified")
        assert torch.equal(index["evap"], index["riverflow"]) is (pattern == "unified")


@pytest.mark.parametrize("strategy", ["random", "span", "place", "gap"])
def test_a_group_is_hidden_at_the_same_places_and_days_and_what_is_in_none_by_itself(
    parts: Parts, strategy: str
) -> None:
    windows = parts[1].read([40, 90], DAYS)
    for name in windows.values:
        windows.values[name].fill_(0.5)
        slots = [parts[0].shapes[name].places] * DAYS
        windows.available_by_slot[name][:] = [slots, slots]
    for groups in ([["evap", "riverflow"]], []):
        maker = remade(parts, groups=groups, strategies={strategy: 1})
        for batch in (maker.training_batch(windows, 0), maker.evaluation_batch(windows)):
            states = windows_of_states(batch)
            assert torch.equal(states["evap"], states["riverflow"]) is bool(groups)
            assert not torch.equal(states["precip"], states["soil"])


@given(starts=STARTS, strategy=st.sampled_from(["random", "span", "place"]))
@settings(deadline=None, max_examples=20)
def test_a_group_hides_exact_counts_where_gaps_differ(parts: Parts, starts: list[int], strategy: str) -> None:
    windows = parts[1].read(starts, DAYS)
    batch = remade(parts, groups=[["evap", "riverflow"]], strategies={strategy: 1}).evaluation_batch(windows)
    for name, tokens in batch.tokens.items():
        assert counts(tokens.target) == [round(0.4 * n) for n in windows.available[name]]


@given(starts=STARTS, strategy=st.sampled_from(["random", "span", "place"]))
@settings(deadline=None, max_examples=20)
def test_a_unified_pattern_hides_exact_counts_where_gaps_differ(parts: Parts, starts: list[int], strategy: str) -> None:
    windows = parts[1].read(starts, DAYS)
    batch = remade(parts, pattern="unified", strategies={strategy: 1}).evaluation_batch(windows)
    for name, tokens in batch.tokens.items():
        assert counts(tokens.target) == [round(0.4 * n) for n in windows.available[name]]


@given(start=st.integers(0, 192), mates=STARTS, place=st.integers(0, 5))
@settings(deadline=None, max_examples=15)
def test_the_evaluation_mask_of_a_mixture_does_not_depend_on_the_batch(
    parts: Parts, start: int, mates: list[int], place: int
) -> None:
    reader, maker = parts[1], remade(parts, strategies=MIXTURE)
    together = [*mates[:place], start, *mates[place:]]
    alone = windows_of_states(maker.evaluation_batch(reader.read([start], DAYS)))
    found = windows_of_states(maker.evaluation_batch(reader.read(together, DAYS)))
    assert all(torch.equal(found[name][len(mates[:place])], alone[name][0]) for name in alone)


def test_the_evaluation_mask_of_a_mixture_is_the_same_every_time_and_training_has_others(parts: Parts) -> None:
    reader, maker = parts[1], remade(parts, strategies=MIXTURE)
    windows = reader.read(list(range(40, 60)), DAYS)
    first, again = (windows_of_states(maker.evaluation_batch(windows)) for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    epochs = [windows_of_states(maker.training_batch(windows, epoch))["precip"] for epoch in range(4)]
    assert not any(torch.equal(one, other) for one, other in pairwise(epochs))


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("fill", [{}, {"precip": "nearest", "riverflow": "median"}])
@pytest.mark.parametrize("starts", [[4, 0, 90], [0, 1]])
def test_every_strategy_trains_a_step_where_a_modality_has_no_target_or_nothing_visible(
    parts: Parts, strategy: str, fill: dict[str, Method], starts: list[int]
) -> None:
    model, reader, _ = parts
    for number in range(2):
        maker = remade(parts, fill=fill, strategies={strategy: 1}, prediction_ratio=0.5)
        batch = maker.training_batch(reader.read(starts, DAYS, number), epoch=0)
        model.zero_grad()
        total, losses = model.train()(batch)
        total.backward()
        model.eval()
        assert total.isfinite() and total > 0 and all(loss.isfinite() for loss in losses.values())
        gradients = [parameter.grad for parameter in model.parameters()]
        assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)
        assert any(gradient.any() for gradient in gradients if gradient is not None)


@pytest.mark.parametrize("strategies", [*({name: 1.0} for name in STRATEGIES), MIXTURE])
def test_a_training_batch_is_made_without_asking_the_device_for_a_value(
    parts: Parts, strategies: dict[str, float]
) -> None:
    model, reader, _ = parts
    meta = torch.device("meta")  # its tensors hold no values: whoever asks for one fails
    for per_day in (True, False):
        masking = MaskingConfig(strategies=strategies, per_day=per_day)  # type: ignore[arg-type]
        fill: dict[str, Method] = {"precip": "nearest", "soil": "median", "evap": "zero"}
        maker = BatchMaker(reader.store, model.shapes, masking, 0, meta, fill)
        windows = reader.read([0, 40, 80], DAYS, 1).to(meta)
        made, real = maker.training_batch(windows, 0), remade(parts, fill=fill, **masking.model_dump())
        expected = real.training_batch(reader.read([0, 40, 80], DAYS, 1), 0)
        for name, tokens in made.tokens.items():
            assert tokens.visible.index.shape == expected.tokens[name].visible.index.shape
            assert tokens.target.index.shape == expected.tokens[name].target.index.shape
