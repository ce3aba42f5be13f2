import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hydromae.base.patches import pack, unpack
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


def test_cells_are_row_major_inside_a_patch():
    grid = np.arange(16.0).reshape(4, 4)
    assert pack(grid, np.array([1]), 2).tolist() == [[2, 3, 6, 7]]


def test_store_values_return_to_their_place_on_the_grid(prepared):
    world, store = prepared
    grid = to_grid(store, store.values("soil")[3:5])
    kept = np.isfinite(grid)
    assert grid.shape == (2, *store.shape) and kept.any()
    assert (grid[kept] == world.grids["soil"][3:5][kept]).all()
