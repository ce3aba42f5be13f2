"""The commands that a user with data of their own starts with, one after the other."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml

from hydromae.store.store import Store
from support.sources import World, write_grid

Hydromae = Callable[..., tuple[int, str, str]]


def write_config(world: World) -> Path:
    path = world.root.parent / "my.yaml"
    path.write_text(yaml.safe_dump(world.raw, sort_keys=False))
    return path


def test_from_a_folder_to_a_store_that_other_tools_open(hydromae: Hydromae, world: World, tmp_path: Path) -> None:
    config, store = tmp_path / "mine.yaml", tmp_path / "store"
    code, output, _ = hydromae("init", world.root, "-o", config)
    assert code == 0 and "riverflow" in output and f"Written: {config}" in output
    assert hydromae("init", world.root, "-o", config)[0] == 2
    code, output, _ = hydromae("check", config, "-o", tmp_path / "check.html")
    assert code in (0, 1) and "riverflow" in (tmp_path / "check.html").read_text()
    size = f"model.patch_size={world.raw['model']['patch_size']}"
    code, output, _ = hydromae("prepare", config, f"data.store={store}", size)
    assert code == 0 and f"{store}: 200 days from 2001-01-01" in output
    names = ("--names", "precip,riverflow", "--period", "2001-02-01", "2001-02-28")
    assert hydromae("export", store, "-o", tmp_path / "out.nc", *names)[0] == 0
    with xr.open_dataset(tmp_path / "out.nc", engine="h5netcdf") as data:
        assert set(data.data_vars) >= {"precip", "riverflow"} and data.sizes["time"] == 28
        held = Store.open(store)
        np.testing.assert_array_equal(data["riverflow"].values, held.read("riverflow", slice(31, 59)))
    assert hydromae("export", store, "-o", tmp_path / "out.csv", "--stations", "101, 9002")[0] == 0
    assert set(pd.read_csv(tmp_path / "out.csv", dtype={"ID": str})["ID"]) == {"101", "9002"}
    code, _, errors = hydromae("export", store, "-o", tmp_path / "out.nc")
    assert code == 2 and "out.nc" in errors and "--overwrite" in errors


def test_prepare_says_what_was_decided_on_the_way(hydromae: Hydromae, world: World) -> None:
    world.series["riverflow"][:, world.ids.index("9002")] = np.nan
    world.write_series()
    config = write_config(world)
    code, output, _ = hydromae("prepare", config, "data.modalities.riverflow.max_missing=0.5")
    assert code == 0
    assert "note: riverflow: 1 station lacks more than 50 % of data.train and is left out: 9002 (100 %)" in output


def test_prepare_ends_with_what_check_would_call_an_error(hydromae: Hydromae, world: World) -> None:
    sound = [line for line in hydromae("prepare", write_config(world))[1].splitlines() if line.strip()]
    assert "200 days from 2001-01-01" in sound[-3]
    assert sound[-2:] == ["Prepared. Next:", f"  hydromae train {world.root.parent / 'my.yaml'}"]
    world.series["evap"][5:9, 1] = -9999
    world.write_series()
    config = write_config(world)
    for options in (("--overwrite",), ()):  # the second time the store is there already
        code, output, _ = hydromae("prepare", config, *options)
        assert code == 0 and "evap is -9999.0 mm/d 4 times" in output.splitlines()[-1]
        assert output.splitlines()[-1].startswith("error: Would spoil training")
    world.raw["data"]["missing_values"] = [-99999.0, 1e20, -9999.0]
    code, output, _ = hydromae("prepare", write_config(world), "--overwrite")
    assert code == 0 and "200 days from 2001-01-01" in output and "error" not in output


@pytest.mark.parametrize(
    ("kept", "absent"), [(slice(0, 130), "2001-05-11 to 2001-05-20"), (slice(5, 140), "2001-01-01")]
)
def test_a_grid_that_begins_late_or_ends_early_is_missing_there(
    hydromae: Hydromae, world: World, kept: slice, absent: str
) -> None:
    write_grid(world.root / "soil_train.h5", world.grids["soil"][kept], world.days[kept])
    code, output, _ = hydromae("prepare", write_config(world))
    assert code == 0 and re.search(f"note: soil: .*{absent}", output)
    store = Store.open(world.raw["data"]["store"])
    there = np.zeros(140, bool)
    there[kept] = True
    np.testing.assert_array_equal(store.present("soil")[:140].any(1), there)


def test_new_days_are_appended(hydromae: Hydromae, world: World) -> None:
    config = write_config(world)
    world.raw["data"]["val"] = ["2001-05-21", "2001-06-30"]
    shorter = write_config(world)
    assert hydromae("prepare", shorter)[0] == 0
    before = Store.open(world.raw["data"]["store"])
    world.raw["data"]["val"] = ["2001-05-21", "2001-07-19"]
    config = write_config(world)
    code, _, errors = hydromae("prepare", config)
    assert code == 2 and "data.val" in errors
    assert hydromae("prepare", config, "--append")[0] == 0
    after = Store.open(world.raw["data"]["store"])
    assert (before.n_days, after.n_days) == (181, 200) and before.scaler("precip") == after.scaler("precip")


def test_check_of_a_store_compares_it_with_its_sources(hydromae: Hydromae, world: World) -> None:
    config = write_config(world)
    assert hydromae("prepare", config)[0] == 0
    store = world.raw["data"]["store"]
    code, output, _ = hydromae("check", store)
    assert code == 0 and "attributes.csv" not in output
    (world.root / "attributes.csv").write_text((world.root / "attributes.csv").read_text() + "\n")
    code, output, _ = hydromae("check", store)
    assert "attributes.csv" in output
    moved = world.root.rename(world.root.with_name("elsewhere"))
    code, output, _ = hydromae("check", store, "--root", moved)
    assert "attributes.csv" in output
