import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hydromae.base.hashing import random_keys, random_shares
from hydromae.masks.exact import arrange, hide_first, order_keys, select, states, take, target_counts
from hydromae.tokens.selection import IGNORED, MISSING, TARGET, VISIBLE


def keys_of(windows: Tensor, n_tokens: int, seed: int = 0, epoch: int = 0, stream: str = "precip") -> Tensor:
    return random_keys(windows, n_tokens, seed=seed, epoch=epoch, stream=stream)


def hidden(windows: Tensor, n_tokens: int = 60, ratio: float = 0.4, **which: object) -> Tensor:
    """Which tokens are hidden where all are available."""
    available = torch.ones(len(windows), n_tokens, dtype=torch.bool)
    counts = torch.full((len(windows),), round(ratio * n_tokens))
    return hide_first(available, counts, keys_of(windows, n_tokens, **which))  # type: ignore[arg-type]


@settings(deadline=None)
@given(
    n_tokens=st.integers(1, 80),
    share=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    ratio=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**31),
)
def test_counts_are_exact_and_nothing_missing_is_touched(n_tokens: int, share: float, ratio: float, seed: int) -> None:
    available = torch.rand(5, n_tokens, generator=torch.Generator().manual_seed(seed)) < share
    counts = target_counts(available.sum(1).tolist(), ratio)
    state = states(available, hide_first(available, torch.tensor(counts), keys_of(torch.arange(5), n_tokens, seed)))
    assert (state == TARGET).sum(1).tolist() == counts
    assert counts == [max(round(ratio * n), int(n > 1)) for n in available.sum(1).tolist()]
    assert torch.equal(state == MISSING, ~available)
    assert ((state == TARGET) | (state == VISIBLE)).sum(1).tolist() == available.sum(1).tolist()


@settings(deadline=None)
@given(windows=st.lists(st.integers(0, 20_000), min_size=2, max_size=6, unique=True), data=st.data())
def test_a_window_gets_the_same_mask_in_any_batch_and_order(windows: list[int], data: st.DataObject) -> None:
    order = data.draw(st.permutations(windows))
    one, other = hidden(torch.tensor(windows)), hidden(torch.tensor(order))
    for i, window in enumerate(windows):
        assert torch.equal(one[i], other[order.index(window)])
        assert torch.equal(one[i], hidden(torch.tensor([window]))[0])


def test_the_random_numbers_are_the_same_on_every_machine() -> None:
    # SplitMix64 in Python's own integers.
    def mix(x: int) -> int:
        x = (x + 0x9E3779B97F4A7C15) % 2**64
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        x = (x ^ x >> 27) * 0x94D049BB133111EB % 2**64
        return x ^ x >> 31

    import zlib

    start = mix((5 + zlib.crc32(b"soil") * 2**16) % 2**64)
    expected = [
        [mix((mix((start + 3 * 2**32 + window) % 2**64) + mix(place)) % 2**64) & (2**63 - 1) for place in range(4)]
        for window in (0, 7300)
    ]
    assert keys_of(torch.tensor([0, 7300]), 4, seed=5, epoch=3, stream="soil").tolist() == expected


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_random_numbers_are_the_same_on_a_gpu() -> None:
    windows = torch.arange(10)
    assert torch.equal(keys_of(windows.cuda(), 100).cpu(), keys_of(windows, 100))


@pytest.mark.parametrize("other", [{"seed": 1}, {"epoch": 1}, {"epoch": -1}, {"stream": "soil"}])
def test_another_seed_epoch_or_modality_hides_independently(other: dict[str, object]) -> None:
    windows = torch.arange(500)
    one, two = hidden(windows), hidden(windows, **other)
    # Independent masks at ratio 0.4 agree on 0.52 of the tokens.
    agreement = float((one == two).double().mean())
    assert abs(agreement - 0.52) < 5 * math.sqrt(0.52 * 0.48 / one.numel())


def test_every_token_is_hidden_equally_often() -> None:
    n_windows, n_tokens, ratio = 4000, 60, 0.4
    observed = hidden(torch.arange(n_windows), n_tokens, ratio).double().sum(0)
    deviation = (observed - ratio * n_windows).square() / (n_windows * ratio * (1 - ratio))
    chi_square = float(deviation.sum())
    # About chi-square with 59 degrees of freedom (times 60/59): mean 60, deviation 11.
    assert 60 - 5 * 11 < chi_square < 60 + 5 * 11
    assert chi_square > 10, "too even to be random"


@pytest.mark.parametrize("step", [1, 2, 10, 30])
def test_neighbours_in_the_sequence_are_hidden_independently(step: int) -> None:
    n_tokens, ratio = 60, 0.4
    chosen = hidden(torch.arange(4000), n_tokens, ratio).double()
    pairs = (chosen[:, :-step] - ratio) * (chosen[:, step:] - ratio) / (ratio * (1 - ratio))
    # A fixed count makes any two tokens of a sample correlate by -1 / (n - 1).
    assert abs(float(pairs.mean()) + 1 / (n_tokens - 1)) < 5 / math.sqrt(pairs.numel())


@pytest.mark.parametrize("step", [1, 20, 365])
def test_neighbouring_windows_are_hidden_independently(step: int) -> None:
    ratio = 0.4
    chosen = hidden(torch.arange(4000), ratio=ratio).double()
    pairs = (chosen[:-step] - ratio) * (chosen[step:] - ratio) / (ratio * (1 - ratio))
    assert abs(float(pairs.mean())) < 5 / math.sqrt(pairs.numel())


