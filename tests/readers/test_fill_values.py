"""What is missing in netCDF and Zarr: what attributes say, and never a place, nor a 0 that nobody called missing."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from hydromae.readers import open_netcdf_grid, open_zarr_grid
from hydromae.readers.labelled import open_labelled

RAIN = np.array([[[0.0, 1.0], [2.0, -9999.0]], [[0.0, 3.0], [-1.0, 0.0]]])  # [time, y, x]


def _data(dtype: str = "float32", **attrs: object) -> xr.Dataset:
    """Rain whose days begin with day 0 and whose longitudes hold 0."""
    return xr.Dataset(
        {
            "rain": (("time", "y", "x"), RAIN.astype(dtype), attrs),
            "time_bnds": (("time", "nv"), np.array([[0, 1], [1, 2]])),
        },
        {
            "time": ("time", [0, 1], {"units": "days since 2000-01-01", "bounds": "time_bnds"}),
            "y": [1.0, 0.0],
            "x": [-1.0, 0.0],
        },
    )


def _zarr(path: Path, data: xr.Dataset, version: int, fill: dict[str, float]) -> Path:
    """A store whose arrays are filled with `fill` where no chunk is, whatever xarray would have put there."""
    raw = {name: item.attrs.pop("_FillValue") for name, item in data.variables.items() if "_FillValue" in item.attrs}
    data.to_zarr(path, zarr_format=version, consolidated=False)
    for name, value in fill.items():
        file = path / name / (".zarray" if version == 2 else "zarr.json")
        found = json.loads(file.read_text())
        file.write_text(json.dumps(found | {"fill_value": value}))
    for name, value in raw.items():
        file = path / name / ".zattrs"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"_FillValue": value}))
    return path


def _expected(*codes: float) -> np.ndarray:
    return np.where(np.isin(RAIN, codes), np.nan, RAIN)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16"])
@pytest.mark.parametrize(
    ("fill", "attrs", "codes"),
    [
        (0, {}, ()),
        (-9999, {}, (-9999,)),
        (-9999, {"missing_value": 0}, (0, -9999)),
        (0, {"missing_value": -9999}, (-9999,)),
        (0, {"_FillValue": -9999}, (-9999,)),
        (0, {"_FillValue": 0}, (0,)),
        (0, {"missing_value": 0}, (0,)),
        (-1, {"_FillValue": -9999}, (-1, -9999)),
        (-1, {"_FillValue": -9999, "missing_value": 3}, (-1, 3, -9999)),
        (None, {"_FillValue": -9999}, (-9999,)),
    ],
)
def test_in_zarr_2_what_fills_chunks_is_missing_but_for_a_0_that_no_attribute_repeats(
    tmp_path, dtype, fill, attrs, codes
):
    path = _zarr(tmp_path / "a.zarr", _data(dtype, **attrs), 2, {"rain": fill})
    np.testing.assert_array_equal(open_zarr_grid(path, "rain").values, _expected(*codes))
    np.testing.assert_array_equal(open_labelled(path)["rain"].values, _expected(*codes))


def test_in_zarr_2_a_nan_that_fills_chunks_and_a_chunk_that_is_absent_are_missing(tmp_path):
    data = _data()
    data["rain"].encoding["chunks"] = (1, 2, 2)
    path = _zarr(tmp_path / "a.zarr", data, 2, {})
    (path / "rain/1.0.0").unlink()
    expected = RAIN.copy()
    expected[1] = np.nan
    np.testing.assert_array_equal(open_zarr_grid(path, "rain").values, expected)


def test_in_zarr_3_only_attributes_say_what_is_missing(tmp_path):
    path = _zarr(tmp_path / "a.zarr", _data(), 3, {"rain": -1.0})
    np.testing.assert_array_equal(open_zarr_grid(path, "rain").values, RAIN)


def test_packed_values_of_zarr_2_with_a_fill_of_0_are_unpacked_and_kept(tmp_path):
    data = _data("int16", scale_factor=0.5, add_offset=10.0)
    path = _zarr(tmp_path / "a.zarr", data, 2, {"rain": 0})
    np.testing.assert_array_equal(open_zarr_grid(path, "rain").values, RAIN * 0.5 + 10)


@pytest.mark.parametrize("fill", [0, -1])
def test_places_and_days_of_zarr_2_are_never_masked_by_what_fills_chunks(tmp_path, fill):
    names = ["x", "y", "time", "time_bnds"]
    grid = open_zarr_grid(_zarr(tmp_path / "a.zarr", _data(), 2, dict.fromkeys(names, fill)), "rain")
    assert grid["x"].values.tolist() == [-1, 0] and grid["y"].values.tolist() == [1, 0]
    assert grid["time"].values.astype("datetime64[D]").astype(str).tolist() == ["2000-01-01", "2000-01-02"]
    assert grid.attrs["notes"] == ()  # the bounds say whole days


@pytest.mark.parametrize("key", ["_FillValue", "missing_value"])
def test_places_and_days_of_netcdf_are_not_masked_by_0(tmp_path, key):
    data = _data()
    for name in ("x", "y", "time", "time_bnds"):
        data[name].attrs[key] = data[name].dtype.type(0)
        data[name].encoding["_FillValue"] = None if key == "missing_value" else data[name].attrs.pop(key)
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    grid = open_netcdf_grid(tmp_path / "a.nc", "rain")
    assert grid["x"].values.tolist() == [-1, 0] and grid["y"].values.tolist() == [1, 0]
    assert grid["time"].values.astype("datetime64[D]").astype(str).tolist() == ["2000-01-01", "2000-01-02"]
    assert grid.attrs["notes"] == ()


def test_a_0_that_netcdf_calls_missing_is_missing(tmp_path):
    data = _data()
    data["rain"].encoding["_FillValue"] = np.float32(0)
    data.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    np.testing.assert_array_equal(open_netcdf_grid(tmp_path / "a.nc", "rain").values, _expected(0))
