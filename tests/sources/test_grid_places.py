import numpy as np
import pytest
import xarray as xr

from hydromae.base.errors import ConfigError, DataError
from hydromae.config.read import build_config
from hydromae.store.prepare import prepare
from hydromae.store.view import open_store
from support.sources import HEIGHT, WIDTH, World

GRID = {"crs": "EPSG:27700", "y": [1222500.0, -5000.0], "x": [-197500.0, 5000.0]}


def with_grid(world: World, **grid: object) -> dict[str, object]:
    return {**world.raw, "data": {**world.raw["data"], "grid": grid}}


def test_cells_lie_where_the_configuration_says_if_files_do_not(world: World) -> None:
    made = open_store(prepare(build_config(with_grid(world, **GRID))))
    np.testing.assert_array_equal(made["y"], 1222500.0 - 5000 * np.arange(HEIGHT))
    np.testing.assert_array_equal(made["x"], -197500.0 + 5000 * np.arange(WIDTH))
    assert made["y"].attrs["standard_name"] == "projection_y_coordinate" and made["y"].attrs["units"] == "metre"
    assert made["crs"].attrs["grid_mapping_name"] == "transverse_mercator"
    assert made["precip"].attrs["grid_mapping"] == "crs"
    degrees = open_store(prepare(build_config({**with_grid(world, crs="EPSG:4326", y=[58.0, -0.1], x=[-5.0, 0.2]),
                                               "name": "degrees"}), overwrite=True))  # fmt: skip
    assert degrees["y"].attrs["units"] == "degrees_north" and degrees["x"].attrs["standard_name"] == "longitude"


def test_a_store_made_before_the_key_existed_stays_valid(world: World) -> None:
    store = prepare(build_config(world.raw))
    assert "grid" not in store.provenance.options
    stages: list[str] = []
    prepare(build_config(with_grid(world)), lambda stage, done: stages.append(stage))
    assert len(stages) == 1 and "already" in stages[0]


def test_files_and_configuration_must_not_both_say_it(world: World) -> None:
    days = world.days
    y, x = 500.0 - 10 * np.arange(HEIGHT), 10.0 * np.arange(WIDTH)
    values = xr.DataArray(
        np.nan_to_num(world.grids["precip"]),
        dims=("time", "y", "x"),
        coords={"time": days.astype("datetime64[ns]"), "y": ("y", y, {"units": "km"}), "x": ("x", x, {"units": "km"})},
        name="precip",
    )
    values.to_netcdf(world.root / "precip.nc", engine="h5netcdf")
    raw = with_grid(world, **GRID)
    raw["data"]["modalities"]["precip"] |= {"paths": ["precip.nc"]}  # type: ignore[index]
    with pytest.raises(DataError, match=r"from 500 on; take data\.grid\.y out"):
        prepare(build_config(raw))
    raw["data"]["grid"] = {"crs": "EPSG:27700"}  # type: ignore[index]
    made = open_store(prepare(build_config(raw)))
    np.testing.assert_array_equal(made["y"], y)
    assert made["crs"].attrs["grid_mapping_name"] == "transverse_mercator"


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ({"crs": "OSGB"}, "'OSGB' is no coordinate reference system; give one as EPSG:27700"),
        ({"y": [0.0, 5000.0]}, "rows are counted from the north, so the step of y must be below 0"),
        ({"x": [0.0, -5000.0]}, "columns are counted from the west, so the step of x must be above 0"),
    ],
)
def test_what_cannot_be_a_grid_is_refused(grid: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        build_config({"data": {"grid": grid}})
