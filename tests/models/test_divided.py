"""Attention that is divided by day and place is full attention within each group."""

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from hydromae.models.attention import CrossAttention, SelfAttention, attend
from hydromae.models.cost import step_cost
from hydromae.models.divided import Divided, Division, TokenPlaces, joined_places, places_of_tokens
from hydromae.tokens.selection import Selection
from hydromae.tokens.shape import TokenShape
from support.tiny import plain_dict, tiny_config, tiny_model

GRID, SERIES = TokenShape("grid", 4, 1, 5), TokenShape("series", 2, 3, 8)  # 5 patches; 4 groups of stations over 3 days
DAYS = 6


def chosen(shape: TokenShape, counts: tuple[int, int], static: int = 0) -> TokenPlaces:
    """Some tokens of each of two samples, in any order."""
    index = torch.stack([torch.randperm(shape.tokens(DAYS))[: max(counts)] for _ in counts])
    padding = torch.arange(max(counts)) >= torch.tensor(counts)[:, None]
    return places_of_tokens(Selection(index, padding if padding.any() else None), shape, DAYS, static)


def is_padding(places: TokenPlaces) -> Tensor:
    return torch.zeros_like(places.day, dtype=torch.bool) if places.padding is None else places.padding


def by_hand(queries: TokenPlaces, keys: TokenPlaces, by: str) -> Tensor:
    """True where a query must not see a key, pair by pair."""
    days = max(queries.days, keys.days)
    unseen = torch.ones(2, queries.day.shape[1], keys.day.shape[1], dtype=torch.bool)
    for sample, i, j in torch.cartesian_prod(*(torch.arange(n) for n in unseen.shape)).tolist():
        if j in keys.static:
            unseen[sample, i, j] = False
        elif i not in queries.static and not is_padding(keys)[sample, j]:
            same_day = queries.day[sample, i] // days == keys.day[sample, j] // days
            unseen[sample, i, j] = not (same_day if by == "day" else queries.place[sample, i] == keys.place[sample, j])
    return unseen


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("by", ["day", "place"])
@pytest.mark.parametrize("counts", [(14, 9), (11, 11)])
def test_tokens_attend_within_their_group_and_to_static_tokens(by: str, counts: tuple[int, int]) -> None:
    parts = [chosen(GRID, counts), chosen(SERIES, (7, 5), static=1)]
    keys = joined_places(parts, torch.cat([is_padding(part) for part in parts], dim=1))
    queries = chosen(SERIES, (8, 6)).among(keys, GRID.places)
    for asking, real in ((keys, ~is_padding(keys)), (queries, ~is_padding(queries))):
        division = Division.between(asking, keys, by)
        unseen = by_hand(asking, keys, by)
        assert torch.equal(division.dense()[real], unseen[real])
        lengths = (asking.day.shape[1], keys.day.shape[1], keys.day.shape[1])
        q, k, v = (torch.randn(2, n, 12, dtype=torch.float64, requires_grad=True) for n in lengths)
        found, expected = attend(q, k, v, 3, division), attend(q, k, v, 3, unseen)
        torch.testing.assert_close(found[real], expected[real])
        weight = torch.randn_like(expected[real])
        for ours, theirs in zip(
            torch.autograd.grad((found[real] * weight).sum(), (q, k, v)),
            torch.autograd.grad((expected[real] * weight).sum(), (q, k, v)),
            strict=True,
        ):
            torch.testing.assert_close(ours, theirs)


def test_a_query_whose_group_has_no_key_reads_nothing() -> None:
    keys = TokenPlaces(torch.tensor([[0, 1]]), torch.tensor([[0, 0]]), 1, 2, 3)
    queries = TokenPlaces(torch.tensor([[2, 1]]), torch.tensor([[1, 1]]), 1, 2, 3)
    q, kv = torch.randn(1, 2, 4), torch.randn(1, 2, 4)
    by_day = attend(q, kv, kv, 2, Division.between(queries, keys, "day"))
    torch.testing.assert_close(by_day, torch.stack([torch.zeros(4), kv[0, 1]])[None])
    assert not attend(q, kv, kv, 2, Division.between(queries, keys, "place")).any()


def test_groups_of_equal_size_need_no_mask() -> None:
    index = torch.arange(GRID.tokens(DAYS)).expand(2, -1)
    whole = places_of_tokens(Selection(index, None), GRID, DAYS)
    assert Division.between(whole, whole, "day").unseen is None
    fewer = places_of_tokens(Selection(index[:, 1:], None), GRID, DAYS)
    assert Division.between(fewer, fewer, "day").unseen is not None


def test_layers_take_turns_so_that_two_reach_everything() -> None:
    layers = [SelfAttention(8, heads=2).double() for _ in range(2)]
    places = chosen(GRID, (30, 30))
    divided = Divided(places, places)
    tokens = torch.randn(2, 30, 8, dtype=torch.float64, requires_grad=True)
    reached = []
    out = tokens
    for i, layer in enumerate(layers):
        out = layer(out, divided.of_layer(i))
        (gradient,) = torch.autograd.grad(out[0, 0].sum(), tokens, retain_graph=True)
        reached.append(gradient[0].abs().sum(1) > 0)
    assert torch.equal(reached[0], places.day[0] == places.day[0, 0])
    assert reached[1].all()


def test_the_weights_shown_are_those_that_were_used() -> None:
    places = chosen(SERIES, (8, 8), static=1)
    layer, tokens = SelfAttention(12, heads=3), torch.randn(2, 9, 12)
    division = Division.between(places, places, "place")
    torch.testing.assert_close(layer.weights(tokens, division), layer.weights(tokens, division.dense()))
    cross = CrossAttention(12, 12, heads=3)
    torch.testing.assert_close(cross(tokens, tokens, division), cross(tokens, tokens, division.dense()))


def test_weights_of_full_attention_fit() -> None:
    full, divided = (tiny_model(tiny_config(attention=attention)) for attention in ("full", "divided"))
    divided.load_state_dict(full.state_dict())
    batch = plain_dict(tiny_config())
    assert not torch.equal(full(batch)[0], divided(batch)[0])


def test_what_it_costs_is_known_and_grows_less_with_the_days() -> None:
    def cost(attention: str, days: int) -> int:
        layers = {"grid_encoder_layers": 1, "series_encoder_layers": 1, "decoder_layers": 1}
        modalities = {"precip": "grid", "riverflow": "series"}
        config = tiny_config(attention=attention, max_time_steps=200, modalities=modalities, **layers)
        counts = {"precip": (4 * days, 2 * days), "riverflow": (2 * days, days)}
        return step_cost(config, 6, counts, days, 1, torch.device("cpu")).operations

    growth = {attention: cost(attention, 120) / cost(attention, 40) for attention in ("full", "divided")}
    # Along time at a place it still grows with the square, which for so few places is much of it.
    assert growth["divided"] < 0.7 * growth["full"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"use_cross_attn": False}, "use_cross_attn"), ({"rolling": ("evap",)}, "rolling")],
)
def test_what_does_not_go_with_it_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        tiny_config(attention="divided", **changes)
