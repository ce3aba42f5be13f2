import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hydromae.base.patches import cell_index, pack, unpack, whole_patches
from hydromae.store.maps import to_grid


@given(rows=st.integers(1, 4), columns=st.integers(1, 4), size=st.integers(1, 3), data=st.data())
def test_unpack_is_the_inverse_of_pack_on_valid_patches(rows, columns, size, data):
    valid = np.array(sorted(data.draw(st.sets(st.integers(0, rows * columns - 1), min_size=1))), np.int64)
    shape = (rows * size, columns * size)
    grid = np.random.default_rng(0).normal(size=(2, *shape))
    packed = pack(grid, valid, size)
    back = unpack(packed, valid, shape, size)
    kept = np.isfinite(back)
    assert packed.shape == (2, len(valid), size**2)
    assert (back[kept] == grid[kept]).all() and kept.sum() == packed.size


@given(rows=st.integers(1, 9), columns=st.integers(1, 9), size=st.integers(1, 4))
def test_a_grid_that_is_not_whole_patches_comes_back_as_it_was(rows, columns, size):
    grid = np.random.default_rng(0).normal(size=(2, rows, columns))
    down, right = whole_patches((rows, columns), size)
    every = np.arange(down * right)
    packed = pack(grid, every, size)
    inside = cell_index(every, (rows, columns), size) >= 0
    assert (down * size >= rows > (down - 1) * size) and (right * size >= columns > (right - 1) * size)
    assert inside.sum() == rows * columns
    assert np.isnan(packed[:, ~inside]).all() and np.isfinite(packed[:, inside]).all()
    assert not pack(grid > 0, every, size)[:, ~inside].any()
    packed[:, ~inside] = 7.0  # as a model may predict there
    assert (unpack(packed, every, (rows, columns), size) == grid).all()


def test_cells_are_row_major_inside_a_patch():
    grid = np.arange(16.0).reshape(4, 4)
    assert pack(grid, np.array([1]), 2).tolist() == [[2, 3, 6, 7]]


def test_store_values_return_to_their_place_on_the_grid(prepared):
    world, store = prepared
    grid = to_grid(store, store.values("soil")[3:5])
    kept = np.isfinite(grid)
    assert grid.shape == (2, *store.shape) and kept.any()
    assert (grid[kept] == world.grids["soil"][3:5][kept]).all()
