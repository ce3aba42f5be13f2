"""Exports to an object store: moto's server on this machine."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.results import address as addresses
from hydromae.results.export import export
from hydromae.store.store import Store
from hydromae.store.view import open_store
from support.servers import object_store
from support.sources import World


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with object_store(monkeypatch, tmp_path) as bucket:
        yield bucket


def _objects(bucket: str) -> list[str]:
    return sorted(fsspec.filesystem("s3", use_listings_cache=False).find(bucket))


def _equal(address: str, store: Store) -> None:
    with xr.open_zarr(address) as data, open_store(store) as expected:
        for name in expected.data_vars:
            np.testing.assert_array_equal(data[name].values, expected[name].values, err_msg=str(name))
        assert set(data.variables) == set(expected.variables)


def test_an_export_to_an_address_is_the_store_and_is_replaced_only_when_asked(
    prepared: tuple[World, Store], bucket: str, hydromae: Any
) -> None:
    store, address = prepared[1], f"{bucket}/a/e.zarr"
    code, out, err = hydromae("export", store.path, "-o", address)
    assert code == 0 and f"Written: {address}" in out, err
    _equal(address, store)
    assert not any(name.endswith(addresses.MARK) for name in _objects(bucket))
    code, _, err = hydromae("export", store.path, "-o", address)
    assert code == 2 and f"{address}: is there already; give another address, or replace it with --overwrite" in err
    export(store, address, names=["evap"], overwrite=True)
    assert not any("/precip/" in name for name in _objects(bucket))
    export(store, address, overwrite=True)
    _equal(address, store)


def test_what_fails_leaves_nothing_and_what_is_broken_off_cannot_be_opened(
    prepared: tuple[World, Store], bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, address = prepared[1], f"{bucket}/e.zarr"

    def broken(stage: str, done: float) -> None:
        assert not any(name.endswith("zarr.json") for name in _objects(bucket))  # held back until the end
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(store, address, on_progress=broken)
    assert not _objects(bucket)
    with monkeypatch.context() as patch:
        patch.setattr(addresses, "_clear", lambda system, inside, kept: None)  # as a killed process takes nothing away
        with pytest.raises(KeyboardInterrupt):
            export(store, address, on_progress=broken)
    left = _objects(bucket)
    assert any(name.endswith(addresses.MARK) for name in left) and not any("zarr.json" in name for name in left)
    export(store, address)
    _equal(address, store)


def test_a_bucket_that_is_not_there_is_one_sentence(prepared: tuple[World, Store], bucket: str) -> None:
    with pytest.raises(DataError, match=r"s3://nobody/e\.zarr: cannot be written .*correct the bucket, or make it"):
        export(prepared[1], "s3://nobody/e.zarr")


def test_what_others_wrote_is_not_replaced(prepared: tuple[World, Store], bucket: str) -> None:
    fsspec.filesystem("s3").pipe_file(f"{bucket}/e.zarr/zarr.json", b'{"attributes": {}}')
    with pytest.raises(DataError, match=r"e\.zarr: is there already and was not written by hydromae"):
        export(prepared[1], f"{bucket}/e.zarr", overwrite=True)
    assert len(_objects(bucket)) == 1
