"""Exports to an object store: moto's server on this machine, and fsspec's memory."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import xarray as xr

from hydromae.base.addresses import AddressPath
from hydromae.base.errors import DataError
from hydromae.results import address as addresses
from hydromae.results import address_turns as turns
from hydromae.results.export import export
from hydromae.store.store import Store
from hydromae.store.view import open_store
from support.servers import object_store
from support.sources import World


@pytest.fixture(params=["memory", "s3"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    if request.param == "memory":
        yield f"memory://{tmp_path.name}"
        fsspec.filesystem("memory").rm("/", recursive=True)
        return
    with object_store(monkeypatch, tmp_path) as bucket:
        yield bucket


def _objects(bucket: str) -> list[str]:
    system, inside = fsspec.url_to_fs(bucket, use_listings_cache=False)
    return sorted(system.find(inside))


def _marks(bucket: str) -> list[str]:
    return [name for name in _objects(bucket) if turns.is_mark(name)]


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
    assert not _marks(bucket)
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
        patch.setattr(addresses, "_clear", lambda system, inside: None)  # as a killed process takes nothing away
        with pytest.raises(KeyboardInterrupt):
            export(store, address, on_progress=broken)
    _left_by_a_killed_process(address)
    left = _objects(bucket)
    assert len(left) > 1 and not any("zarr.json" in name for name in left)
    with pytest.raises(DataError, match=r"e\.zarr: is being written by another process, whose last sign of life"):
        export(store, address)
    monkeypatch.setattr(turns, "_DEAD", -1.0)  # in place of two minutes
    export(store, address)
    _equal(address, store)
    assert not _marks(bucket)


def _left_by_a_killed_process(address: str) -> None:
    system, inside = fsspec.url_to_fs(address)
    system.pipe_file(f"{inside}/{turns.MARK}-0", b"")


def test_of_two_exports_to_one_address_the_second_is_refused_and_the_first_is_whole(
    prepared: tuple[World, Store], bucket: str
) -> None:
    store, address, refused = prepared[1], f"{bucket}/e.zarr", []

    def second(stage: str, done: float) -> None:
        if not refused:
            with pytest.raises(DataError, match="is being written by another process") as error:
                export(store, address, names=["evap"], overwrite=True)
            refused.append(error)
            export(store, f"{bucket}/other.zarr", names=["evap"])

    export(store, address, on_progress=second)
    assert refused and not _marks(bucket)
    _equal(address, store)


def test_of_many_exports_that_begin_at_once_one_writes_at_a_time(
    prepared: tuple[World, Store], bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_PAUSE", 0.02)
    store, address = prepared[1], f"{bucket}/e.zarr"
    refusals: list[str] = []

    def attempt(number: int) -> bool:
        try:
            export(store, address, names=[store.names[number % 2]], overwrite=True)
        except DataError as error:
            refusals.append(str(error))
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(attempt, range(4)))
    assert not _marks(bucket) and all("is being written by another process" in text for text in refusals)
    if any(done):
        with xr.open_zarr(address) as data, open_store(store) as expected:
            (name,) = set(store.names) & set(data.data_vars)
            np.testing.assert_array_equal(data[name].values, expected[name].values)
        assert {other for other in store.names if any(f"/{other}/" in key for key in _objects(bucket))} == {name}
    else:
        assert not _objects(bucket)


def test_who_gave_no_sign_of_life_for_long_leaves_the_address_to_the_other(
    prepared: tuple[World, Store], bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, address, after = prepared[1], f"{bucket}/e.zarr", []

    def overtaken(stage: str, done: float) -> None:
        if not after:
            after.append(stage)
            with monkeypatch.context() as patch:
                patch.setattr(turns, "_DEAD", -1.0)
                export(store, address)

    with pytest.raises(DataError, match=r"e\.zarr: another process has begun to write there, since this one"):
        export(store, address, names=["evap"], on_progress=overtaken)
    assert not _marks(bucket)
    assert any("/precip/" in name for name in _objects(bucket))


def test_no_chunk_is_written_after_another_has_begun(
    prepared: tuple[World, Store], bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"{bucket}/e.zarr"

    def asleep(stage: str, done: float) -> None:
        system, _ = fsspec.url_to_fs(bucket)
        system.rm(_objects(bucket))  # another takes its mark and its chunks away
        monkeypatch.setattr(turns, "_DEAD", -1.0)  # nothing is sure any more

    with pytest.raises(DataError, match="another process has begun"):
        export(prepared[1], address, on_progress=asleep)
    assert not _objects(bucket)


def test_signs_of_life_are_given_while_the_work_goes_on(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_RENEWED", 0.01)
    system, inside = fsspec.url_to_fs(f"{bucket}/e.zarr", use_listings_cache=False)
    with turns.turn_at(AddressPath(f"{bucket}/e.zarr"), system, inside) as turn:
        (mark,) = _marks(bucket)
        first, end = system.modified(mark), time.monotonic() + 10
        while system.modified(mark) == first and time.monotonic() < end:
            time.sleep(0.02)
        assert system.modified(mark) > first and turn.sure
        turn.check()
    assert not _marks(bucket)


def test_a_bucket_that_is_not_there_is_one_sentence(prepared: tuple[World, Store], bucket: str) -> None:
    if not bucket.startswith("s3:"):
        pytest.skip("memory has no buckets")
    with pytest.raises(DataError, match=r"s3://nobody/e\.zarr: cannot be written .*correct the bucket, or make it"):
        export(prepared[1], "s3://nobody/e.zarr")


def test_what_others_wrote_is_not_replaced(prepared: tuple[World, Store], bucket: str) -> None:
    system, inside = fsspec.url_to_fs(bucket)
    system.pipe_file(f"{inside}/e.zarr/zarr.json", b'{"attributes": {}}')
    with pytest.raises(DataError, match=r"e\.zarr: is there already and was not written by hydromae"):
        export(prepared[1], f"{bucket}/e.zarr", overwrite=True)
    assert len(_objects(bucket)) == 1
