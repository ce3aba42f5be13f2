"""Grids of other cells or orientation: turned, brought to one grid by a rule, or refused."""

import gc
import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.sources.cells import cells_of
from hydromae.sources.plan import make_plan
from hydromae.sources.regridding import Cells, bilinear, coarsen, conservative, nearest
from hydromae.sources.source import Source, open_source
from hydromae.sources.target_grid import bring_to_target
from hydromae.store.prepare import prepare
from support.readers_sources import write_months, write_netcdf
from support.sources import HEIGHT, WIDTH, World, write_grid

FINE = 5000.0  # metres; the cells of the netCDF twins


def write_placed(path: Path, values: np.ndarray, days: np.ndarray, y: np.ndarray, x: np.ndarray) -> None:
    write_grid(path, values, days)
    with h5py.File(path, "a") as file:
        file["y"], file["x"] = y, x


def opened(world: World, name: str = "soil", **settings: object) -> Source:
    world.raw["data"]["modalities"][name].update(settings)
    data = world.config().data
    return open_source(name, data.modalities[name], world.root, data.missing_values)


def place_target(world: World, size: float = 2 * FINE) -> Cells:
    """Give precip coordinates: cells of `size` m whose south-west corner is the origin."""
    y, x = size * (np.arange(HEIGHT)[::-1] + 0.5), size * (np.arange(WIDTH) + 0.5)
    write_placed(world.root / "placed.h5", world.grids["precip"], world.days, y, x)
    world.raw["data"]["modalities"]["precip"]["paths"] = "placed.h5"
    return Cells((HEIGHT, WIDTH), y, x)


def write_fine(world: World, seed: int = 0) -> np.ndarray:
    """Soil on cells half as large, from the south in the file; what is returned is from the north."""
    random = np.random.default_rng(seed)
    values = random.uniform(0, 1, (len(world.days), 2 * HEIGHT, 2 * WIDTH)).astype(np.float32)
    values[random.random(values.shape) < 0.1] = np.nan
    write_netcdf(world.root / "fine.nc", values, world.days, units="1", variable="soil")
    world.raw["data"]["modalities"]["soil"] = {"paths": "fine.nc"}
    return values


def test_rows_from_the_south_are_turned_when_the_settings_say_so_and_that_is_noted(world, prepared):
    world.grids["soil"] = world.grids["soil"][:, ::-1].copy()
    world.write_grids("soil")
    world.raw["data"]["modalities"]["soil"]["row_order"] = "south_first"
    store = prepare(world.config())
    np.testing.assert_array_equal(store.values("soil"), prepared[1].values("soil"))
    assert store.provenance.notes == ("soil: rows from the south were turned, as row_order says",)


@pytest.mark.parametrize("row_order", ["north_first", "south_first"])
def test_a_coordinate_says_which_way_rows_and_columns_run_whatever_row_order_says(world, row_order):
    values, y, x = world.grids["soil"], np.arange(HEIGHT)[::-1] + 100.0, np.arange(WIDTH) + 7.0
    turned = {"as they are": (1, 1), "rows": (-1, 1), "columns": (1, -1), "both": (-1, -1)}
    for which, (rows, columns) in turned.items():
        path = world.root / f"{which}.h5"
        write_placed(path, values[:, ::rows, ::columns], world.days, y[::rows], x[::columns])
        source = opened(world, paths=path.name, row_order=row_order)
        np.testing.assert_array_equal(source.read(world.days[3], 5), values[3:8])
        np.testing.assert_array_equal(source.pieces[0].values["y"], y)
        np.testing.assert_array_equal(source.pieces[0].values["x"], x)
        said = {what: any(f"{what} were turned" in note for note in source.notes) for what in ("rows", "columns")}
        assert said == {"rows": rows < 0, "columns": columns < 0}


def test_months_from_the_south_are_turned_too(world):
    write_months(world.root / "months", world.grids["soil"][:40, ::-1], world.days[:40])
    source = opened(world, paths="months", row_order="south_first")
    np.testing.assert_array_equal(source.read(world.days[28], 7), world.grids["soil"][28:35])


