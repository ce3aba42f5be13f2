"""Weather files opened for a run of one station."""

from pathlib import Path
from unittest.mock import Mock

from hydromae.config import DataConfig, ModalityConfig
from hydromae.prediction.known_data import KnownData
from hydromae.store.store import Store
from hydromae.tasks.weather import Weather, open_weather
from hydromae.tokens.shape import TokenShape
from support.stamped import DAYS


def open_weather_file(path: Path) -> Weather:
    data = Mock(spec=KnownData, units={"evap": "mm/d"}, stations=("7",), store=Mock(spec=Store, first_day=DAYS[0]))
    modalities = {"evap": ModalityConfig(kind="series", units="mm")}
    settings = Mock(spec=DataConfig, missing_values=(), modalities=modalities)
    return open_weather(path, {"evap": Mock(spec=TokenShape, kind="series")}, ("riverflow",), data, settings)
