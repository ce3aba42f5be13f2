"""What a process of its own does with a store in shared memory; of a name that such a process can import."""

from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from hydromae.store.cache import SharedValues
from hydromae.store.store import Store


def lies_in(store: Store, folder: Path) -> bool:
    return all(Path(str(store.values(name).filename)).is_relative_to(folder) for name in store.names)


def use(path: Path, shared_memory: Path, talk: Connection) -> None:
    """Take the copy, say what is read, and leave when told."""
    with SharedValues(Store.open(path), "auto", shared_memory) as shared:
        talk.send((lies_in(shared.store, shared_memory), float(np.nansum(shared.store.values("precip")))))
        talk.recv()
    talk.send("left")
