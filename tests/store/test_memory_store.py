"""A store that is held in memory gives the same values, and is compared with its hashes on the way."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from hydromae.base.errors import ConfigError, DataError
from hydromae.store import memory_store
from hydromae.store.memory_store import MemoryStore
from hydromae.store.store import Store
from support.sources import World


def test_the_values_in_memory_are_those_of_the_store_and_cannot_be_written(prepared: tuple[World, Store]) -> None:
    store = prepared[1]
    held = MemoryStore(store)
    assert held.fingerprint == store.fingerprint
    for name in store.names:
        values = held.values(name)
        assert not isinstance(values, np.memmap) and not values.flags.writeable
        np.testing.assert_array_equal(values, store.values(name))
        np.testing.assert_array_equal(held.read(name, slice(3, 9)), store.read(name, slice(3, 9)))


def test_days_that_are_declared_wrong_stay_so(prepared: tuple[World, Store]) -> None:
    store = prepared[1].with_excluded((prepared[1].days[4].item(),))
    held = MemoryStore(store)
    assert np.isnan(held.read_usable("evap", slice(4, 5))).all() and not np.isnan(held.read("evap", slice(4, 5))).all()


def test_a_flipped_byte_is_named_with_its_days(prepared: tuple[World, Store], tmp_path: Path) -> None:
    path = shutil.copytree(prepared[1].path, tmp_path / "store")
    file = path / "values" / "soil.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"values/soil\.npy: days 2001-07-12 to 2001-07-19 differ from when"):
        MemoryStore(Store.open(path))


def test_values_that_the_machine_cannot_hold_are_refused_with_the_key_that_helps(
    prepared: tuple[World, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_store, "machine_memory", lambda: 1000)
    with pytest.raises(ConfigError, match=r"and the machine has 0\.0 GiB of memory; set data\.cache: none"):
        MemoryStore(prepared[1])
