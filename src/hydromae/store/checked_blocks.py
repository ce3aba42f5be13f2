"""Which blocks of a file of values this process has compared with their hashes."""

import os
from pathlib import Path

import numpy as np
from jaxtyping import Int

from hydromae.store.description import ModalityDescription, StoreDescription
from hydromae.store.integrity import check_block, check_header


class CheckedBlocks:
    """The blocks of one file; stores that are opened on the same unchanged file share what is known of it.

    Two threads may compare the same block at once, which is only work done twice.

    Args:
        path: the file.
        modality: what it holds.
        description: of the store.
    """

    _known: dict[tuple[str | int, ...], "CheckedBlocks"] = {}  # noqa: RUF012

    def __init__(self, path: Path, modality: ModalityDescription, description: StoreDescription) -> None:
        self._path, self._modality, self._description = path, modality, description
        self._done = np.zeros(len(modality.hashes) - 1, bool)
        check_header(path, modality, description)

    @classmethod
    def of(cls, path: Path, modality: ModalityDescription, description: StoreDescription) -> "CheckedBlocks":
        """What this process knows of a file as it is now.

        Raises:
            DataError: its header differs from when it was written.
        """
        stat = os.stat(path)
        place = (str(path), stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, hash(modality.hashes))
        if place not in cls._known:
            cls._known[place] = cls(path, modality, description)
        return cls._known[place]

    def require(self, values: np.ndarray, blocks: Int[np.ndarray, "*any"], again: bool = False) -> None:
        """Compare some blocks of the map of the file with their hashes, those that were not compared yet or all.

        Raises:
            DataError: one differs; the message names the file and the days.
        """
        if not again and self._done[blocks].all():
            return
        size = self._description.block_days
        for block in np.unique(blocks).tolist():
            if again or not self._done[block]:
                content = np.ascontiguousarray(values[block * size : (block + 1) * size])
                check_block(self._path, self._modality, self._description, block, content.data)
                self._done[block] = True
