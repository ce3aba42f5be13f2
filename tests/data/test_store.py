import json
import pickle
import shutil
import subprocess
import sys

import numpy as np
import pytest

from hydromae.data.store import Store
from hydromae.errors import ConfigError, DataError


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


def test_another_process_reads_the_same_values(prepared, tmp_path):
    store = prepared[1]
    (tmp_path / "store.pickle").write_bytes(pickle.dumps(store))
    code = (
        "import pickle, sys, numpy as np; store = pickle.load(open(sys.argv[1], 'rb'));"
        "print(repr(float(np.nansum(store.values('soil'), dtype=np.float64))))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "store.pickle"], capture_output=True, text=True, check=True
    )
    assert float(printed.stdout) == float(np.nansum(store.values("soil"), dtype=np.float64))


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
    with pytest.raises(DataError, match=r"store\.json: has format 99, this version reads 1"):
        Store.open(copy.path)


def test_what_is_no_store_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"is not a store \(it has no store\.json\).*hydromae prepare"):
        Store.open(tmp_path)
