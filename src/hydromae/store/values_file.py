"""Writing an array to .npy block by block, with a hash of each block, so that writing can be continued."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal

import numpy as np
from jaxtyping import Float


class ValuesFile:
    """A .npy file that grows by blocks of days; memory holds one block.

    What an interrupted writer left in `path` and `journal` is kept: iterate over `kept` before the first `append`.

    Args:
        path: the file.
        journal: text file of the hashes of the blocks, each written after its block.
        shape: shape of the whole array, days first.
        dtype: float32 or float16.
        block_days: days in every block but the last.
    """

    def __init__(
        self,
        path: Path,
        journal: Path,
        shape: tuple[int, ...],
        dtype: Literal["float32", "float16"],
        block_days: int,
    ) -> None:
        self.shape, self.days = shape, 0
        self._dtype, self._block_days = np.dtype(dtype).newbyteorder("<"), block_days
        header = io.BytesIO()
        described = {"descr": self._dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(header, described)
        path.parent.mkdir(exist_ok=True)
        journal.parent.mkdir(exist_ok=True)
        journalled = (
            journal.read_text("ascii", errors="replace").splitlines() if path.exists() and journal.exists() else []
        )
        self.hashes = [hashlib.sha256(header.getvalue()).hexdigest()]
        self._file = path.open("rb+" if journalled else "wb+")
        self._journalled = journalled if self._file.read(header.tell()) == header.getvalue() else []
        self._file.seek(0)
        self._file.write(header.getvalue())
        self._journal = journal.open("a", encoding="ascii")

    def kept(self) -> Iterator[Float[np.ndarray, "day *place"]]:
        """The blocks that were written before, up to the first that is not whole; what follows is cut off."""
        for expected in self._journalled:
            count = min(self._block_days, self.shape[0] - self.days)
            begin = self._file.tell()
            block = np.empty((count, *self.shape[1:]), self._dtype)
            n_read = self._file.readinto(block.reshape(-1).view(np.uint8).data) if count else 0
            if not count or n_read != block.nbytes or hashlib.sha256(block.data).hexdigest() != expected:
                self._file.seek(begin)
                break
            self.days += count
            self.hashes.append(expected)
            yield block
        self._journalled = []
        self._file.truncate()
        self._journal.truncate(0)
        self._journal.write("".join(f"{expected}\n" for expected in self.hashes[1:]))
        self._journal.flush()

    def append(self, block: Float[np.ndarray, "day *place"]) -> None:
        """Write the next days."""
        assert block.shape[1:] == self.shape[1:] and not self._journalled
        content = np.ascontiguousarray(block, self._dtype).data
        self.hashes.append(hashlib.sha256(content).hexdigest())
        self._file.write(content)
        self._file.flush()
        self._journal.write(f"{self.hashes[-1]}\n")
        self._journal.flush()
        self.days += len(block)

    def __enter__(self) -> "ValuesFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._journal.close()
        assert kind is not None or self.days == self.shape[0]
