"""The strategies by name: those of the package, and those that other packages register as entry points."""

import sys
from functools import lru_cache
from importlib.metadata import entry_points

from hydromae.base.errors import ConfigError
from hydromae.config.masking import STRATEGY_GROUP
from hydromae.masks.gaps import Gap
from hydromae.masks.rolling import RollingForecast
from hydromae.masks.shares import Place, Random, Span
from hydromae.masks.strategy import Strategy
from hydromae.masks.whole import Forecast, Modality

STRATEGIES: dict[str, Strategy] = {
    "random": Random(),
    "span": Span(),
    "gap": Gap(),
    "place": Place(),
    "modality": Modality(),
    "forecast": Forecast(),
    "rolling_forecast": RollingForecast(),
}


def strategy_of(name: str) -> Strategy:
    """The strategy of a name.

    Raises:
        ConfigError: no installed package has one, or the one that has cannot be loaded.
    """
    return STRATEGIES[name] if name in STRATEGIES else _registered(name, tuple(sys.path))


@lru_cache
def _registered(name: str, search_path: tuple[str, ...]) -> Strategy:
    """Packages are looked for once for every state of sys.path."""
    points = list(entry_points(group=STRATEGY_GROUP, name=name))
    if not points:
        raise ConfigError(
            f"there is no masking strategy {name}; name one of {', '.join(STRATEGIES)}, or install the package that "
            f"registers it under {STRATEGY_GROUP}"
        )
    package = points[0].dist.name if points[0].dist else points[0].module
    who = f"the masking strategy {name} of the package {package}"
    try:
        loaded = points[0].load()
        strategy = loaded() if isinstance(loaded, type) else loaded
    except Exception as error:  # a package may raise anything when it is imported
        raise ConfigError(f"{who} cannot be loaded ({type(error).__name__}: {error}); tell its authors") from error
    if not isinstance(strategy, Strategy):
        raise ConfigError(f"{who} is no hydromae.masks.strategy.Strategy, but a {type(strategy).__name__}")
    return strategy
