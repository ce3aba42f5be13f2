"""Writing an array to .npy block by block, with a hash of each block."""

import hashlib
from pathlib import Path
from types import TracebackType

import numpy as np
from jaxtyping import Float


class ValuesFile:
    """A float32 .npy file that grows by blocks of days; memory holds one block.

    Args:
        path: the file, written anew.
        shape: of the whole array, days first.
    """

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        self.shape, self.days = shape, 0
        path.parent.mkdir(exist_ok=True)
        self._file = path.open("wb+")
        np.lib.format.write_array_header_1_0(self._file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        size = self._file.tell()
        self._file.seek(0)
        self.hashes = [hashlib.sha256(self._file.read(size)).hexdigest()]

    def append(self, block: Float[np.ndarray, "day *place"]) -> None:
        """Write the next days."""
        assert block.shape[1:] == self.shape[1:]
        content = np.ascontiguousarray(block, "<f4").data
        self.hashes.append(hashlib.sha256(content).hexdigest())
        self._file.write(content)
        self.days += len(block)

    def __enter__(self) -> "ValuesFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        assert kind is not None or self.days == self.shape[0]
