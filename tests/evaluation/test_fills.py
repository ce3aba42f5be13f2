import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from hydromae.evaluation.fills import nearest_day

NAN = torch.nan


@given(seed=st.integers(0, 10_000), n_days=st.integers(1, 9), hidden=st.floats(0, 1), grid=st.booleans())
def test_each_day_takes_the_nearest_day_with_a_value(seed: int, n_days: int, hidden: float, grid: bool) -> None:
    random = np.random.default_rng(seed)
    place = (2, 3) if grid else (4,)
    visible = random.random((2, n_days, *place), np.float32)
    visible[random.random(visible.shape) < hidden] = np.nan
    fallback = random.random(place, np.float32)
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


def test_a_place_that_is_never_seen_takes_its_fallback() -> None:
    found = nearest_day(torch.tensor([[[NAN, 2.0], [NAN, NAN]]]), torch.tensor([7.0, 8.0]))
    assert found.tolist() == [[[7.0, 2.0], [7.0, 2.0]]]
