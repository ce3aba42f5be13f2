import numpy as np
import pytest

from hydromae.report.scatter import draw_scatter


@pytest.mark.parametrize(
    ("scaling", "values"),
    [
        ("log", [0.0, 0.0, 0.0]),
        ("standard", [1.5]),
        ("log1p", [0.0, 1.0, 1e5]),
        ("log", [-3.0, 2.0, 5.0]),
        ("none", [1e-6, 2e-6, 3e-6]),
    ],
)
def test_any_values_can_be_drawn_on_any_axes(scaling, values):
    observed = np.array(values, dtype=np.float32)
    picture = draw_scatter(observed, observed - 1, scaling, "flow $ & more", "m3/s")
    assert picture is not None and f"{len(values)} hidden values" in picture.caption


def test_only_pairs_of_finite_values_count():
    observed = np.array([1.0, np.nan, 3.0, 4.0], dtype=np.float32)
    estimated = np.array([1.0, 2.0, np.inf, 5.0], dtype=np.float32)
    picture = draw_scatter(observed, estimated, "standard", "flow", "m3/s")
    assert picture is not None and "2 hidden values" in picture.caption
    assert draw_scatter(observed[1:3], estimated[1:3], "standard", "flow", "m3/s") is None


def test_estimates_beyond_the_observed_range_are_counted():
    observed = np.array([1.0, 2.0, 3.0])
    picture = draw_scatter(observed, np.array([0.0, 2.0, 9.0]), "standard", "flow", "m3/s")
    assert picture is not None and "2 estimates beyond the observed range" in picture.caption
