import json
import multiprocessing
import os
import pickle
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hydromae.base.errors import ConfigError, DataError
from hydromae.store.prepare import prepare
from hydromae.store.provenance import changed_sources
from hydromae.store.store import FORMAT, Store


@pytest.fixture
def copy(prepared, tmp_path):
    """A store of the test's own, to be damaged freely."""
    return Store.open(shutil.copytree(prepared[1].path, tmp_path / "copy"))


def test_it_pickles_small_and_without_its_maps(prepared):
    store = prepared[1]
    before = pickle.dumps(store)
    values = store.values("precip")
    assert len(values) and pickle.dumps(store) == before and len(before) < 20_000
    again = pickle.loads(before)
    np.testing.assert_array_equal(again.values("precip")[:40], values[:40])


def _sum_of_soil(path):
    return float(np.nansum(pickle.loads(path.read_bytes()).values("soil"), dtype=np.float64))


def test_another_process_reads_the_same_values(prepared, tmp_path):
    store, path = prepared[1], tmp_path / "store.pickle"
    path.write_bytes(pickle.dumps(store))
    with multiprocessing.get_context("fork").Pool(1) as other:  # which need not import all anew
        assert other.apply(os.getpid) != os.getpid()
        assert other.apply(_sum_of_soil, (path,)) == float(np.nansum(store.values("soil"), dtype=np.float64))


def test_values_cannot_be_written(prepared):
    with pytest.raises(ValueError, match="read-only"):
        prepared[1].values("precip")[0] = 0


def test_periods_are_slices_of_the_days(prepared):
    store = prepared[1]
    train, val = store.period_slice("train"), store.period_slice("val")
    assert (train.start, train.stop, val.start, val.stop) == (0, 140, 140, store.n_days)
    assert store.days[val][0] == np.datetime64("2001-05-21") and (np.diff(store.days).astype(int) == 1).all()
    with pytest.raises(ConfigError, match=r"no test period, only train, val; .* set data\.test"):
        store.period_slice("test")


def test_an_unknown_modality_is_named(prepared):
    with pytest.raises(ConfigError, match="no modality rain, only precip, soil, evap, riverflow"):
        prepared[1].values("rain")


