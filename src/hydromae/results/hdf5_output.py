"""A file object for HDF5 and netCDF-4, with which a full disk is one error and not a crash."""

import io
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any


class DiskFile(io.FileIO):
    """A new file for h5py or h5netcdf, which keeps the first error of the disk for `check` to raise.

    HDF5 cannot close a file that it cannot write to: it prints a trace for each object in it, and may end the process.
    So after the first error all data are accepted as if written, and kept in memory for HDF5 to read again. The writer
    calls `check` after each block and after HDF5 has closed the file. As a context manager it checks at the end, unless
    another error was raised.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w+")
        self.refused: OSError | None = None
        self._unwritten: list[tuple[int, bytes]] = []  # where, and what

    def write(self, data: Any) -> int:
        """Write all of `data`, or note the error; returns the number of bytes."""
        left = memoryview(data).cast("B")
        size = len(left)

        def put() -> None:
            nonlocal left
            while left:  # a disk that is nearly full first accepts a part
                left = left[super(DiskFile, self).write(left) :]

        self._keep(put)
        if left:
            self._unwritten.append((self.tell(), bytes(left)))
            self.seek(len(left), io.SEEK_CUR)
        return size

    def readinto(self, buffer: Any) -> int | None:
        """Read what was written, also where the disk refused it."""
        if self.refused is None:
            return super().readinto(buffer)
        start, view = self.tell(), memoryview(buffer).cast("B")
        read = super().readinto(view) or 0
        view[read:] = bytes(len(view) - read)
        for at, data in self._unwritten:
            first, last = max(at, start), min(at + len(data), start + len(view))
            if first < last:
                view[first - start : last - start] = data[first - at : last - at]
        self.seek(start + len(view))
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Set the length of the file, or note the error."""
        self._keep(lambda: super(DiskFile, self).truncate(size))
        return self.tell() if size is None else size

    def check(self) -> None:
        """Raise the first OSError of the disk, if there was one."""
        if self.refused is not None:
            raise self.refused

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if kind is None:
            self.check()

    def _keep(self, action: Callable[[], object]) -> None:
        if self.refused is None:
            try:
                action()
            except OSError as error:
                self.refused = error
