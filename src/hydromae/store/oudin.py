"""Whether a store has evaporation that a formula makes of its temperature, so that data without it can do alike."""

from typing import Final

import numpy as np

from hydromae.base.calendar import days_of_year
from hydromae.base.coordinate_columns import coordinate_columns
from hydromae.base.evaporation import oudin_evaporation
from hydromae.base.units import same_units
from hydromae.store.store import Store

EVAPORATION: Final = "evap"
TEMPERATURE: Final = "temp"
OUDIN: Final = "oudin"  # Oudin et al. (2005), J. Hydrol. 303, 290-306

_DAYS = 730  # of the training that are compared
_LIKE = 0.999  # share of the variance that the formula must explain: rounding and wrong days aside, all of it


def follows_oudin(store: Store) -> bool:
    """Whether the training's evaporation is potential evaporation by the formula of Oudin et al. (2005).

    It is compared over the first two years of the training period, where temperatures and latitudes are known.
    """
    names = (EVAPORATION, TEMPERATURE)
    if any(name not in store.names or store.kind(name) != "series" for name in names):
        return False
    column = coordinate_columns(store.attribute_names).get("latitude")
    units = same_units(store.units(EVAPORATION), "mm/d") and same_units(store.units(TEMPERATURE), "degC")
    if column is None or not units or "train" not in store.periods:
        return False
    period = store.period_slice("train")
    days = slice(period.start, min(period.stop, period.start + _DAYS))
    temperature, evaporation = (np.array(store.read(name, days), np.float64) for name in (TEMPERATURE, EVAPORATION))
    latitude = store.attributes[:, column].astype(np.float64)
    expected = oudin_evaporation(temperature, latitude, days_of_year(store.days[days]))
    known = np.isfinite(expected) & np.isfinite(evaporation)
    if not known.any():
        return False
    missed = np.square(expected - evaporation)[known].mean()
    return bool(missed < (1 - _LIKE) * evaporation[known].var())