def test_a_coordinate_out_of_order_is_refused(world):
    y = np.arange(HEIGHT, dtype=float)
    y[3] = 9
    write_placed(world.root / "mixed.h5", world.grids["soil"], world.days, y, np.arange(WIDTH))
    with pytest.raises(DataError, match=r"mixed\.h5: its y neither grows nor falls"):
        opened(world, paths="mixed.h5")


RULES = {
    "coarsen": lambda values, source, target: coarsen(values, target.shape),
    "nearest": nearest,
    "bilinear": bilinear,
    "conservative": conservative,
}


@pytest.mark.parametrize("rule", RULES)
def test_other_cells_are_brought_to_the_first_grids_in_blocks_as_all_at_once(world, rule):
    target, values = place_target(world), write_fine(world)
    world.raw["data"]["modalities"]["soil"]["regrid"] = rule
    plan = make_plan(world.config())
    precip, soil = (source for source in plan.sources if source.settings.kind == "grid")
    assert precip.regrid is None and soil.shape == precip.shape == plan.land.shape
    expected = RULES[rule](values, cells_of(soil.pieces[0].values), target)
    whole = soil.read(world.days[0], len(world.days))
    np.testing.assert_array_equal(whole, expected)
    blocks = [soil.read(world.days[0] + np.timedelta64(start, "D"), 64) for start in range(0, 200, 64)]
    np.testing.assert_array_equal(np.concatenate(blocks)[:200], whole)
    assert np.isnan(np.concatenate(blocks)[200:]).all() and np.isfinite(whole).mean() > 0.5
    assert f"soil: 30 x 20 cells are brought to 15 x 10 by {rule}" in plan.notes


def test_any_grid_can_be_the_target_and_its_coordinates_are_the_plans(world):
    place_target(world)
    write_fine(world)
    world.raw["data"]["modalities"]["precip"]["regrid"] = "nearest"
    world.raw["data"] |= {"target_grid": "soil", "land_mask": None, "land_threshold": 0}
    plan = make_plan(world.config())
    precip, soil = (source for source in plan.sources if source.settings.kind == "grid")
    assert soil.regrid is None and precip.shape == soil.shape == plan.land.shape == (30, 20)
    assert plan.y == tuple(soil.pieces[0].values["y"].values) and plan.x == tuple(soil.pieces[0].values["x"].values)
    found = precip.read(world.days[0], 3)
    np.testing.assert_array_equal(found, world.grids["precip"][:3].repeat(2, axis=1).repeat(2, axis=2))


def test_grids_without_coordinates_can_be_coarsened_and_nothing_else(world):
    fine = np.repeat(np.repeat(world.grids["soil"], 3, axis=1), 2, axis=2)
    write_grid(world.root / "fine.h5", fine, world.days)
    world.raw["data"]["modalities"]["soil"] = {"paths": "fine.h5", "regrid": "coarsen"}
    soil = make_plan(world.config()).sources[1]
    np.testing.assert_allclose(soil.read(world.days[0], 200), world.grids["soil"], rtol=1e-6)
    for rule in ("nearest", "bilinear", "conservative"):
        world.raw["data"]["modalities"]["soil"]["regrid"] = rule
        message = (
            rf"fine\.h5: cannot .* by .*regrid {rule}: .*fine\.h5 does not say where its cells lie; .* take coarsen"
        )
        with pytest.raises(DataError, match=message):
            make_plan(world.config())


def _other_shape(world: World) -> None:
    place_target(world)
    write_fine(world)


def _offset(world: World) -> None:
    target = place_target(world)
    write_placed(world.root / "offset.h5", world.grids["soil"], world.days, target.y + 5000, target.x)
    world.raw["data"]["modalities"]["soil"]["paths"] = "offset.h5"


