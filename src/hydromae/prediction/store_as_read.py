"""A store of data as a trained model reads them, to train it further on its own scales."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hydromae.base.errors import ConfigError
from hydromae.config import Period
from hydromae.prediction.known_data import KnownData
from hydromae.store.description import KeptScales
from hydromae.store.series_store import Series, write_series_store
from hydromae.store.store import Store


def store_as_read(data: KnownData, path: Path, periods: Mapping[str, Period]) -> Store:
    """Write a store with all that the model reads of some data: series, also computed ones, attributes and scales.

    A model that is trained further on it meets the same numbers for the same physical values as before.

    Args:
        data: of a model of series only, with the period `train` that new stations' scales are taken from.
        path: of the new store.
        periods: train and others.

    Raises:
        ConfigError: the model reads grids.
        DataError: something is at the path, or it cannot be written.
    """
    if grids := [name for name, shape in data.model.shapes.items() if shape.kind == "grid"]:
        raise ConfigError(
            f"{', '.join(grids)} of the model {'is a grid' if len(grids) == 1 else 'are grids'}, and only a model of "
            f"series is tuned with --data; give the data as keys instead, as data.root=... data.store=..."
        )
    store, told = data.store, data.trained_on["modalities"]
    series = {
        name: Series(
            data.read(name, 0, store.n_days),
            data.scalers[name],
            data.units[name],
            store.long_name(name) if data.has(name) else name,
            store.standard_name(name) if data.has(name) else "",
        )
        for name in data.model.shapes
    }
    mean, std = (tuple(map(float, numbers)) for numbers in data.trained_on["attribute_scale"])
    new = {name: dict(of["new_station"]) for name, of in told.items() if "new_station" in of}
    names = [str(name) for name in data.trained_on["attributes"]]
    return write_series_store(
        path,
        series,
        store,
        data.stations,
        dict(zip(names, data.named_attributes.T, strict=True)),
        None if store.areas is None else np.asarray(data.at_stations(store.areas)),
        periods,
        KeptScales(attributes=(mean, std), new_station=new),
    )
