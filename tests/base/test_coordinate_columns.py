import pytest

from hydromae.base.coordinate_columns import coordinate_columns


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["bfihost", "longitude", "latitude"], {"latitude": 2, "longitude": 1}),
        (["gauge_lat", "gauge_lon", "area"], {"latitude": 0, "longitude": 1}),
        (["lat", "long_term_mean", "lng"], {"latitude": 0, "longitude": 2}),
        (["GaugeLat", "GaugeLon"], {"latitude": 0, "longitude": 1}),
        (["centroid_lat", "centroid_lon", "gauge_lon", "lon", "lat"], {"latitude": 4, "longitude": 3}),
        (["centroid_lat", "gauge_lon"], {}),
        (["latitude", "bfihost"], {"latitude": 0}),
        (["flat", "minimum-altitude", "prolongation"], {}),
        ([], {}),
    ],
)
def test_coordinates_are_known_by_their_words_and_go_in_pairs(names, expected):
    assert coordinate_columns(names) == expected
