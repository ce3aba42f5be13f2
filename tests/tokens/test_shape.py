import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hydromae.config import ModelConfig
from hydromae.tokens.shape import TokenShape, from_tokens, to_tokens, token_shape

SERIES = st.builds(TokenShape, st.just("series"), st.integers(1, 9), st.integers(1, 7), st.integers(1, 20))
GRIDS = st.builds(TokenShape, st.just("grid"), st.integers(1, 9), st.integers(1, 7), st.integers(1, 6))


def window_of(shape: TokenShape, n_days: int, size: int = 2) -> torch.Tensor:
    places = (shape.width, shape.size) if shape.kind == "grid" else (shape.width,)
    n = size * n_days * shape.width * (shape.size if shape.kind == "grid" else 1)
    return torch.arange(n, dtype=torch.float64).reshape(size, n_days, *places)


@settings(deadline=None)
@given(shape=SERIES | GRIDS, n_days=st.integers(1, 15))
def test_putting_tokens_together_undoes_cutting(shape: TokenShape, n_days: int) -> None:
    window = window_of(shape, n_days)
    tokens = to_tokens(window, shape)
    assert tokens.shape == (2, shape.slots(n_days) * shape.places, shape.cells)
    assert torch.equal(from_tokens(tokens, shape, n_days), window)


@settings(deadline=None)
@given(shape=SERIES | GRIDS, n_days=st.integers(1, 15))
def test_every_value_is_in_one_token_and_the_rest_is_missing(shape: TokenShape, n_days: int) -> None:
    window = window_of(shape, n_days)
    tokens = to_tokens(window, shape)
    present = tokens[~tokens.isnan()]
    assert torch.equal(present.sort().values, window.flatten())


@settings(deadline=None)
@given(shape=SERIES, n_days=st.integers(1, 15))
def test_a_series_token_holds_its_stations_on_its_days(shape: TokenShape, n_days: int) -> None:
    window = window_of(shape, n_days, size=1)[0]
    tokens = to_tokens(window[None], shape)[0]
    for t, token in enumerate(tokens):
        slot, group = divmod(t, shape.places)
        assert int(shape.place(torch.tensor(t))) == group
        expected = window[slot * shape.days : (slot + 1) * shape.days, group * shape.size : (group + 1) * shape.size]
        assert set(token[~token.isnan()].tolist()) == set(expected.flatten().tolist())


@settings(deadline=None)
@given(shape=GRIDS, n_days=st.integers(1, 15))
def test_a_grid_token_holds_its_patch_on_its_days(shape: TokenShape, n_days: int) -> None:
    window = window_of(shape, n_days, size=1)[0]
    tokens = to_tokens(window[None], shape)[0]
    for t, token in enumerate(tokens):
        slot, patch = divmod(t, shape.places)
        expected = window[slot * shape.days : (slot + 1) * shape.days, patch]
        assert token[~token.isnan()].tolist() == expected.flatten().tolist()


def test_groups_of_eight_stations_on_one_day_come_in_order_of_stations() -> None:
    shape = token_shape(ModelConfig(), "riverflow", 522)
    assert (shape.places, shape.cells, shape.slots(30)) == (76, 8, 30)
    window = torch.arange(2 * 604, dtype=torch.float32).reshape(1, 2, 604)
    tokens = to_tokens(window, shape)
    assert tokens[0, 76 + 3].tolist() == [604 + 24 + i for i in range(8)]
    assert tokens[0, 75, :4].tolist() == [600, 601, 602, 603] and tokens[0, 75, 4:].isnan().all()


@pytest.mark.parametrize(("days", "slots"), [(1, 30), (7, 5), (30, 1), (40, 1)])
def test_slots_cover_the_window(days: int, slots: int) -> None:
    assert TokenShape("series", 1, days, 1).slots(30) == slots
