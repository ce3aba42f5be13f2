from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hydromae.masks.hiding import Hiding
from hydromae.masks.masker import token_states
from hydromae.masks.strategy import drawing_of
from hydromae.tokens.selection import IGNORED, MISSING, TARGET, VISIBLE
from hydromae.tokens.shape import TokenShape

SLOTS, PLACES = 9, 7
SHAPE = TokenShape("grid", 4, 1, PLACES)
IN_ORDER = ("random", "per_day", "span", "place")
RATIOS = st.floats(0.01, 0.99)
SHARES = st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])


def some_available(share: float, seed: int, size: int = 5) -> Tensor:
    return torch.rand(size, SLOTS * PLACES, generator=torch.Generator().manual_seed(seed)) < share


def hiding_of(available: Tensor, how: str, ratio: float) -> Hiding:
    strategy = "random" if how == "per_day" else how
    total = int(available.sum())
    return Hiding(strategy, round(ratio * total), SLOTS, 0, False, len(available) - total, total)


def hidden_by(
    how: str | Sequence[str],
    available: Tensor,
    ratio: float,
    windows: Tensor | None = None,
    stream: str = "precip",
    epoch: int = 0,
) -> Tensor:
    """State of each token [B, slots, places] under one strategy, or one a sample."""
    windows = torch.arange(len(available)) if windows is None else windows
    hows = [how] * len(available) if isinstance(how, str) else how
    per_day = "per_day" in hows
    drawing = drawing_of(available, windows, SHAPE, ratio, seed=0, epoch=epoch, stream=stream, per_day=per_day)
    hidings = [hiding_of(row, of_row, ratio) for row, of_row in zip(available, hows, strict=True)]
    return token_states(drawing, hidings, filled=False).unflatten(1, (SLOTS, PLACES))


@pytest.mark.parametrize("how", IN_ORDER)
@settings(deadline=None)
@given(share=SHARES, ratio=RATIOS, seed=st.integers(0, 1000))
def test_every_strategy_hides_exactly_its_count_and_only_what_there_is(
    how: str, share: float, ratio: float, seed: int
) -> None:
    available = some_available(share, seed)
    state = hidden_by(how, available, ratio).flatten(1)
    assert torch.equal(state == MISSING, ~available)
    assert (state == TARGET).sum(1).tolist() == [round(ratio * n) for n in available.sum(1).tolist()]
    assert not (state == IGNORED).any()


@settings(deadline=None)
@given(share=SHARES, ratio=RATIOS, seed=st.integers(0, 1000))
def test_every_day_hides_its_share(share: float, ratio: float, seed: int) -> None:
    available = some_available(share, seed)
    state = hidden_by("per_day", available, ratio)
    in_shares((state == TARGET).sum(2), (state != MISSING).sum(2), ratio)


@settings(deadline=None)
@given(share=SHARES, ratio=RATIOS, seed=st.integers(0, 1000))
def test_a_span_hides_a_share_of_each_place_on_consecutive_observed_days(share: float, ratio: float, seed: int) -> None:
    state = hidden_by("span", some_available(share, seed), ratio)
    in_shares((state == TARGET).sum(1), (state != MISSING).sum(1), ratio)
    for of_place in state.transpose(1, 2).reshape(-1, SLOTS):
        hidden = (of_place[of_place != MISSING] == TARGET).nonzero()[:, 0].tolist()
        assert hidden == list(range(hidden[0], hidden[-1] + 1)) if hidden else True


def in_shares(hidden: Tensor, available: Tensor, ratio: float) -> None:
    """Each group hides its share, rounded down or up."""
    share = ratio * available.double()
    assert ((share.floor() <= hidden) & (hidden <= share.ceil())).all()


def test_spans_begin_on_every_day_that_they_fit_after_and_apart_from_each_other() -> None:
    state = hidden_by("span", torch.ones(500, SLOTS * PLACES, dtype=torch.bool), 1 / 3)
    first = (state == TARGET).long().argmax(1)  # [B, places]
    assert first.unique().tolist() == list(range(SLOTS - 3 + 1))
    assert not torch.equal(first[:, 0], first[:, 1]) and len(first.unique(dim=0)) == 500


