import pickle

import numpy as np
import pytest
import torch
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.sources.land_mask import read_land_mask, valid_patches
from support.sources import write_mask

LAND = np.random.default_rng(0).random((6, 4)) < 0.5


@pytest.mark.parametrize("suffix", [".pt", ".npy"])
def test_both_formats_give_the_same_mask(tmp_path, suffix):
    assert (read_land_mask(write_mask(tmp_path / f"m{suffix}", LAND)) == LAND).all()


def _cf(path, mask, south_up=False, time=False, **more):
    y, x = np.arange(6.0)[::-1], np.arange(4.0)
    values = (("y", "x"), mask.astype(np.int8))
    if time:
        values = (("time", "y", "x"), mask.astype(np.int8)[None])
        more["time"] = ("time", [0], {"units": "days since 2000-01-01"})
    data = xr.Dataset({"mask": values, **more}, coords={"y": y, "x": x})
    if south_up:
        data = data.isel(y=slice(None, None, -1), x=slice(None, None, -1))
    if path.suffix == ".zarr":
        data.to_zarr(path, consolidated=False)
    else:
        data.to_netcdf(path, engine="scipy" if path.stem == "classic" else "h5netcdf")
    return path


@pytest.mark.parametrize("name", ["m.nc", "classic.nc", "m.zarr"])
@pytest.mark.parametrize("south_up", [False, True])
@pytest.mark.parametrize("time", [False, True])
def test_netcdf_and_zarr_give_the_mask_from_the_north(tmp_path, name, south_up, time):
    assert (read_land_mask(_cf(tmp_path / name, LAND, south_up, time)) == LAND).all()


def test_the_only_map_is_taken_and_latitude_beside_it_left_alone(tmp_path):
    beside = {"latitude": (("y", "x"), LAND * 50.0)}
    with xr.open_dataset(_cf(tmp_path / "a.nc", LAND, **beside)) as data:
        data["mask"].attrs["coordinates"] = "latitude"
        data.to_netcdf(tmp_path / "b.nc", engine="h5netcdf")
    assert (read_land_mask(tmp_path / "b.nc") == LAND).all()
    with pytest.raises(DataError, match=r"a\.nc: has 2 variables over two dimensions \(mask, latitude\)"):
        read_land_mask(tmp_path / "a.nc")


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


def test_the_land_of_a_patch_that_reaches_beyond_the_grid_is_a_share_of_its_cells_in_the_grid():
    land = np.array([[1, 0, 1, 1], [0, 1, 1, 1], [0, 0, 0, 0], [0, 1, 0, 1]], bool)  # 2 x 2 patches of 3
    shares = [4 / 9, 2 / 3, 1 / 3, 1]  # of 9, 3, 3 and 1 cells
    for threshold in (0.0, 0.4, 0.5, 0.7):
        expected = [patch for patch, share in enumerate(shares) if share >= threshold]
        assert valid_patches(land, 3, threshold, "m.pt").tolist() == expected
