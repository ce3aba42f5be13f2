"""The same attribute under the names of several archives."""

from collections.abc import Collection
from typing import Final

# The National River Flow Archive's name -> those of CAMELS-GB (Coxon et al. 2020).
_OTHER_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "minimum-altitude": ("elev_min",),
    "maximum-altitude": ("elev_max",),
    "mean-altitude": ("elev_mean",),
    "10-percentile-altitude": ("elev_10",),
    "50-percentile-altitude": ("elev_50",),
    "90-percentile-altitude": ("elev_90",),
    "dpsbar": ("dpsbar",),
    "catchment-area": ("area",),
}


def same_attribute(name: str, others: Collection[str]) -> str | None:
    """The name under which others have an attribute: its own, or that of another archive; None where they lack it."""
    plain = {_plain(other): other for other in others}
    names = (name, *_OTHER_NAMES.get(name, ()))
    return next((plain[_plain(known)] for known in names if _plain(known) in plain), None)


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")