@settings(deadline=None)
@given(share=SHARES, ratio=RATIOS, seed=st.integers(0, 1000))
def test_places_go_whole_and_only_the_last_one_partly(share: float, ratio: float, seed: int) -> None:
    state = hidden_by("place", some_available(share, seed), ratio)
    hidden, available = (state == TARGET).sum(1), (state != MISSING).sum(1)  # [B, places]
    assert (((hidden > 0) & (hidden < available)).sum(1) <= 1).all()


@pytest.mark.parametrize("how", IN_ORDER)
def test_every_token_is_hidden_in_some_window_and_shown_in_another(how: str) -> None:
    state = hidden_by(how, torch.ones(200, SLOTS * PLACES, dtype=torch.bool), 0.4)
    assert (state == TARGET).any(0).all() and (state == VISIBLE).any(0).all()


@pytest.mark.parametrize("how", IN_ORDER)
@settings(deadline=None, max_examples=30)
@given(data=st.data(), seed=st.integers(0, 100))
def test_a_window_is_hidden_alike_in_any_batch_and_order(how: str, data: st.DataObject, seed: int) -> None:
    available = some_available(0.8, seed)
    order = torch.tensor(data.draw(st.permutations(range(len(available)))))[:3]
    together = hidden_by(how, available, 0.4, torch.arange(5))
    assert torch.equal(hidden_by(how, available[order], 0.4, order), together[order])


@pytest.mark.parametrize("how", IN_ORDER)
def test_epochs_modalities_and_windows_are_hidden_differently(how: str) -> None:
    available = torch.ones(2, SLOTS * PLACES, dtype=torch.bool)
    state = hidden_by(how, available, 0.4)
    assert not torch.equal(state, hidden_by(how, available, 0.4, epoch=1))
    assert not torch.equal(state, hidden_by(how, available, 0.4, stream="soil"))
    assert not torch.equal(state[0], state[1])


def test_samples_of_one_batch_may_each_have_their_own_strategy() -> None:
    available = some_available(0.8, 1, size=3)
    together = hidden_by(["place", "random", "span"], available, 0.4)
    for i, how in enumerate(["place", "random", "span"]):
        assert torch.equal(together[i], hidden_by(how, available[i : i + 1], 0.4, torch.tensor([i]))[0])


@given(closed=st.integers(0, SLOTS), predicted=st.booleans(), filled=st.booleans(), seed=st.integers(0, 100))
@settings(deadline=None)
def test_nothing_is_shown_from_the_closed_slot_on(closed: int, predicted: bool, filled: bool, seed: int) -> None:
    available = some_available(0.7, seed, size=1)
    of_slot = available.unflatten(1, (SLOTS, PLACES)).sum(2)[0]
    behind, total = int(of_slot[closed:].sum()), int(of_slot.sum())
    gaps = closed * PLACES - (total - behind)
    hiding = Hiding("forecast", 0, closed, behind, predicted, gaps, total)
    drawing = drawing_of(available, torch.tensor([3]), SHAPE, 0.4, seed=0, epoch=0, stream="precip")
    state = token_states(drawing, [hiding], filled).unflatten(1, (SLOTS, PLACES))[0]
    known, future = state[:closed], state[closed:]
    seen = available.unflatten(1, (SLOTS, PLACES))[0]
    assert torch.equal(known == VISIBLE, seen[:closed] | filled)
    assert torch.equal(future == (TARGET if predicted else IGNORED), seen[closed:])
    assert torch.equal(future == MISSING, ~seen[closed:])
    assert int((state == TARGET).sum()) == hiding.targets
    assert int((state == VISIBLE).sum()) == hiding.visible + (hiding.gaps if filled else 0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("how", IN_ORDER)
def test_masks_are_the_same_on_a_gpu(how: str) -> None:
    available = some_available(0.8, 0)
    assert torch.equal(
        hidden_by(how, available.cuda(), 0.37, torch.arange(5).cuda()).cpu(), hidden_by(how, available, 0.37)
    )
