"""A store that is compared with its hashes as it is read."""

import numpy as np
from jaxtyping import Float

from hydromae.store.integrity import check_block, verify_small_files
from hydromae.store.store import Store


class VerifiedStore(Store):
    """A store that compares each block of days with its hash when it is first read, and the small files at once.

    Args:
        store: what to read.

    Raises:
        DataError: a small file differs from when it was written, or, on reading, a block does.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store.path, store._description)
        verify_small_files(self.path, self._description)
        self._verified: set[tuple[str, int]] = set()

    def read(self, name: str, days: slice) -> Float[np.ndarray, "day *place"]:
        """As `Store.read`; DataError names the file and the days of a block that differs."""
        first, last, _ = days.indices(self.n_days)
        size = self._description.block_days
        for block in range(first // size, -(-last // size)):
            if (name, block) not in self._verified:
                values = np.ascontiguousarray(self.values(name)[block * size : (block + 1) * size])
                check_block(self._values_path(name), self._modality(name), self._description, block, values.data)
                self._verified.add((name, block))
        return super().read(name, days)
