"""A store whose values are held in memory."""

import math

import numpy as np

from hydromae.base.errors import ConfigError
from hydromae.base.memory import machine_memory
from hydromae.store.integrity import verified_pieces
from hydromae.store.store import Store


class MemoryStore(Store):
    """A store whose values are read into memory at once, each block of days compared with its hash.

    Args:
        store: what to read.

    Raises:
        ConfigError: the machine has less memory than the values take.
        DataError: a block differs from when the store was written; the message names the file and the days.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store.path, store._description, store.excluded, "never")  # all of it is checked here
        shapes = {name: self._values_shape(name) for name in self.names}
        types = {name: np.dtype(self._modality(name).dtype) for name in self.names}
        size = sum(math.prod(shapes[name]) * types[name].itemsize for name in self.names)
        if size > (there := machine_memory() or size):
            raise ConfigError(
                f"{self.path}: its values take {size / 2**30:.1f} GiB, and the machine has {there / 2**30:.1f} GiB of "
                f"memory; set data.cache: none"
            )
        for name in self.names:
            self._maps[name] = self._read_whole(name, shapes[name], types[name])

    def _read_whole(self, name: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        values = np.empty(shape, dtype)
        content, place = values.reshape(-1).view(np.uint8), 0
        pieces = verified_pieces(self._values_path(name), self._modality(name), self._description)
        next(pieces)  # the header
        for piece in pieces:
            content[place : place + len(piece)] = np.frombuffer(piece, np.uint8)
            place += len(piece)
        values.flags.writeable = False
        return values
