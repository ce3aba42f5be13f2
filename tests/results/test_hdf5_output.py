import errno
import io
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.results import array_files
from hydromae.results.export import export
from hydromae.results.hdf5_output import DiskFile
from hydromae.results.merge import merge
from hydromae.results.write import to_come, write_result
from hydromae.sample import write_sample
from hydromae.store.store import Store
from support.readers_sources import write_months
from support.sources import World, day_range


class SmallDisk(io.FileIO):
    """Takes so many bytes, the last write in part, and then refuses as a full disk does."""

    room = 0

    def write(self, data: memoryview) -> int:
        if self.tell() + len(data) > self.room:
            part = data[: max(0, self.room - self.tell())]
            if not len(part):
                raise OSError(errno.ENOSPC, "No space left on device")
            data = part
        return super().write(data)


@pytest.fixture
def full_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """A function that gives every file of HDF5 so many bytes of room."""

    def limit(room: int) -> None:
        class Limited(SmallDisk):
            pass

        Limited.room = room
        small = type("DiskFile", (DiskFile, Limited), {})
        for module in ("results.array_files", "results.merge", "sample.write"):
            monkeypatch.setattr(f"hydromae.{module}.DiskFile", small)

    return limit


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_what_is_written_reads_as_with_a_path(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(50, 8, 9))
    with DiskFile(tmp_path / "a.h5") as disk, h5py.File(disk, "w") as file:
        file.create_dataset("data", data=values, chunks=(1, 8, 9), compression="gzip")
        disk.check()
    with h5py.File(tmp_path / "a.h5") as file:
        assert (file["data"][:] == values).all()


@pytest.mark.parametrize("room", [0, 100, 3000, 40_000])
def test_a_full_disk_is_one_error_and_no_noise(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], full_after: Callable[[int], None], room: int
) -> None:
    full_after(room)
    limited, written = array_files.DiskFile, []

    def write() -> None:
        with limited(tmp_path / "a.h5") as disk, h5py.File(disk, "w") as file:
            data = file.create_dataset("data", (1000, 40, 50), "f8", chunks=(1, 40, 50))
            for day in range(1000):
                data[day] = float(day)
                disk.check()
                written.append(day)

    with pytest.raises(OSError, match="No space left") as caught:
        write()
    assert caught.value.errno == errno.ENOSPC and len(written) < 1000  # HDF5 holds some MiB back
    shown = capfd.readouterr()
    assert not shown.out and not shown.err


@pytest.mark.parametrize("suffix", [".h5", ".nc"])
@pytest.mark.parametrize("room", [3000, 20_000])
def test_merging_to_a_full_disk_names_the_target_and_leaves_none(
    tmp_path: Path, full_after: Callable[[int], None], capfd: pytest.CaptureFixture[str], suffix: str, room: int
) -> None:
    days = day_range(np.datetime64("2000-01-30").item(), np.datetime64("2000-03-02").item())
    values = np.random.default_rng(0).normal(size=(len(days), 30, 20)).astype(np.float32)
    folder = write_months(tmp_path / "months", values, days)
    out = tmp_path / "out"
    full_after(room)
    with pytest.raises(DataError, match=r"cannot be written \(No space left"):
        merge(folder, out / f"p{suffix}")
    assert f"p{suffix}" not in left(out) and not capfd.readouterr().err


def test_exporting_to_a_full_disk_names_the_target_and_leaves_none(
    prepared: tuple[World, Store], tmp_path: Path, full_after: Callable[[int], None], capfd: pytest.CaptureFixture[str]
) -> None:
    full_after(50_000)
    with pytest.raises(DataError, match=r"all\.nc: cannot be written \(No space left"):
        export(prepared[1], tmp_path / "all.nc")
    assert not left(tmp_path) and not capfd.readouterr().err


def test_a_sample_on_a_full_disk_names_its_folder_and_leaves_none(
    tmp_path: Path, full_after: Callable[[int], None]
) -> None:
    full_after(5000)
    with pytest.raises(DataError, match=r"s: cannot be written \(No space left"):
        write_sample(tmp_path / "s", "tiny")
    assert not left(tmp_path)


def test_blocks_on_a_full_disk_are_an_error_and_leave_nothing(
    tmp_path: Path, full_after: Callable[[int], None], capfd: pytest.CaptureFixture[str]
) -> None:
    sizes, random = {"time": 60, "y": 30, "x": 20}, np.random.default_rng(0)
    full_after(20_000)
    blocks = ((day, {"rain": random.random((1, 30, 20), np.float32)}) for day in range(60))
    with pytest.raises(DataError, match=r"f\.nc: cannot be written \(No space left"):
        write_result(xr.Dataset({"rain": to_come(sizes, tuple(sizes), "f4", {})}), tmp_path / "f.nc", blocks)
    assert not left(tmp_path) and not capfd.readouterr().err


def test_what_the_disk_refused_is_read_again_as_it_was(tmp_path: Path, full_after: Callable[[int], None]) -> None:
    full_after(200)
    with array_files.DiskFile(tmp_path / "a.bin") as disk:
        disk.write(bytes(range(150)))
        disk.write(bytes(range(100)))  # half of it finds room
        disk.seek(400)
        disk.write(b"far")
        disk.seek(180)
        disk.write(b"new")
        content = bytearray(410)
        disk.seek(0)
        assert disk.readinto(content) == 410 and disk.tell() == 410
        expected = bytearray(bytes(range(150)) + bytes(range(100)) + bytes(150) + b"far" + bytes(7))
        expected[180:183] = b"new"
        assert content == expected
        with pytest.raises(OSError, match="No space"):
            disk.check()
        disk.refused = None  # so that leaving the block does not raise it again