def _not_blocks(world: World) -> None:
    place_target(world)
    write_grid(world.root / "odd.h5", np.ones((200, 20, 20), np.float32), world.days)
    world.raw["data"]["modalities"]["soil"] = {"paths": "odd.h5", "regrid": "coarsen"}


def _blocks_out_of_line(world: World) -> None:
    place_target(world)
    write_fine(world)
    world.raw["data"]["modalities"]["soil"]["regrid"] = "coarsen"
    with h5py.File(world.root / "fine.nc", "a") as file:
        file["projection_x_coordinate"][:] += 2500


def _degrees(world: World) -> None:
    place_target(world)
    y, x = np.linspace(60, 50, 30), np.linspace(-8, 2, 20)
    write_placed(world.root / "degrees.h5", np.ones((200, 30, 20), np.float32), world.days, y, x)
    world.raw["data"]["modalities"]["soil"] = {"paths": "degrees.h5", "regrid": "bilinear"}


def _kilometres(world: World) -> None:
    """The target in metres, the other grid in kilometres that happen to be within its borders."""
    world.raw["data"]["modalities"]["precip"] = {"paths": "metres.nc", "minimum": None, "units": "mm"}
    write_netcdf(world.root / "metres.nc", world.grids["precip"], world.days)
    write_fine(world)
    world.raw["data"]["modalities"]["soil"]["regrid"] = "bilinear"
    with h5py.File(world.root / "fine.nc", "a") as file:
        for axis in "yx":
            file[f"projection_{axis}_coordinate"].attrs["units"] = "km"


