"""A model with grids is given maps of weather: on its cells, or brought to them."""

from datetime import timedelta
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import torch
import xarray as xr
from pyproj import Transformer

from hydromae.base.errors import DataError
from hydromae.evaluation.mixture import mixture_quantiles
from hydromae.prediction.known_data import KnownData
from hydromae.runs.directory import RunDirectory
from hydromae.sources.regridding import Cells
from hydromae.store.maps import to_grid
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.tasks.forecast import forecast
from hydromae.tasks.weather import ForcingRules
from hydromae.tasks.weather_places import MapCells, on_grid
from support.other_values import OtherValues
from support.sources import FIRST, World
from support.untrained import ALL, untrained_run

ISSUE, HORIZON = 150, 4  # days since the first one
ISSUED = FIRST + timedelta(days=ISSUE)


@pytest.fixture(scope="module")
def run(prepared: tuple[World, Store], tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return untrained_run(*prepared, tmp_path_factory.mktemp("grids") / "run", **ALL)


def observed(world: World) -> xr.DataArray:
    """The rain of the days after the issue time as it fell, with garbage where the model has no land."""
    values = world.grids["precip"][ISSUE + 1 : ISSUE + 1 + HORIZON].copy()
    values[:, ~world.land] = 77.0
    time = np.array([ISSUED + timedelta(days=lead) for lead in range(1, HORIZON + 1)], "datetime64[ns]")
    rows, columns = (np.arange(size, dtype=float) for size in values.shape[1:])
    coordinates = {"time": time, "y": ("y", -rows, {"units": "km"}), "x": ("x", columns, {"units": "km"})}
    return xr.DataArray(values, coordinates, ("time", "y", "x"), name="precip", attrs={"units": "mm/d"})


def written(path: Path, made: xr.DataArray) -> Path:
    made.to_dataset(name="precip").to_netcdf(path, engine="h5netcdf")
    return path


def given(run: RunDirectory, path: Path, **arguments: object) -> xr.Dataset:
    return forecast(run.path, [ISSUED], horizon=HORIZON, forcing=path, **arguments)  # type: ignore[arg-type]


def same(one: xr.Dataset, other: xr.Dataset) -> bool:
    return all(one[name].values.tobytes() == other[name].values.tobytes() for name in one.data_vars)


def test_maps_of_what_was_observed_are_observed_weather(
    run: RunDirectory, prepared: tuple[World, Store], tmp_path: Path
) -> None:
    world, store = prepared
    made = {}
    for name in store.names:  # of what was observed, nothing but rain after the issue time
        values = np.array(store.read(name, slice(None)))  # compared with its hashes, before it is another
        if name not in ("precip", "riverflow"):
            values[ISSUE + 1 :] = np.nan
        made[name] = values
    perfect = forecast(run.path, [ISSUED], data=OtherValues(store, made), horizon=HORIZON, forcing="perfect")
    result = given(run, written(tmp_path / "w.nc", observed(world)))
    assert same(result, perfect)
    assert result.attrs["forcing_series"] == "precip" and "on the cells of the data" in result.attrs["forcing_notes"]
    turned = observed(world).isel(y=slice(None, None, -1), x=slice(None, None, -1))
    assert same(given(run, written(tmp_path / "turned.nc", turned)), perfect)
    without = forecast(run.path, [ISSUED], horizon=HORIZON)
    assert not np.allclose(without["riverflow"], result["riverflow"])


def test_each_member_runs_by_itself_and_the_result_is_their_mixture(
    run: RunDirectory, prepared: tuple[World, Store], tmp_path: Path
) -> None:
    single = observed(prepared[0])
    members = [single, single * 0, single + 20]
    singles = [
        given(run, written(tmp_path / f"{i}.nc", one.assign_attrs(single.attrs))) for i, one in enumerate(members)
    ]
    joined = xr.concat(members, "realization").assign_coords(realization=[0, 1, 2]).assign_attrs(single.attrs)
    made = given(run, written(tmp_path / "all.nc", joined))
    assert made["member"].values.tolist() == ["0", "1", "2"]
    for place, one in enumerate(singles):
        np.testing.assert_array_equal(made["riverflow_members"][:, :, place], one["riverflow"])
    assert not np.allclose(singles[1]["riverflow"], singles[2]["riverflow"])
    spread = np.stack([one["riverflow_quantiles"].values for one in singles])
    np.testing.assert_array_equal(made["riverflow_quantiles"], mixture_quantiles(spread, [0.1, 0.5, 0.9]))


def test_finer_cells_are_refused_until_a_rule_is_given(
    run: RunDirectory, prepared: tuple[World, Store], tmp_path: Path, hydromae
) -> None:
    coarse = observed(prepared[0])
    values = np.repeat(np.repeat(coarse.values, 2, axis=1), 2, axis=2)
    values[:, ::2] *= 0.5  # blocks of two halves and two of one and a half have the mean of before
    values[:, 1::2] *= 1.5
    axes = {
        axis: (axis, sign * (np.arange(size, dtype=float) / 2 - 0.25), {"units": "km"})
        for axis, sign, size in zip("yx", (-1, 1), values.shape[1:], strict=True)
    }
    fine = xr.DataArray(values, {"time": coarse["time"].values, **axes}, ("time", "y", "x"), attrs=coarse.attrs)
    path = written(tmp_path / "fine.nc", fine)
    with pytest.raises(DataError, match=r"precip is on 30 x 20 cells that are not those of .*add --forcing-regrid"):
        given(run, path)
    plain = given(run, written(tmp_path / "w.nc", coarse))
    made = given(run, path, forcing_rules=ForcingRules(regrid="coarsen"))
    np.testing.assert_allclose(made["riverflow"], plain["riverflow"], rtol=1e-5)
    output = tmp_path / "f.nc"
    code, said, errors = hydromae(
        "forecast", run.path, "--issue-time", ISSUED, "--horizon", HORIZON, "--forcing", path, "-o", output,
        "--forcing-regrid", "coarsen",
    )  # fmt: skip
    assert code == 0, errors
    assert "30 x 20 cells brought to 15 x 10 by coarsen" in said
    with xr.open_dataset(output, engine="h5netcdf", decode_timedelta=False) as opened:
        assert same(opened.load(), made)
    with pytest.raises(DataError, match="by bilinear, since the data do not say where their cells lie"):
        given(run, path, forcing_rules=ForcingRules(regrid="bilinear"))


def test_latitude_and_longitude_are_brought_to_a_projection(world: World) -> None:
    store = prepare(
        world.config("data.grid.crs=EPSG:27700", "data.grid.y=[320000, -9000]", "data.grid.x=[500000, 9000]")
    )
    data = Mock(
        spec=KnownData,
        store=store,
        model=Mock(valid_patches=torch.from_numpy(store.valid_patches)),
        patches=np.arange(len(store.valid_patches)),
        land=store.land,
    )
    latitude, longitude = np.linspace(56, 48, 33), np.arange(0, 360, 0.25)  # Greenwich is at both ends
    maps = MapCells(Cells((33, 1440), latitude, longitude, True), {}, "degrees_north")
    east = (longitude + 180) % 360 - 180
    values = 10 * latitude[:, None] + np.where(np.abs(east) < 20, east, 0.0)  # linear in both
    row, column = np.mgrid[0:15, 0:10]
    to_degrees = Transformer.from_crs("EPSG:27700", "EPSG:4326", always_xy=True)
    of_east, of_north = to_degrees.transform(500000 + 9000 * column, 320000 - 9000 * row)
    assert of_east.min() < 0 < of_east.max()  # some on both sides

    def brought(rule: str) -> np.ndarray:
        places = on_grid(Path("w.nc"), "precip", maps, data, rule)
        packed = places.apply(values[places.rows, places.columns])
        return to_grid(store, packed)

    bilinear = brought("bilinear")
    here = np.isfinite(bilinear)
    assert here.sum() == store.land.sum()
    np.testing.assert_allclose(bilinear[here], (10 * of_north + of_east)[here], atol=2e-4)
    np.testing.assert_allclose(brought("nearest")[here], (10 * of_north + of_east)[here], atol=1.4)
    with pytest.raises(DataError, match="only nearest and bilinear bring them"):
        brought("conservative")
    elsewhere = MapCells(Cells((33, 41), latitude - 60, np.arange(41.0), True), {}, "degrees_north")
    with pytest.raises(DataError, match="no place in common"):
        on_grid(Path("w.nc"), "precip", elsewhere, data, "bilinear")


def test_maps_in_one_system_are_regridded_as_data_are(world: World) -> None:
    store = prepare(world.config("data.grid.crs=EPSG:4326", "data.grid.y=[56, -0.5]", "data.grid.x=[-2, 0.5]"))
    data = Mock(
        spec=KnownData,
        store=store,
        model=Mock(valid_patches=torch.from_numpy(store.valid_patches)),
        patches=np.arange(len(store.valid_patches)),
        land=store.land,
    )
    latitude, longitude = np.linspace(90, -90, 181), np.arange(360.0)
    maps = MapCells(Cells((181, 360), latitude, longitude, True), {}, "degrees_north")
    values = np.random.default_rng(0).uniform(0, 9, (181, 360))
    nearest = on_grid(Path("w.nc"), "precip", maps, data, "nearest")
    assert nearest.rows.stop - nearest.rows.start < 20
    grid = to_grid(store, nearest.apply(values[nearest.rows, nearest.columns]))
    for row, column in np.argwhere(np.isfinite(grid)):
        north, east = 56 - row / 2, -2 + column / 2
        near = [
            values[i, int(j) % 360]
            for i in {round(90 - north - 1e-9), round(90 - north + 1e-9)}
            for j in {round(east - 1e-9), round(east + 1e-9)}
        ]
        assert np.isclose(grid[row, column], near, rtol=1e-6).any()
    bilinear = on_grid(Path("w.nc"), "precip", maps, data, "bilinear")
    grid = to_grid(store, bilinear.apply(values[bilinear.rows, bilinear.columns]))
    assert grid[11, 1] == pytest.approx(np.mean(values[[39, 39, 40, 40], [358, 359, 358, 359]]), rel=1e-6)