def test_scaled_attributes_have_mean_0_and_deviation_1_where_known(prepared):
    store = prepared[1]
    assert store.attribute_names == ("latitude", "catchment-area", "bfihost")
    assert (np.isnan(store.scaled_attributes) == np.isnan(store.attributes)).all()
    np.testing.assert_allclose(np.nanmean(store.scaled_attributes, axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(np.nanstd(store.scaled_attributes, axis=0), 1, atol=1e-6)


def test_mean_is_that_of_the_training_days(prepared):
    store = prepared[1]
    for name in ("precip", "riverflow"):
        train = store.values(name)[store.period_slice("train")]
        seen = ~np.isnan(train).all(axis=0)
        assert (np.isnan(store.mean(name)) == ~seen).all() and seen.any()
        np.testing.assert_allclose(store.mean(name)[seen], np.nanmean(train[:, seen].astype(float), axis=0), rtol=1e-6)


def test_an_untouched_store_verifies(copy):
    copy.verify()


@pytest.mark.parametrize(
    ("file", "position", "named"),
    [
        ("values/precip.npy", -1, "days 2001-07-12 to 2001-07-19"),
        ("values/precip.npy", 128, "days 2001-01-01 to 2001-03-05"),
        ("values/riverflow.npy", 128 + 64 * 4 * 4, "days 2001-03-06 to 2001-05-08"),
        ("values/evap.npy", 100, "header"),
        ("mean/soil.npy", -1, "content"),
        ("land.npy", -1, "content"),
        ("attributes.npy", -3, "content"),
        ("store.json", 300, "store.json"),
    ],
)
def test_a_flipped_byte_is_found_and_named(copy, file, position, named):
    path = copy.path / file
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"{file}: .*--overwrite") as caught:
        copy.verify()
    assert named in str(caught.value)


NAMES = ("precip", "soil", "evap", "riverflow")
FILES = (
    "store.json",
    *(
        f"{kept}/{name}.npy"
        for kept in ("values", "mean", "present")
        for name in ("precip", "soil", "evap", "riverflow")
    ),
    *("land.npy", "valid_patches.npy", "attributes.npy"),
)


def test_a_store_holds_the_files_that_are_verified_and_no_others(prepared):
    root = prepared[1].path
    assert sorted(str(f.relative_to(root)) for f in root.rglob("*") if f.is_file()) == sorted(FILES)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(file=st.sampled_from(FILES), place=st.floats(0, 1, exclude_max=True), bits=st.integers(1, 255))
def test_any_change_of_any_byte_of_any_file_is_found_and_named(copy, file, place, bits):
    path = copy.path / file
    content = path.read_bytes()
    position = int(place * len(content))
    spoilt = bytearray(content)
    spoilt[position] ^= bits
    path.write_bytes(spoilt)
    try:
        with pytest.raises(DataError, match=rf"{file}: "):
            copy.verify()
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize("file", FILES)
def test_an_absent_file_is_found_and_named(copy, file):
    (copy.path / file).unlink()
    with pytest.raises(DataError, match="is not a store" if file == "store.json" else rf"{file}: "):
        copy.verify()


@pytest.mark.parametrize("last", ["2001-06-29", "2001-07-11", "2001-07-18"])
def test_the_fingerprint_of_the_first_days_is_that_of_a_store_of_these_days(prepared, tmp_path, last):
    world, store = prepared
    val = f"data.val=[2001-05-21, {last}]"
    shorter = prepare(world.config(val, f"data.store={tmp_path / 'shorter'}"))
    assert store.fingerprint_until(shorter.n_days) == shorter.fingerprint != store.fingerprint
    assert store.fingerprint_until(shorter.n_days - 1) != shorter.fingerprint
    with pytest.raises(ConfigError, match="has 200 days, not 201"):
        store.fingerprint_until(201)


def test_values_that_changed_before_a_day_change_its_fingerprint_and_later_ones_do_not(world, prepared):
    world.grids["soil"][185, 12, 3] += 1e-3
    world.write_grids("soil")
    changed = prepare(world.config())
    assert changed.fingerprint_until(186) != prepared[1].fingerprint_until(186)
    assert changed.fingerprint_until(185) == prepared[1].fingerprint_until(185)


def test_sources_that_changed_since_are_named(world):
    store = prepare(world.config())
    assert changed_sources(store) == []
    os.utime(world.root / "soil_val.h5", (1, 1))  # touched, but the same
    assert changed_sources(store) == []
    content = bytearray((world.root / "soil_val.h5").read_bytes())
    content[-1] ^= 1
    (world.root / "soil_val.h5").write_bytes(content)
    (world.root / "mask.pt").unlink()
    with (world.root / "attributes.csv").open("a") as file:
        file.write("\n")
    found = {sentence.split(": ", 1)[0]: sentence for sentence in changed_sources(store)}
    names = ["soil_val.h5", "attributes.csv", "mask.pt"]
    assert list(found) == [str(world.root / name) for name in names]
    for name, change in zip(names, ("another content", "bytes now, and had", "is absent"), strict=True):
        assert change in found[str(world.root / name)]


def test_large_sources_are_compared_by_size_and_time(world, monkeypatch):
    monkeypatch.setattr("hydromae.store.provenance._HASHED_SIZE", 1)
    store = prepare(world.config())
    assert changed_sources(store) == []
    os.utime(world.root / "soil_val.h5", (1, 1))
    (sentence,) = changed_sources(store)
    assert "soil_val.h5: was written to since" in sentence


def test_sources_that_were_moved_are_compared_where_they_are_now(world, tmp_path):
    store = prepare(world.config())
    moved = world.root.rename(tmp_path / "moved")
    (sentence,) = changed_sources(store)
    assert "is no folder" in sentence and changed_sources(store, moved) == []


def test_where_the_sources_lay_has_no_part_in_the_fingerprint(world, prepared):
    store = prepare(world.config())
    assert store.provenance.root != prepared[1].provenance.root and store.fingerprint == prepared[1].fingerprint


def test_a_store_cut_short_is_found(copy):
    path = copy.path / "values" / "soil.npy"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(DataError, match=r"soil\.npy"):
        copy.verify()
    with pytest.raises(DataError, match=r"soil\.npy: cannot be read"):
        Store.open(copy.path).values("soil")


def test_a_description_changed_by_hand_is_refused(copy):
    path = copy.path / "store.json"
    path.write_text(path.read_text().replace('"mm/d"', '"mm/h"', 1))
    with pytest.raises(DataError, match=r"store\.json: was changed after it was written"):
        Store.open(copy.path)


def test_another_format_is_refused_by_number(copy):
    path = copy.path / "store.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    with pytest.raises(DataError, match=rf"store\.json: has format 99, this version reads {FORMAT}"):
        Store.open(copy.path)


def test_what_is_no_store_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"is not a store \(it has no store\.json\).*hydromae prepare"):
        Store.open(tmp_path)
