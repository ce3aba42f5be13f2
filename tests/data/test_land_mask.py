import pickle

import numpy as np
import pytest
import torch
from sources import write_mask

from hydromae.data.land_mask import read_land_mask, valid_patches
from hydromae.errors import DataError

LAND = np.random.default_rng(0).random((6, 4)) < 0.5


@pytest.mark.parametrize("suffix", [".pt", ".npy"])
def test_both_formats_give_the_same_mask(tmp_path, suffix):
    assert (read_land_mask(write_mask(tmp_path / f"m{suffix}", LAND)) == LAND).all()


def test_a_mask_that_would_run_code_is_refused(tmp_path):
    class Harm:
        def __reduce__(self):
            return (open, (str(tmp_path / "harmed"), "w"))

    torch.save(Harm(), tmp_path / "m.pt")
    (tmp_path / "m.npy").write_bytes(pickle.dumps(Harm()))
    for name in ("m.pt", "m.npy"):
        with pytest.raises(DataError, match=rf"{name}: cannot be read"):
            read_land_mask(tmp_path / name)
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.ones(5), r"has shape \(5,\)"),
        (np.full((2, 2), 2.0), "other than 0 and 1"),
        (np.full((2, 2), np.nan), "other"),
    ],
)
def test_what_is_no_mask_is_refused(tmp_path, mask, message):
    np.save(tmp_path / "m.npy", mask)
    with pytest.raises(DataError, match=rf"m\.npy: .*{message}"):
        read_land_mask(tmp_path / "m.npy")


@pytest.mark.parametrize(("threshold", "expected"), [(0.0, [0, 1, 3]), (0.5, [0, 1]), (0.75, [1])])
def test_a_patch_is_valid_from_its_share_of_land(threshold, expected):
    land = np.array([[1, 0, 1, 1], [0, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 1]], bool)
    assert valid_patches(land, 2, threshold, "m.pt").tolist() == expected


def test_no_valid_patch_says_the_largest_share():
    land = np.eye(4, dtype=bool)
    with pytest.raises(DataError, match=r"m\.pt: no patch has 90% of land, the largest share is 50%; lower"):
        valid_patches(land, 2, 0.9, "m.pt")
    with pytest.raises(DataError, match=r"m\.pt: 4 x 4 cells are not a whole number of patches of 3"):
        valid_patches(land, 3, 0.5, "m.pt")
