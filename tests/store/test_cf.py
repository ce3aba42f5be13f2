import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from hydromae.readers import open_netcdf_grid
from hydromae.sources.coordinates import coordinates_of

HADUK = Path("../shared/data/haduk/5km")


def test_only_what_a_grid_says_of_itself_is_kept() -> None:
    metres = {"units": "m", "_FillValue": 1e20, "bounds": "x_bnds", "valid_range": np.array([0.0, 7e5]), "odd": {}}
    mapping = {"grid_mapping_name": "transverse_mercator", "false_easting": np.float64(4e5), "flag": True}
    grid = xr.DataArray(
        np.zeros((1, 2, 3)),
        dims=("time", "y", "x"),
        coords={"y": [1.0, 0.0], "x": ("x", [0.0, 1.0, 2.0], metres)},
        attrs={"grid_mapping_attrs": mapping, "notes": ()},
    )
    said = coordinates_of(grid)
    assert said == {
        "x": {"units": "m", "valid_range": [0.0, 7e5]},
        "grid_mapping": {"grid_mapping_name": "transverse_mercator", "false_easting": 4e5},
    }
    assert json.loads(json.dumps(said)) == said


def test_a_grid_without_coordinates_says_nothing() -> None:
    assert coordinates_of(xr.DataArray(np.zeros((1, 2, 3)), dims=("time", "y", "x"))) == {}


@pytest.mark.skipif(not HADUK.is_dir(), reason="needs the HadUK-Grid files of ../shared/data")
def test_haduk_says_its_metres_and_projection() -> None:
    said = coordinates_of(open_netcdf_grid(sorted(HADUK.glob("*.nc"))[0], "rainfall"))
    assert said["x"]["units"] == said["y"]["units"] == "m"
    assert said["x"]["standard_name"] == "projection_x_coordinate"
    assert said["grid_mapping"]["grid_mapping_name"] == "transverse_mercator"
    assert said["grid_mapping"]["false_easting"] == 400000.0
    assert json.loads(json.dumps(said)) == said
