"""The unit of predictions, brought to that of the data."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from hydromae.base.areas import MM_PER_DAY, is_flow
from hydromae.base.errors import DataError
from hydromae.base.units import conversion, same_units
from hydromae.readers.predictions import Predictions
from hydromae.store.store import Store


def unit_conversion(
    path: Path, given: Predictions, store: Store, target: str, stations: Sequence[str], notes: list[str]
) -> tuple[xr.DataArray | float | None, float]:
    """How predictions become the unit of the data.

    Args:
        path: of the predictions, for messages.
        given: the predictions.
        store: the data.
        target: the series that is predicted.
        stations: those that are scored.
        notes: a sentence is added that says what is done.

    Returns:
        Factor, one for each station where areas are needed, and offset; no factor where nothing is to be done.

    Raises:
        DataError: the units measure different things, or areas are needed and not known.
    """
    units, own, name = store.units(target), str(given.values.attrs["units"]), given.values.name
    if not own:
        notes.append(f"{path} says no unit of {name}: it is taken for {units}, that of the data")
        return None, 0.0
    if same_units(own, units):
        return None, 0.0
    try:
        factor, offset = conversion(own, units)
        notes.append(f"{name} is converted from {own} to {units}")
        return factor, offset
    except ValueError as error:
        volume = next((one for one in (own, units) if is_flow(one) or _convertible(one, "m3/s")), None)
        depth = next((one for one in (own, units) if _convertible(one, "mm/d")), None)
        if volume is None or depth is None:
            raise DataError(f"{path}: {name} is in {own}, but the data have {target} in {units} ({error})") from None
    if store.areas is None:
        raise DataError(
            f"{path}: {name} is in {own}, but the data have {target} in {units} and no areas of the catchments; name "
            f"their column (data.attributes.area), or convert the file"
        )
    places = [store.station_ids.index(station) for station in stations]
    area = xr.DataArray(np.asarray(store.areas, np.float64)[places], {"station": list(stations)}, ("station",))
    notes.append(f"{name} is converted from {own} to {units} by the areas of the data")
    if depth == own:  # mm/d -> m3/s
        return area / MM_PER_DAY * conversion(own, "mm/d")[0] * conversion("m3/s", units)[0], 0.0
    return MM_PER_DAY / area * conversion(own, "m3/s")[0] * conversion("mm/d", units)[0], 0.0


def _convertible(given: str, target: str) -> bool:
    try:
        return conversion(given, target)[1] == 0.0
    except ValueError:
        return False
