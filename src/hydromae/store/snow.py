"""The share of a station's precipitation that likely falls as snow."""

from collections.abc import Callable
from typing import Final

import numpy as np
from jaxtyping import Float, Int

from hydromae.base.units import same_units
from hydromae.store.oudin import TEMPERATURE
from hydromae.store.store import Store

PRECIPITATION: Final = "precip"
SNOW_SHARE: Final = "snow_share"  # in a model's `trained_on`: the largest among the stations of its training
_DAYS = 1000  # read at once, so that memory does not grow with the record
_FREEZING = 0.0  # degC


def snow_share(
    read: Callable[[str, int, int], Float[np.ndarray, "day station"]], days: slice
) -> Float[np.ndarray, " station"]:
    """Share of the precipitation of days whose mean temperature is below 0 degC (`frac_snow` of Coxon et al. 2020).

    Args:
        read: values of a series by name, first day and number of days: precipitation in mm/d, temperature in degC.
        days: of the record.

    Returns:
        float64; NaN where no day has precipitation and temperature.
    """
    whole, snow = 0.0, 0.0
    for first in range(days.start, days.stop, _DAYS):
        count = min(_DAYS, days.stop - first)
        rain, temperature = read(PRECIPITATION, first, count), read(TEMPERATURE, first, count)
        rain = np.where(np.isfinite(temperature) & np.isfinite(rain), rain, 0.0)
        whole = whole + rain.sum(0, dtype=np.float64)
        snow = snow + np.where(temperature < _FREEZING, rain, 0.0).sum(0, dtype=np.float64)
    share: np.ndarray = np.divide(snow, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) > 0)
    return share


def tells_snow(store: Store) -> bool:
    """Whether a store has the series of precipitation (mm/d) and temperature (degC) that tell snow from rain."""
    needed = {PRECIPITATION: "mm/d", TEMPERATURE: "degC"}
    return all(
        name in store.names and store.kind(name) == "series" and same_units(store.units(name), unit)
        for name, unit in needed.items()
    )


def largest_snow_share(store: Store, places: slice | Int[np.ndarray, " place"]) -> float | None:
    """The largest among some stations over the training period; None where the store cannot tell."""
    if not tells_snow(store) or "train" not in store.periods:
        return None
    shares = snow_share(
        lambda name, first, days: store.read(name, slice(first, first + days)), store.period_slice("train")
    )
    return float(np.nanmax(shares[places])) if np.isfinite(shares[places]).any() else None
