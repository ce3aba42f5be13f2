"""Weather files opened for a run of some stations."""

from collections.abc import Sequence
from pathlib import Path
from unittest.mock import Mock

from hydromae.config import DataConfig, ModalityConfig
from hydromae.prediction.known_data import KnownData
from hydromae.store.store import Store
from hydromae.tasks.weather import Weather, open_weather
from hydromae.tokens.shape import TokenShape
from support.stamped import DAYS


def open_weather_file(path: Path, stations: Sequence[str] = ("7",), units: str = "mm/d") -> Weather:
    first = Mock(spec=Store, first_day=DAYS[0])
    data = Mock(
        spec=KnownData, units={"evap": units, "rain": units}, stations=tuple(stations), store=first, computed=()
    )
    modalities = {
        "evap": ModalityConfig(kind="series", units="mm"),
        "rain": ModalityConfig(kind="series", units="mm", maximum=500),
    }
    settings = Mock(spec=DataConfig, missing_values=(-99.0,), modalities=modalities)
    shapes = {name: Mock(spec=TokenShape, kind="series") for name in ("evap", "rain")}
    return open_weather(path, shapes, ("riverflow",), data, settings)
