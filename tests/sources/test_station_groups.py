import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydromae.base.distances import EARTH_RADIUS_KM
from hydromae.sources.station_groups import coordinates, group_extents, spatial_order

degrees = st.integers(-600, 600).map(lambda tenths: tenths / 10)  # coarse, so that ties occur
places = st.lists(st.tuples(degrees, degrees), min_size=0, max_size=60).map(
    lambda found: np.array(found, float).reshape(-1, 2)
)
sizes = st.integers(1, 12)


@given(places=places, size=sizes, data=st.data())
def test_the_order_is_a_permutation_with_lost_stations_last_as_given(places, size, data):
    lost = data.draw(st.lists(st.booleans(), min_size=len(places), max_size=len(places)))
    latitude, longitude = places[:, 0].copy(), places[:, 1].copy()
    latitude[np.flatnonzero(lost)[::2]] = np.nan
    longitude[np.flatnonzero(lost)[1::2]] = np.nan
    order = spatial_order(latitude, longitude, size)
    assert order.dtype == np.int64 and sorted(order.tolist()) == list(range(len(places)))
    assert order[len(places) - sum(lost) :].tolist() == np.flatnonzero(lost).tolist()


@given(places=places, size=sizes, seed=st.integers(0, 2**31))
def test_the_order_follows_the_places_and_not_how_they_come(places, size, seed):
    shuffle = np.random.default_rng(seed).permutation(len(places))
    first = places[spatial_order(*places.T, size)]
    second = places[shuffle][spatial_order(*places[shuffle].T, size)]
    np.testing.assert_array_equal(first, second)


@given(places=places, copies=st.integers(2, 4), size=sizes)
def test_stations_at_the_same_place_keep_their_given_order(places, copies, size):
    twins = np.tile(places, (copies, 1))
    order = spatial_order(*twins.T, size)
    rank = np.argsort(order)
    for place in np.unique(twins, axis=0):
        assert (np.diff(rank[(twins == place).all(axis=1)]) > 0).all()


@given(n_groups=st.integers(1, 9), size=sizes, seed=st.integers(0, 100))
def test_separate_clusters_of_whole_groups_are_never_mixed(n_groups, size, seed):
    random = np.random.default_rng(seed)
    cluster = random.permutation(np.repeat(np.arange(n_groups), size))
    longitude = 10.0 * cluster + random.uniform(0, 1, len(cluster))
    order = spatial_order(random.uniform(0, 1, len(cluster)), longitude, size)
    np.testing.assert_array_equal(cluster[order], np.repeat(np.arange(n_groups), size))


def test_groups_are_far_more_compact_than_random_ones_and_the_last_may_be_partial():
    random = np.random.default_rng(0)
    latitude, longitude = random.uniform(50, 58, 603), random.uniform(-6, 2, 603)
    spatial = group_extents(latitude, longitude, spatial_order(latitude, longitude, 8), 8)
    anyhow = group_extents(latitude, longitude, random.permutation(603), 8)
    assert spatial.shape == (76,) and spatial.mean() < 0.25 * anyhow.mean() and spatial.max() < 0.5 * anyhow.max()


def test_degrees_of_longitude_count_for_less_far_north():
    latitude, longitude = np.array([60.0, 60.0, 61.2, 61.2]), np.array([0.0, 2.0, 0.1, 2.1])  # 133 km by 111 km
    assert spatial_order(latitude, longitude, 2).tolist() == [0, 1, 2, 3]
    assert spatial_order(latitude - 60, longitude, 2).tolist() == [0, 2, 1, 3]  # 133 km by 233 km


def test_the_extent_is_the_largest_distance_within_a_group():
    quarter = EARTH_RADIUS_KM * np.pi / 2
    latitude = np.array([0.0, 90.0, 45.0, 0.0, 0.0, np.nan, 10.0])
    longitude = np.array([0.0, 0.0, 0.0, 0.0, 180.0, 5.0, 3.0])
    extents = group_extents(latitude, longitude, np.arange(7), 3)
    np.testing.assert_allclose(extents, [quarter, 2 * quarter, 0.0])
    swapped = group_extents(latitude, longitude, np.array([0, 3, 6, 1, 2, 4, 5]), 3)
    assert swapped[1] == pytest.approx(1.5 * quarter) and swapped[2] == 0


def test_coordinates_are_found_by_name():
    latitude, longitude = coordinates(("bfihost", "longitude", "latitude"), np.array([[0.5, -3.0, 51.0]]))
    assert latitude.tolist() == [51.0] and longitude.tolist() == [-3.0]
