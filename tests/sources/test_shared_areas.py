"""Areas that outlines share with the cells of a grid."""

import numpy as np

from hydromae.sources.regridding import Cells, conservative
from hydromae.sources.shared_areas import means_by_area, outlines, shared_areas

RANDOM = np.random.default_rng(0)


def test_a_turned_square_shares_with_four_cells_what_it_has_in_each():
    # Corners on the axes; its quarters are triangles of 1/2, and the cells reach beyond it.
    y, x = np.array([[0.0, 1, 0, -1]]), np.array([[1.0, 0, -1, 0]])
    shared = shared_areas(y, x, np.array([-2.0, 0, 0.5, 2]), np.array([-2.0, 0, 2]))
    np.testing.assert_allclose(shared.toarray()[:, 0], [0.5, 0.5, 3 / 8, 3 / 8, 1 / 8, 1 / 8])


def test_no_area_is_lost_or_counted_twice():
    corners = np.stack(np.meshgrid(np.arange(9.0), np.arange(9.0), indexing="ij")) + RANDOM.uniform(
        -0.2, 0.2, (2, 9, 9)
    )
    around = [corners[:, :-1, :-1], corners[:, :-1, 1:], corners[:, 1:, 1:], corners[:, 1:, :-1]]
    y, x = np.stack(around, axis=-1).reshape(2, 64, 4)
    area = 0.5 * np.abs((x * np.roll(y, -1, 1) - y * np.roll(x, -1, 1)).sum(1))
    edges = np.linspace(-1, 10, 24)
    shared = shared_areas(y, x, edges, edges)
    np.testing.assert_allclose(shared.sum(axis=0), area)
    inside = np.outer((edges[:-1] > 0.5) & (edges[1:] < 7.5), (edges[:-1] > 0.5) & (edges[1:] < 7.5)).ravel()
    np.testing.assert_allclose(shared.sum(axis=1)[inside], np.diff(edges)[0] ** 2)


def test_rectangles_give_what_the_library_gives():
    values = RANDOM.normal(size=(3, 12, 10)).astype(np.float32)
    values[0, :4, :4] = np.nan
    source = Cells((12, 10), np.arange(11.5, 0, -1), np.arange(0.5, 10))
    target = Cells((4, 5), np.array([10.3, 7.2, 4.1, 1.0]), np.array([1.1, 3.0, 4.9, 6.8, 8.7]))
    y, x = outlines(np.arange(-12.0, 1), np.arange(11.0))
    rows, columns = (np.array([-11.85, -8.75, -5.65, -2.55, 0.55]), np.array([0.15, 2.05, 3.95, 5.85, 7.75, 9.65]))
    areas = np.outer(np.diff(rows), np.diff(columns)).ravel()
    found = means_by_area(values, shared_areas(y, x, rows, columns), areas).reshape(3, 4, 5)
    np.testing.assert_allclose(found, conservative(values, source, target), atol=1e-5)


def test_outlines_that_are_not_finite_or_elsewhere_share_nothing():
    y, x = outlines(np.array([0.0, 1, 2]), np.array([0.0, 1]))
    y = np.where(np.arange(2)[:, None] == 0, np.inf, y)
    edges = np.array([0.0, 2, 4])
    assert shared_areas(y, x, edges, edges).sum() == 1
    assert shared_areas(y + 10, x, edges, edges).nnz == 0
