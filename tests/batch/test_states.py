import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hydromae.batch.batch import ModalityTokens, split_missing
from hydromae.batch.states import state_window
from hydromae.masks.exact import order_keys, select
from hydromae.tokens.selection import IGNORED, MISSING, TARGET, VISIBLE
from hydromae.tokens.shape import TokenShape, to_tokens

SHAPES = st.sampled_from(
    [
        TokenShape("grid", 4, 1, 3),
        TokenShape("grid", 4, 2, 3),
        TokenShape("series", 1, 1, 4),
        TokenShape("series", 3, 2, 7),
    ]
)


def place_of(shape: TokenShape, day: int, place: int) -> int:
    return day // shape.days * shape.places + (place if shape.kind == "grid" else place // shape.size)


@given(shape=SHAPES, n_days=st.integers(1, 6), seed=st.integers(0, 1000))
@settings(deadline=None)
def test_every_value_has_the_state_of_its_token_or_is_missing(shape: TokenShape, n_days: int, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    cells = (shape.width, shape.size) if shape.kind == "grid" else (shape.width,)
    window = torch.randn(2, n_days, *cells, generator=random)
    window[torch.rand(window.shape, generator=random) < 0.3] = torch.nan
    values, valid = split_missing(to_tokens(window, shape))
    of_token = torch.randint(0, 3, values.shape[:2], generator=random)  # VISIBLE, TARGET or IGNORED
    keys = order_keys(of_token)
    visible, target = (select(of_token == state, keys) for state in (VISIBLE, TARGET))
    found = state_window(ModalityTokens(values, valid, visible, target, shape), n_days)
    assert found.shape == window.shape
    for sample in range(2):
        for day in range(n_days):
            for place in range(shape.width):
                token = int(of_token[sample, place_of(shape, day, place)])
                here, state = window[sample, day, place], found[sample, day, place]
                expected = torch.where(here.isnan(), MISSING, token)
                assert torch.equal(state, expected)
    assert {VISIBLE, TARGET, IGNORED} >= set(of_token.unique().tolist())