REFUSED = {
    "other cells": (
        _other_shape,
        r"fine\.nc: has 30 x 20 cells, but .*placed\.h5 has 15 x 10; .*soil\.regrid to coarsen",
    ),
    "cells in other places": (
        _offset,
        r"offset\.h5: has 15 x 10 cells like .*, but in other places \(y 150000 against 145000\)",
    ),
    "no whole blocks": (
        _not_blocks,
        r"odd\.h5: cannot be .*coarsen: 20 x 20 cells are not whole blocks .* 15 x 10",
    ),
    "blocks across borders": (
        _blocks_out_of_line,
        r"fine\.nc: .* borders of its blocks .* differ in x; take conservative",
    ),
    "another unit of coordinates": (
        _kilometres,
        r"fine\.nc: .*bilinear: its y is in km and that of precip in m; convert one",
    ),
    "another system of coordinates": (
        _degrees,
        r"degrees\.h5: .*bilinear: they have no place in common in y",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_brought_to_the_target_is_refused_with_the_reason(world, case):
    spoil, message = REFUSED[case]
    spoil(world)
    with pytest.raises(DataError, match=message):
        make_plan(world.config())


def test_two_grids_in_other_places_are_refused_though_the_target_has_no_coordinates(world):
    y, x = np.arange(HEIGHT)[::-1], np.arange(WIDTH)
    for name, north in (("soil", 0), ("temp", 7)):
        write_placed(world.root / f"{name}.h5", world.grids["soil"], world.days, y + north, x)
        world.raw["data"]["modalities"][name] = {"paths": f"{name}.h5"}
    message = r"temp\.h5: has 15 x 10 cells like .*soil\.h5, but in other places .*precip does not say .*target_grid"
    with pytest.raises(DataError, match=message):
        make_plan(world.config())
    write_placed(world.root / "temp.h5", world.grids["soil"], world.days, y, x)
    assert make_plan(world.config()).y == tuple(y.astype(float))


def test_a_grid_lies_where_any_of_its_files_says(world):
    y, x, n = np.arange(HEIGHT)[::-1], np.arange(WIDTH), world.n_train
    write_placed(world.root / "precip_val.h5", world.grids["precip"][n:], world.days[n:], y, x)
    write_placed(world.root / "soil_val.h5", world.grids["soil"][n:], world.days[n:], y + 7, x)
    with pytest.raises(
        DataError, match=r"soil_train\.h5: has 15 x 10 cells like .*in other places \(y 21 against 14\)"
    ):
        make_plan(world.config())
    write_placed(world.root / "soil_val.h5", world.grids["soil"][n:], world.days[n:], y, x)
    assert make_plan(world.config()).y == tuple(y.astype(float))


def test_files_in_other_places_are_refused_though_the_first_has_no_coordinates(world):
    y, x = np.arange(HEIGHT)[::-1], np.arange(WIDTH)
    values, days = world.grids["soil"], world.days
    write_grid(world.root / "a.h5", values[:50], days[:50])
    write_placed(world.root / "b.h5", values[50:100], days[50:100], y, x)
    write_placed(world.root / "c.h5", values[100:], days[100:], y, x + 1)
    with pytest.raises(DataError, match=r"c\.h5: has its cells in other places than .*b\.h5"):
        opened(world, paths=["a.h5", "b.h5", "c.h5"])


def test_coordinates_within_a_hundredth_of_a_cell_are_the_same_cells(world):
    target = place_target(world)
    for shift, same in ((90.0, True), (110.0, False)):  # of 10 km
        write_placed(world.root / "near.h5", world.grids["soil"], world.days, target.y, target.x + shift)
        soil = opened(world, paths="near.h5", regrid="nearest")
        brought = bring_to_target([opened(world, "precip"), soil], None)[1]
        assert (brought.regrid is None) == same


@pytest.mark.parametrize(
    ("attrs", "geographic"),
    [({"standard_name": "latitude"}, True), ({"units": "degrees_north"}, True), ({"units": "m", "axis": "Y"}, False)],
)
def test_cells_on_latitudes_are_told_by_their_attributes(attrs, geographic):
    grid = xr.DataArray(np.zeros((1, 2, 2)), dims=("time", "y", "x"), coords={"y": ("y", [1.0, 0.0], attrs)})
    assert cells_of(grid).geographic == geographic


def test_files_of_one_modality_with_cells_in_other_places_are_refused(world):
    y, x, n = np.arange(HEIGHT)[::-1], np.arange(WIDTH), world.n_train
    write_placed(world.root / "a.h5", world.grids["soil"][:n], world.days[:n], y, x)
    write_placed(world.root / "b.h5", world.grids["soil"][n:], world.days[n:], y, x + 1)
    with pytest.raises(DataError, match=r"b\.h5: has its cells in other places than .*a\.h5"):
        opened(world, paths=["a.h5", "b.h5"])


def test_an_impossible_value_is_found_before_it_is_hidden_in_a_mean(world):
    values = np.ones((200, 2 * HEIGHT, 2 * WIDTH), np.float32)
    values[50, 20, 7] = -4
    write_grid(world.root / "fine.h5", values, world.days)
    world.raw["data"]["modalities"]["precip"] = {"paths": "fine.h5", "regrid": "coarsen"}
    with pytest.raises(DataError, match=r"at row 20, column 7 before regridding on 2001-02-20 is -4 mm/d"):
        prepare(world.config("data.target_grid=soil"))


@pytest.mark.slow
def test_memory_of_regridding_does_not_grow_with_the_days(world):
    def peak(source: Source, n_days: int) -> int:
        tracemalloc.start()
        for start in range(0, n_days, 32):
            source.read(world.days[0] + np.timedelta64(start, "D"), 32)
            gc.collect()  # garbage in circles is freed at any time, which depends on what ran before
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    place_target(world)
    write_fine(world)
    brought = bring_to_target([opened(world, "precip"), opened(world, regrid="conservative")], None)[1]
    peak(brought, 32)  # what is imported on first use
    assert peak(brought, 192) < 1.2 * peak(brought, 64)


def test_land_is_derived_from_the_target_grid(world):
    world.raw["data"].pop("land_mask")
    world.grids["soil"][:, 12, 7] = np.nan
    world.write_grids("soil")
    target = make_plan(world.config("data.target_grid=soil")).land
    other = make_plan(world.config("data.target_grid=precip")).land
    assert int(other.cells.sum()) - int(target.cells.sum()) == 1
    assert "where soil has a value" in target.notes[0]
