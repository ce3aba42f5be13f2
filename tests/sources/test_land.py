"""Land, where no mask says what it is."""

import shutil
from datetime import date

import h5py
import numpy as np
import pytest
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.config.read import build_config
from hydromae.sources.plan import make_plan
from hydromae.store.prepare import prepare
from support.sources import HEIGHT, WIDTH, day_range, write_grid


def land_of(root, values, days, **data):
    write_grid(root / "soil.h5", values, days)
    soil = {"paths": "soil.h5", **data.pop("soil", {})}
    raw = {"root": str(root), "train": [str(days[0]), str(days[-1])], "modalities": {"soil": soil}, **data}
    return make_plan(build_config({"data": raw, "model": {"patch_size": 1}})).land


def test_cells_that_begin_years_after_the_first_are_land_too(tmp_path):
    days = day_range(date(2001, 1, 1), date(2006, 12, 31))
    values = np.ones((len(days), 4, 4), np.float32)
    values[: 3 * 365, 2] = np.nan  # a region that is observed in the second half alone
    values[:, 0] = np.nan
    land = land_of(tmp_path, values, days, land_threshold=1)
    assert land.patches.tolist() == list(range(4, 16))
    assert land.notes == ("land is the 12 cells where soil has a value on one of 128 days",)


def test_days_that_the_grid_lacks_or_that_are_excluded_say_nothing_of_land(tmp_path):
    days = day_range(date(2001, 1, 1), date(2001, 12, 31))
    values = np.full((60, 2, 2), np.nan, np.float32)
    values[:50, 0] = 1.0
    values[50:] = 1.0
    write_grid(tmp_path / "soil.h5", values, days[300:360])
    config = {
        "root": str(tmp_path),
        "train": ["2001-01-01", "2001-12-31"],
        "modalities": {"soil": {"paths": "soil.h5", "exclude_dates": [[str(days[350]), str(days[359])]]}},
    }
    land = make_plan(build_config({"data": config, "model": {"patch_size": 1}})).land
    assert land.patches.tolist() == [0, 1]
    assert land.notes == ("land is the 2 cells where soil has a value on one of 50 days",)


def test_all_of_few_days_are_looked_at_where_days_between_them_lack(tmp_path):
    days = day_range(date(2001, 1, 1), date(2001, 6, 30))[::3]
    values = np.full((len(days), 2, 2), np.nan, np.float32)
    values[:, 0] = 1.0
    values[2, 1] = 1.0  # a place that is observed once
    land = land_of(tmp_path, values, days, soil={"allow_absent_days": True})
    assert land.patches.tolist() == [0, 1, 2, 3]
    assert land.notes == (f"land is the 4 cells where soil has a value on one of {len(days)} days",)


def test_a_grid_without_any_value_has_no_land(tmp_path):
    days = day_range(date(2001, 1, 1), date(2001, 3, 31))
    with pytest.raises(DataError, match=r"soil\.h5: no patch has"):
        land_of(tmp_path, np.full((90, 2, 2), np.nan, np.float32), days)


def test_a_mask_is_taken_without_a_note(world):
    assert make_plan(world.config()).land.notes == ()


def write_cf_mask(path, land, y, x):
    """In netCDF or Zarr, rows from the south."""
    data = xr.Dataset({"land": (("y", "x"), land.astype(np.int8))}, coords={"y": y, "x": x}).isel(
        y=slice(None, None, -1)
    )
    if path.suffix == ".zarr":
        data.to_zarr(path, consolidated=False)
    else:
        data.to_netcdf(path, engine="h5netcdf")


@pytest.mark.parametrize("name", ["mask.nc", "mask.zarr"])
def test_a_mask_that_says_where_it_lies_must_lie_where_the_grids_do(world, name):
    y, x = np.arange(HEIGHT)[::-1] * 1000.0, np.arange(WIDTH) * 1000.0
    write_grid(world.root / "placed.h5", world.grids["soil"], world.days)
    with h5py.File(world.root / "placed.h5", "a") as file:
        file["y"], file["x"] = y, x
    expected = make_plan(world.config()).land
    world.raw["data"]["modalities"]["soil"]["paths"] = "placed.h5"
    world.raw["data"]["land_mask"] = name
    write_cf_mask(world.root / name, world.land, y, x)
    found = make_plan(world.config()).land
    assert (found.cells == expected.cells).all() and (found.patches == expected.patches).all()
    elsewhere = f"elsewhere{name[4:]}"
    write_cf_mask(world.root / elsewhere, world.land, y + 1000, x)
    with pytest.raises(DataError, match=r"elsewhere.*has its cells in other places than .*placed\.h5"):
        make_plan(world.config(f"data.land_mask={elsewhere}"))


def test_a_zarr_mask_outside_the_root_is_a_source_and_a_change_of_it_is_noticed(world):
    mask = world.root.parent / "masks" / "mask.zarr"
    world.raw["data"]["land_mask"] = str(mask)
    write_cf_mask(mask, world.land, np.arange(HEIGHT)[::-1], np.arange(WIDTH))
    store = prepare(world.config())
    assert prepare(world.config()).fingerprint == store.fingerprint
    shutil.rmtree(mask)
    write_cf_mask(mask, np.ones_like(world.land), np.arange(HEIGHT)[::-1], np.arange(WIDTH))
    with pytest.raises(DataError, match=r"made from files that have changed since \(.*mask\.zarr"):
        prepare(world.config())
