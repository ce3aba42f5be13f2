import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nan

from hydromae.sources.spatial_aggregation import SpatialAggregation


def world(stations: int = 40, seed: int = 0, n: int = 10) -> SpatialAggregation:
    random = np.random.default_rng(seed)
    areas = np.where(random.random(stations) < 0.2, np.nan, random.uniform(5, 9000, stations))
    return SpatialAggregation(random.uniform(50, 58, stations), random.uniform(-6, 2, stations), areas, n)


@pytest.fixture
def three_cells() -> SpatialAggregation:
    """Stations 0 and 3 in the south-west, 1 in the north-east, 2 in the south-east; its area is unknown."""
    latitude, longitude = np.array([50.0, 52.0, 50.4, 50.9]), np.array([-4.0, 0.0, -1.0, -2.5])
    return SpatialAggregation(latitude, longitude, np.array([100.0, 50.0, nan, 300.0]), n=2)


def test_means_are_those_worked_by_hand(three_cells):
    assert three_cells.cells.tolist() == [0, 1, 3] and three_cells.cell_of_station.tolist() == [0, 2, 1, 0]
    values = torch.tensor([[2.0, 7.0, 5.0, 6.0], [2.0, nan, 5.0, nan], [nan, 7.0, nan, nan]])
    means = three_cells.aggregate(values)
    expected = torch.tensor([[5.0, 5.0, 7.0], [2.0, 5.0, nan], [nan, nan, 7.0]])
    torch.testing.assert_close(means, expected, rtol=0, atol=0, equal_nan=True)
    assert three_cells.distribute(means)[0].tolist() == [5, 7, 5, 5]
    assert three_cells.total_weight().tolist() == [400, 1, 50] and three_cells.reduction == pytest.approx(4 / 3)


def test_edges_belong_to_the_next_cell_and_the_far_edge_to_the_last():
    grid = SpatialAggregation(np.arange(5.0), np.zeros(5), n=4)
    assert grid.cells.tolist() == [0, 4, 8, 12] and grid.cell_of_station.tolist() == [0, 1, 2, 3, 3]


@given(seed=st.integers(0, 200), stations=st.integers(1, 60), n=st.integers(1, 12), constant=st.floats(-1e3, 1e3))
def test_a_constant_is_preserved_there_and_back(seed, stations, n, constant):
    grid = world(stations, seed, n)
    values = torch.full((3, stations), constant, dtype=torch.float64)
    means = grid.aggregate(values)
    assert means.shape == (3, grid.n_cells) and grid.n_cells <= min(stations, n * n)
    torch.testing.assert_close(means, torch.full_like(means, constant))
    torch.testing.assert_close(grid.distribute(means), values)


@given(seed=st.integers(0, 200), stations=st.integers(1, 60), n=st.integers(1, 12))
def test_area_times_mean_is_conserved(seed, stations, n):
    grid = world(stations, seed, n)
    values = torch.randn(4, stations, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    before = (values * grid.weights).sum(-1)
    torch.testing.assert_close((grid.aggregate(values) * grid.total_weight()).sum(-1), before)


def test_values_return_exactly_where_each_cell_has_one_station():
    random = np.random.default_rng(1)
    diagonal = random.permutation(10) + 0.5
    grid = SpatialAggregation(diagonal, random.permutation(10) + 0.5, random.uniform(1, 9, 10), n=10)
    values = torch.randn(2, 3, 10, dtype=torch.float64)
    values[1, 2, 4] = nan
    assert grid.n_cells == 10 and grid.reduction == 1
    torch.testing.assert_close(grid.distribute(grid.aggregate(values)), values, equal_nan=True)


def test_a_missing_or_infinite_station_changes_its_own_cell_alone(three_cells):
    values = torch.tensor([2.0, 7.0, 5.0, 6.0])
    for spoilt in (nan, torch.inf):
        changed = values.clone()
        changed[3] = spoilt
        means = three_cells.aggregate(changed)
        assert means[1:].tolist() == [5, 7] and means[0] == (2 if spoilt is nan else torch.inf)


def test_gradients_are_the_shares_of_the_areas_and_never_nan(three_cells):
    values = torch.tensor([2.0, nan, 5.0, 6.0], requires_grad=True)
    means = three_cells.aggregate(values)
    assert torch.isnan(means).tolist() == [False, False, True]
    with torch.autograd.set_detect_anomaly(True):
        means.nan_to_num().sum().backward()
    assert values.grad is not None and values.grad.tolist() == [0.25, 0.0, 1.0, 0.75]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_the_type_is_kept_and_large_areas_do_not_overflow(dtype):
    grid = SpatialAggregation(np.zeros(50), np.zeros(50), np.full(50, 1e5))
    values = torch.linspace(0, 8, 50).to(dtype)
    means = grid.aggregate(values)
    assert means.dtype == dtype
    torch.testing.assert_close(means, values.double().mean().to(dtype)[None])


def test_it_has_no_parameters_and_loads_from_its_state():
    first, second = world(seed=0), world(seed=0)
    assert not list(first.parameters())
    second.weights.zero_()
    second.load_state_dict(first.state_dict())
    values = torch.randn(40)
    torch.testing.assert_close(first.aggregate(values), second.aggregate(values), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("latitude", "areas", "message"),
    [([1.0, nan], None, "latitude"), ([], None, "latitude"), ([1.0, 2.0], [0.0, 4.0], "above 0")],
)
def test_stations_that_cannot_be_placed_or_weighed_are_refused(latitude, areas, message):
    longitude = np.zeros(len(latitude))
    with pytest.raises(ValueError, match=message):
        SpatialAggregation(np.array(latitude), longitude, None if areas is None else np.array(areas))
