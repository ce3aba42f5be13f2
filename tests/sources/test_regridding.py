"""Maps brought to other cells, against fields whose answer is known."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydromae.readers import open_netcdf_grid
from hydromae.sources.regridding import LEAST_VALID, Cells, bilinear, coarsen, conservative, edges, nearest

HADUK = Path("../shared/data/haduk")


def cells(rows: int, columns: int, size: float = 1.0, north: float = 0.0, west: float = 0.0, **extra: bool) -> Cells:
    """A regular grid whose north-west corner is at (north, west)."""
    y = north - size * (np.arange(rows) + 0.5)
    return Cells((rows, columns), y, west + size * (np.arange(columns) + 0.5), **extra)


def linear_field(grid: Cells) -> np.ndarray:
    return (3 + 0.5 * grid.y[:, None] - 2 * grid.x[None, :])[None].astype(np.float32)


def random_map(seed: int, shape: tuple[int, int], missing: float = 0.0) -> np.ndarray:
    random = np.random.default_rng(seed)
    values = random.gamma(0.5, 4, (2, *shape)).astype(np.float32)
    values[random.random(values.shape) < missing] = np.nan
    return values


def areas(grid: Cells) -> np.ndarray:
    return np.diff(edges(-grid.y))[:, None] * np.diff(edges(grid.x))[None, :]


def test_a_block_is_the_mean_of_its_cells_and_missing_ones_are_left_out():
    values = np.array([[[1, 2, np.nan, 8], [3, 6, np.nan, np.nan], [np.nan] * 4, [5, np.nan, 1, 3]]], np.float32)
    expected = [[[3, np.nan], [np.nan, 2]]]  # one of four cells is less than half of the area
    np.testing.assert_array_equal(coarsen(values, (2, 2)), expected)
    np.testing.assert_array_equal(coarsen(values, (4, 4)), values)


@given(seed=st.integers(0, 1000), rows=st.integers(1, 4), columns=st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_coarsening_of_complete_maps_keeps_the_mean(seed, rows, columns):
    values = random_map(seed, (2 * rows, 3 * columns))
    coarse = coarsen(values, (rows, columns))
    np.testing.assert_allclose(coarse.mean((1, 2), dtype=float), values.mean((1, 2), dtype=float), rtol=1e-6)


def test_nearest_takes_the_cell_that_holds_the_centre_bit_for_bit_and_nothing_beyond_the_edge():
    source, target = cells(4, 6), cells(4, 5, size=2, north=1, west=-1)
    values = random_map(0, source.shape, missing=0.2)
    found = nearest(values, source, target)
    assert found.shape == (2, 4, 5)
    for row, y in enumerate(target.y):
        for column, x in enumerate(target.x):
            inside = -4 <= y <= 0 and 0 <= x <= 6
            expected = values[:, min(int(-y), 3), min(int(x), 5)] if inside else np.full(2, np.nan, np.float32)
            np.testing.assert_array_equal(found[:, row, column], expected)
    assert np.isnan(found[:, -1]).all() and np.isfinite(found).any()


@given(shift=st.floats(0, 0.99), size=st.floats(0.3, 2.5))
@settings(max_examples=25, deadline=None)
def test_bilinear_reproduces_a_linear_field_inside_and_extrapolates_nothing(shift, size):
    source = cells(9, 11)
    target = cells(6, 5, size=size, north=-shift, west=shift)
    found = bilinear(linear_field(source), source, target)
    inside = ((target.y <= source.y[0]) & (target.y >= source.y[-1]))[:, None] & (
        (target.x >= source.x[0]) & (target.x <= source.x[-1])
    )
    np.testing.assert_array_equal(np.isfinite(found[0]), inside)
    np.testing.assert_allclose(found[0][inside], linear_field(target)[0][inside], rtol=1e-5, atol=1e-5)


def test_bilinear_is_missing_exactly_where_a_neighbour_with_weight_is():
    source = cells(5, 5)
    values = linear_field(source)
    values[0, 2, 2] = np.nan
    between = bilinear(values, source, cells(4, 4, north=-0.5, west=0.5))  # in the middle of four centres
    expected = np.zeros((4, 4), bool)
    expected[1:3, 1:3] = True
    np.testing.assert_array_equal(np.isnan(between[0]), expected)
    np.testing.assert_array_equal(bilinear(values, source, source), values)  # neighbours of weight 0 do not matter
    rows_only = bilinear(values, source, cells(4, 5, north=-0.5))
    assert np.argwhere(np.isnan(rows_only[0])).tolist() == [[1, 2], [2, 2]]


@given(seed=st.integers(0, 1000), rows=st.integers(2, 9), columns=st.integers(2, 9))
@settings(max_examples=25, deadline=None)
def test_conservative_keeps_the_integral_over_the_area(seed, rows, columns):
    source = cells(7, 8)
    unit = cells(rows, columns)
    target = Cells((rows, columns), unit.y * 7 / rows, unit.x * 8 / columns)  # the same area, cut otherwise
    values = random_map(seed, source.shape)
    found = conservative(values, source, target)
    before, after = (values * areas(source)).sum((1, 2), dtype=float), (found * areas(target)).sum((1, 2), dtype=float)
    np.testing.assert_allclose(after, before, rtol=1e-6)


def test_conservative_keeps_the_integral_on_the_sphere_too():
    source, target = cells(12, 10, 0.5, north=61, geographic=True), cells(4, 2, 1.5, north=61, geographic=True)
    target = Cells((4, 2), target.y, np.array([1.25, 3.75]), True)

    def integral(values: np.ndarray, grid: Cells) -> np.ndarray:
        bands = -np.diff(np.sin(np.radians(-edges(-grid.y))))  # area of a band of latitude
        return (values * bands[:, None] * np.diff(edges(grid.x))).sum((1, 2), dtype=float)

    values = random_map(1, source.shape)
    flat = Cells(source.shape, source.y, source.x)
    expected = integral(values, source)
    np.testing.assert_allclose(integral(conservative(values, source, target), target), expected, rtol=1e-6)
    assert np.abs(integral(conservative(values, flat, target), target) / expected - 1).max() > 1e-4


@pytest.mark.parametrize("offset", [0.0, 0.3, -0.3])
def test_a_mean_stands_for_a_cell_only_where_half_of_its_area_has_values(offset):
    source, target = cells(6, 6), cells(4, 4, size=2, north=1 + offset, west=-1)
    values = random_map(2, source.shape, missing=0.4)
    found = conservative(values, source, target)
    for day in range(len(values)):
        for row in range(4):
            for column in range(4):
                north, west = 1 + offset - 2 * row, -1 + 2 * column
                share = np.array(
                    [
                        [
                            max(0, min(north, -r) - max(north - 2, -r - 1))
                            * max(0, min(west + 2, c + 1) - max(west, c))
                            for c in range(6)
                        ]
                        for r in range(6)
                    ]
                )
                valid = np.isfinite(values[day])
                area = (share * valid).sum()
                if area < 4 * LEAST_VALID - 1e-5:
                    assert np.isnan(found[day, row, column])
                elif area > 4 * LEAST_VALID + 1e-5:
                    expected = (share * np.where(valid, values[day], 0)).sum() / area
                    assert found[day, row, column] == pytest.approx(expected, rel=1e-5)
    assert np.isnan(found).any() and np.isfinite(found).any()


@pytest.mark.parametrize("rule", [bilinear, conservative, nearest])
def test_what_stands_at_a_missing_place_has_no_part(rule):
    source, target = cells(8, 8), cells(5, 5, size=1.4, north=-0.2, west=0.3)
    values = random_map(3, source.shape, missing=0.3)
    payload = values.copy()
    payload.view(np.uint32)[np.isnan(payload)] = 0xFFC12345
    found, other = (np.nan_to_num(rule(v, source, target), nan=-1) for v in (values, payload))
    assert found.tobytes() == other.tobytes()


@pytest.mark.skipif(not (HADUK / "5km").is_dir(), reason=f"real data are not at {HADUK}")
def test_haduk_rain_of_5_km_keeps_its_volume_on_the_12_km_cells():
    fine = open_netcdf_grid(sorted((HADUK / "5km").glob("*.nc"))[0])
    coarse = open_netcdf_grid(sorted((HADUK / "12km").glob("*.nc"))[0])
    source, target = (
        Cells(g.shape[1:], g["y"].values.astype(float), g["x"].values.astype(float)) for g in (fine, coarse)
    )
    values = fine[:8].values.astype(np.float32)
    found = conservative(values, source, target)
    inner = np.isfinite(conservative(np.where(np.isnan(values), np.nan, 1), source, target))
    np.testing.assert_array_equal(np.isfinite(found), inner)
    published = np.isfinite(coarse[0].values)  # of another year, but the land is the same
    assert (inner[0] & published).sum() > 0.9 * (inner[0] | published).sum()
    means = np.nanmean(values, axis=(1, 2), dtype=float), np.nanmean(found, axis=(1, 2), dtype=float)
    np.testing.assert_allclose(*means, rtol=0.02)
    inland = conservative(np.isnan(values).astype(np.float32), source, target) == 0
    filled = conservative(np.nan_to_num(values), source, target)
    np.testing.assert_array_equal(found[inland], filled[inland])
    volume = np.nansum(filled * 144, axis=(1, 2), dtype=float)  # km2 mm; beyond the 5 km grid it is missing
    np.testing.assert_allclose(volume, (np.nan_to_num(values) * 25).sum((1, 2), dtype=float), rtol=1e-6)
