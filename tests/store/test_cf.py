import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from hydromae.readers import open_netcdf_grid
from hydromae.sources.coordinates import coordinates_of
from hydromae.store.cf import axis_of, named, over_the_day

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


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"units": "m"}, {"standard_name": "projection_y_coordinate", "axis": "Y"}),
        ({"units": "degrees_north", "standard_name": "latitude"}, {"standard_name": "latitude", "axis": "Y"}),
        ({"units": "1", "axis": "Y"}, {}),
        ({}, {}),
    ],
)
def test_a_coordinate_is_an_axis_where_it_is_known_what_it_is(said: dict[str, str], expected: dict[str, str]) -> None:
    attributes = axis_of("y", np.array([2.0, 1.0]), 2, said).attrs
    assert {key: attributes[key] for key in ("standard_name", "axis") if key in attributes} == expected


def test_rows_without_coordinates_are_numbered_from_the_north() -> None:
    assert list(axis_of("y", None, 3, {}).values) == [2, 1, 0] and list(axis_of("x", None, 3, {}).values) == [0, 1, 2]


def test_a_rate_is_a_mean_a_depth_a_sum_and_a_state_neither() -> None:
    assert over_the_day("m3/s") == over_the_day("kg m-2 s-1") == {"cell_methods": "time: mean"}
    assert over_the_day("mm") == {"cell_methods": "time: sum"} and over_the_day("degC") == over_the_day("1") == {}


def test_a_temperature_says_that_it_is_on_a_scale() -> None:
    assert named("air_temperature")["units_metadata"] == "temperature: on_scale"
    assert named("") == {} and "units_metadata" not in named("water_volume_transport_in_river_channel")
