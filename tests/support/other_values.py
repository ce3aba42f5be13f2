"""A store that holds other values than were prepared: with gaps, garbage or fills."""

from collections.abc import Mapping

import numpy as np

from hydromae.store.store import Store


class OtherValues(Store):
    """A store with other values in memory, [day, ...] by modality."""

    def __init__(self, store: Store, values: Mapping[str, np.ndarray]) -> None:
        super().__init__(store.path, store._description, store.excluded)
        for name, of_name in values.items():
            of_name.flags.writeable = False
            self._maps[name] = of_name