def test_masks_are_those_of_the_runs_before() -> None:
    # Masks of checkpoints and figures follow from these numbers; they must never change.
    available = torch.ones(2, 12, dtype=torch.bool)
    available[1, 3:6] = False
    expected = {
        "precip": ([[2, 0, 10, 8, 3], [0, 9, 1, 11]], [[7, 5, 1, 6, 11, 9, 4], [8, 6, 10, 2, 7]]),
        "riverflow": ([[3, 9, 11, 6, 2], [0, 9, 7, 2]], [[4, 1, 0, 7, 8, 10, 5], [10, 8, 6, 1, 11]]),
    }
    for stream, (targets, visible) in expected.items():
        keys = keys_of(torch.tensor([0, 7300]), 12, seed=5, epoch=3, stream=stream)
        counts = target_counts(available.sum(1).tolist(), 0.4)
        arranged = arrange(states(available, hide_first(available, torch.tensor(counts), keys)), keys)
        for sample in range(2):
            end = counts[sample] + len(visible[sample])
            assert arranged[sample, : counts[sample]].tolist() == targets[sample]
            assert arranged[sample, counts[sample] : end].tolist() == visible[sample]


def test_random_shares_are_uniform_below_1_and_follow_from_their_window_alone() -> None:
    drawn = torch.tensor([random_shares(number, 3, seed=0, epoch=0, stream="strategy") for number in range(1000)])
    assert drawn.min() >= 0 and drawn.max() < 1
    # The mean of 1000 uniform numbers deviates by 0.009, their deciles by 9.5 of 100.
    assert ((drawn.mean(0) - 0.5).abs() < 5 * 0.0092).all()
    assert all((torch.histc(column, 10, 0, 1) - 100).abs().max() < 5 * 9.5 for column in drawn.T)
    assert random_shares(7, 3, seed=0, epoch=0, stream="strategy") == pytest.approx(drawn[7].tolist())
    assert random_shares(7, 1, seed=0, epoch=1, stream="strategy") != random_shares(
        7, 1, seed=0, epoch=0, stream="strategy"
    )


@settings(deadline=None)
@given(seed=st.integers(0, 1000), share=st.sampled_from([0.0, 0.4, 1.0]))
def test_arranged_are_the_targets_then_the_visible_then_the_others_each_at_random(seed: int, share: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    state = torch.where(torch.rand(4, 30, generator=generator) < share, TARGET, VISIBLE)
    state[torch.rand(4, 30, generator=generator) < 0.3] = MISSING
    state[torch.rand(4, 30, generator=generator) < 0.2] = IGNORED
    keys = keys_of(torch.arange(4), 30)
    arranged = arrange(state, keys)
    assert torch.equal(arranged.sort().values, torch.arange(30).expand(4, -1))
    for sample in range(4):
        found = [*zip(state[sample, arranged[sample]].tolist(), keys[sample, arranged[sample]].tolist(), strict=True)]
        assert found == sorted(found, key=lambda entry: ({TARGET: 0, VISIBLE: 1}.get(entry[0], 2), entry[1]))


@given(data=st.data(), size=st.integers(1, 4), n_tokens=st.integers(1, 9))
def test_taken_is_a_stretch_of_each_sample_and_padding_where_there_is_no_more(
    data: st.DataObject, size: int, n_tokens: int
) -> None:
    arranged = torch.arange(n_tokens).expand(size, -1) + 100 * torch.arange(size)[:, None]
    first = [data.draw(st.integers(0, n_tokens)) for _ in range(size)]
    counts = [data.draw(st.integers(0, n_tokens - start)) for start in first]
    found = take(arranged, first, counts)
    assert found.index.shape == (size, max(counts))
    assert (found.padding is None) is (len(set(counts)) == 1)
    for sample, (start, count) in enumerate(zip(first, counts, strict=True)):
        assert found.index[sample, found.real[sample]].tolist() == arranged[sample, start : start + count].tolist()


@settings(deadline=None)
@given(seed=st.integers(0, 1000), known=st.booleans(), share=st.sampled_from([0.0, 0.3, 1.0]))
def test_selection_holds_the_chosen_tokens_and_says_what_is_padding(seed: int, known: bool, share: float) -> None:
    chosen = torch.rand(4, 12, generator=torch.Generator().manual_seed(seed)) < share
    counts = chosen.sum(1).tolist()
    found = select(chosen, keys_of(torch.arange(4), 12), counts if known else None)
    assert found.index.shape == (4, max(counts))
    assert (found.padding is None) is (min(counts) == max(counts))
    assert found.real.sum(1).tolist() == counts
    for b in range(4):
        assert sorted(found.index[b, found.real[b]].tolist()) == chosen[b].nonzero()[:, 0].tolist()


def test_selection_in_order_keeps_the_order() -> None:
    chosen = torch.tensor([[True, False, True, True], [True, True, False, True]])
    assert select(chosen, order_keys(chosen.long())).index.tolist() == [[0, 2, 3], [0, 1, 3]]


def test_counts_round_half_to_even() -> None:
    assert target_counts([0, 1, 5, 7, 10], 0.5) == [0, 0, 2, 4, 5]


def test_a_ratio_that_rounds_to_none_hides_one_of_two_or_more() -> None:
    assert target_counts([0, 1, 2, 3, 4, 49, 50, 51], 0.01) == [0, 0, 1, 1, 1, 1, 1, 1]
    assert target_counts([1, 2, 3], 0.6) == [1, 1, 2]
    every = [*range(2, 400)]
    assert target_counts(every, 0.4) == [round(0.4 * n) for n in every]  # as ever where one was hidden before
