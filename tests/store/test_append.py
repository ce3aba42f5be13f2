import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from hydromae.base.errors import ConfigError, DataError
from hydromae.store.prepare import prepare
from support.grown import files_of, make_old, val_up_to, write_up_to
from support.sources import write_attributes, write_grid, write_table


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# One day of validation, within a block, at the end of one, and all but a day.
@pytest.mark.parametrize(
    ("storage", "n_days"),
    [
        ("float32", 141),
        ("float16", 180),
        ("float32", 192),
        ("float16", 199),
        *(
            pytest.param(storage, n_days, marks=pytest.mark.slow)
            for storage, n_days in (("float16", 141), ("float32", 180), ("float16", 192), ("float32", 199))
        ),
    ],
)
def test_it_equals_a_store_prepared_afresh_bit_for_bit(world, storage, n_days):
    override = f"data.storage={storage}"
    old = make_old(world, n_days, override)
    fingerprint = old.fingerprint
    store = prepare(world.config(override), append=True)
    fresh = prepare(world.config(override, f"data.store={world.root.parent / 'fresh'}"))
    assert files_of(store.path) == files_of(fresh.path) and store.n_days == 200
    assert store.fingerprint == fresh.fingerprint != fingerprint == store.fingerprint_until(n_days)
    assert store.periods == fresh.periods and all(store.scaler(n) == fresh.scaler(n) for n in store.names)
    store.verify()
    assert names(world.root.parent) == ["fresh", "sources", "store"]


def test_what_was_added_from_which_files_is_noted(world):
    old = make_old(world)
    store = prepare(world.config(), append=True)
    assert store.provenance.notes[:-1] == old.provenance.notes
    assert store.provenance.notes[-1] == (
        "2001-06-30 to 2001-07-19 were added from precip_val.h5, soil_val.h5, series.parquet"
    )
    assert prepare(world.config()).fingerprint == store.fingerprint  # it is the store of that configuration now


def test_new_files_may_follow_the_old_ones_and_a_test_period_the_validation(world):
    make_old(world)
    write_up_to(world, 180)
    for name, grid in world.grids.items():
        write_grid(world.root / f"{name}_new.h5", grid[180:], world.days[180:])
        world.raw["data"]["modalities"][name]["paths"].append(f"{name}_new.h5")
    test = f"data.test=[{world.days[180]}, {world.days[-1]}]"
    store = prepare(world.config(val_up_to(world, 180), test), append=True)
    assert store.n_days == 200 and set(store.periods) == {"train", "val", "test"}
    assert np.isnan(store.values("evap")[180:]).all() and not np.isnan(store.values("soil")[180:]).all()
    assert "precip_new.h5, soil_new.h5" in store.provenance.notes[-1]


def test_the_scaler_and_the_mean_do_not_see_the_new_days(world):
    old = make_old(world)
    means = {name: old.mean(name) for name in old.names}
    for grid in world.grids.values():
        grid[180:] = 77
    write_up_to(world, 200)
    store = prepare(world.config(), append=True)
    for name in store.names:
        assert store.scaler(name) == old.scaler(name)
        np.testing.assert_array_equal(store.mean(name), means[name])
    assert (store.values("soil")[180:][:, store.land] == 77).all()


def test_nothing_new_changes_nothing(world):
    store = make_old(world, 200)
    stamp = (store.path / "store.json").stat().st_mtime_ns
    assert prepare(world.config(), append=True).fingerprint == store.fingerprint
    assert (store.path / "store.json").stat().st_mtime_ns == stamp


def test_values_that_fill_what_lacked_on_days_of_the_store_are_no_new_days(world):
    write_up_to(world, 180)
    old = prepare(world.config())
    before = files_of(old.path)
    write_up_to(world, 200)
    with pytest.raises(DataError, match=r"on 2001-06-30 is .*, but nan in .*days are added only to unchanged ones"):
        prepare(world.config(), append=True)
    assert files_of(old.path) == before


