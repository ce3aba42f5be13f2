"""Maps of weather opened for stations whose places are known."""

from pathlib import Path
from unittest.mock import Mock

import numpy as np

from hydromae.config import DataConfig, ModalityConfig
from hydromae.prediction.known_data import KnownData
from hydromae.store.store import Store
from hydromae.tasks.weather import ForcingRules, Weather, open_weather
from hydromae.tokens.shape import TokenShape
from support.stamped import DAYS

STATIONS = ("7", "12")


def open_maps(
    path: Path,
    latitude: tuple[float, float] = (54.0, 52.0),
    longitude: tuple[float, float] = (1.0, 2.0),
    areas: tuple[float, float] = (300.0, 300.0),
    **rules: object,
) -> Weather:
    """The weather of two stations, rain in mm/d and temperature in degC, in a file of maps."""
    attributes = np.stack([latitude, longitude], 1).astype(np.float32)
    notes = ("precip: a value covers 09:00 to 09:00 of the next day",)
    store = Mock(
        spec=Store,
        provenance=Mock(notes=notes),
        first_day=DAYS[0],
        attribute_names=("latitude", "longitude"),
        attributes=attributes,
        areas=np.array(areas),
    )
    units = {"precip": "mm/d", "temp": "degC"}
    data = Mock(spec=KnownData, units=units, stations=STATIONS, store=store, computed=(), at_stations=np.asarray)
    modalities = {
        "precip": ModalityConfig(kind="series", units="mm/d", minimum=0, maximum=500),
        "temp": ModalityConfig(kind="series", units="degC", minimum=-90, maximum=60),
    }
    settings = Mock(spec=DataConfig, missing_values=(-99.0,), modalities=modalities)
    shapes = {name: Mock(spec=TokenShape, kind="series") for name in units}
    return open_weather(path, shapes, ("riverflow",), data, settings, ForcingRules(**rules))  # type: ignore[arg-type]
