"""What Python packs is what the page unpacks: the format is read back as web/unpack.js reads it."""

import numpy as np

from hydromae.drawing.packing import pack, squeeze
from support.packed import unpacked


def test_what_is_packed_comes_back() -> None:
    halves = np.array([[0.5, -2.0], [np.nan, 60000.0]])
    marks = np.array([0, 1, 255], np.uint8)
    header, arrays = unpacked(pack({"name": "é"}, {"halves": halves, "marks": marks}))
    assert header["name"] == "é"
    assert np.array_equal(arrays["halves"].astype(float), [[0.5, -2.0], [np.nan, 60000.0]], equal_nan=True)
    assert np.array_equal(arrays["marks"], marks)
    assert pack({}, {"marks": marks}) == pack({}, {"marks": marks})


def test_squeezed_values_keep_the_said_precision_and_stay_missing() -> None:
    values = np.concatenate([np.geomspace(0.01, 1000, 500), [np.nan]])
    for bits in (5, 7, 10):
        back = squeeze(values, np.array(0.0), np.array(1000.0), bits).astype(np.float64) * 1000
        assert np.isnan(back[-1])
        error = np.abs(back[:-1] / values[:-1] - 1)[values[:-1] > 1]  # below, half precision has fewer digits itself
        assert error.max() <= 2.0 ** -(bits + 1) * 1.1  # rounded twice