@pytest.mark.parametrize("storage", ["float32", "float16"])
def test_interrupted_it_leaves_the_old_store_and_continues(world, storage):
    override = f"data.storage={storage}"
    old = make_old(world, 180, override)
    before = files_of(old.path)
    calls = iter(range(9))

    def interrupt(stage: str, done: float) -> None:
        if next(calls, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(world.config(override), interrupt, append=True)
    assert files_of(old.path) == before
    stages = []
    store = prepare(world.config(override), lambda stage, done: stages.append(stage), append=True)
    assert any(stage.startswith("continuing") for stage in stages)
    fresh = prepare(world.config(override, f"data.store={world.root.parent / 'fresh'}"))
    assert files_of(store.path) == files_of(fresh.path) and names(world.root.parent) == ["fresh", "sources", "store"]


def _change(world, name, day, value):
    world.grids[name][day, 12, 3] = value
    write_up_to(world, 200)
    world.write_grids(name)


def _new_station(world):
    ids = [9002, 101, 55555, 39001, 27003]
    columns = {"evaporation": np.ones((200, 5)), "discharge_vol": np.ones((200, 5))}
    write_table(world.root / "series.parquet", world.days, ids, columns)


BAD = {
    "a changed value": (
        lambda w: _change(w, "soil", 170, 0.123),
        r"soil_val\.h5: soil at row 12, column 3 on 2001-06-20 is 0\.123, but .* in .*1 of the 64 days up to",
    ),
    "a value that went missing": (lambda w: _change(w, "soil", 179, np.nan), r"on 2001-06-29 is nan, but"),
    "an impossible new value": (lambda w: _change(w, "precip", 190, -3), r"precip_val\.h5: .*2001-07-10 is -3 mm/d"),
    "a new station": (_new_station, r"series\.parquet: station 55555 is not in .*exclude_stations.*--overwrite"),
    "another training period": (
        lambda w: w.raw["data"].update(train=[str(w.days[0]), str(w.days[138])]),
        r"other data\.train, and days are added only with the same",
    ),
    "another scaling": (
        lambda w: w.raw["data"]["modalities"]["soil"].update(scaling="none"),
        r"other data\.modalities\.soil\.scaling",
    ),
    "another storage": (lambda w: w.raw["data"].update(storage="float16"), r"other data\.storage"),
    "an earlier end": (
        lambda w: w.raw["data"].update(val=[str(w.days[140]), str(w.days[150])]),
        r"ends on 2001-06-29, but the configuration's periods on 2001-05-31; let data\.val",
    ),
    "an earlier beginning": (
        lambda w: w.raw["data"].update(test=["2000-12-01", "2000-12-31"]),
        r"begins on 2001-01-01, but the configuration's periods on 2000-12-01",
    ),
}


@pytest.mark.parametrize("bad", BAD)
def test_what_does_not_fit_is_named_and_the_old_store_stays(world, bad):
    old = make_old(world)
    before = files_of(old.path)
    spoil, message = BAD[bad]
    spoil(world)
    with pytest.raises((DataError, ConfigError), match=message):
        prepare(world.config(), append=True)
    assert files_of(old.path) == before and names(world.root.parent) == ["sources", "store"]


def test_files_of_a_grid_that_lies_elsewhere_are_refused_though_their_values_are_the_same(world):
    def place(north: float, n_days: int) -> None:
        write_grid(world.root / "placed.h5", world.grids["soil"][:n_days], world.days[:n_days])
        with h5py.File(world.root / "placed.h5", "a") as file:
            file["y"], file["x"] = np.arange(15)[::-1] + north, np.arange(10)

    world.raw["data"]["modalities"]["soil"]["paths"] = "placed.h5"
    place(0, 180)
    make_old(world)
    place(1, 200)
    with pytest.raises(DataError, match=r"placed\.h5: has its cells in other places than .*store; .*--overwrite"):
        prepare(world.config(), append=True)
    place(0, 200)
    assert prepare(world.config(), append=True).n_days == 200


def test_grids_of_another_shape_are_refused(world):
    world.raw["data"]["land_mask"] = None
    make_old(world)
    for name, grid in world.grids.items():
        world.grids[name] = grid[:, :10]
        world.write_grids(name)
    with pytest.raises(DataError, match=r"precip_train\.h5.* has 10 x 10 cells, but .*store has 15 x 10; .*overwrite"):
        prepare(world.config(), append=True)


def test_a_new_station_that_is_excluded_is_no_hindrance(world):
    make_old(world)
    columns = {
        name: np.column_stack([np.full(200, 9.0), world.series[key]])
        for name, key in (("evaporation", "evap"), ("discharge_vol", "riverflow"))
    }
    write_table(world.root / "series.parquet", world.days, [55555, *(int(i) for i in world.ids)], columns)
    store = prepare(world.config("data.exclude_stations=['55555']"), append=True)
    assert "55555" not in store.station_ids and store.n_days == 200


def test_days_to_exclude_may_be_new_ones_only(world):
    make_old(world)
    soil = world.raw["data"]["modalities"]["soil"]
    soil["exclude_dates"] = ["2001-06-29"]
    with pytest.raises(ConfigError, match=r"other data\.modalities\.soil\.exclude_dates"):
        prepare(world.config(), append=True)
    soil["exclude_dates"] = ["2001-07-01", ["2001-07-03", "2001-07-04"]]
    store = prepare(world.config(), append=True)
    absent = np.isnan(store.values("soil")).all(axis=(1, 2))
    assert [str(day) for day in store.days[absent]] == ["2001-07-01", "2001-07-03", "2001-07-04"]


def test_periods_alone_can_change(world):
    old = make_old(world, 200)
    split = ("data.val=[2001-05-21, 2001-06-20]", "data.test=[2001-06-21, 2001-07-19]")
    store = prepare(world.config(*split), append=True)
    assert set(store.periods) == {"train", "val", "test"} and store.fingerprint == old.fingerprint
    assert store.provenance.notes == old.provenance.notes


def test_a_changed_table_of_attributes_does_not_change_those_of_the_store(world):
    old = make_old(world)
    attributes = old.attributes
    ids = [27003, 39001, 101, 9002]
    columns = {name: [1.0, 2.0, 3.0, 4.0] for name in ("latitude", "catchment-area", "bfihost")}
    write_attributes(world.root / "attributes.csv", ids, columns)
    store = prepare(world.config(), append=True)
    assert store.station_ids == old.station_ids
    np.testing.assert_array_equal(store.attributes, attributes)


def test_an_old_block_that_was_damaged_is_found(world):
    old = make_old(world)
    path = old.path / "values" / "soil.npy"
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"soil\.npy: days 2001-01-01 to 2001-03-05 differ from when they were written"):
        prepare(world.config(), append=True)


def test_without_a_store_or_with_overwrite_it_is_refused(world):
    with pytest.raises(DataError, match="is no store that days could be added to; make it without --append"):
        prepare(world.config(), append=True)
    with pytest.raises(ConfigError, match="either replaced"):
        prepare(world.config(), append=True, overwrite=True)


def test_a_copy_opened_before_goes_on_reading_the_old_days(world):
    old = make_old(world)
    values = old.values("soil")
    kept = np.array(values)
    prepare(world.config(), append=True)
    np.testing.assert_array_equal(values, kept)
    shutil.rmtree(old.path)
