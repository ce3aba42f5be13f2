"""The donor with the most similar catchment."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float

from hydromae.base.errors import DataError
from hydromae.baselines.ungauged.donors import donors_for


def estimate(
    flow: xr.DataArray, stations: pd.DataFrame, *, held_out: Sequence[str], attributes: Sequence[str] | None = None
) -> xr.DataArray:
    """Specific discharge of the station whose attributes are most similar, among those observed on the day.

    Attributes are compared by their percentiles among the gauged stations, so that neither units nor skew
    matter, in the spirit of the physical similarity of Oudin et al. (2008, Water Resour. Res. 44, W03413); the
    difference is the root mean square over the attributes that both stations have.

    Args:
        flow: [time, station] in m3/s or mm/d; the flow of held-out stations is not used.
        stations: indexed by id; columns are attributes, NaN where missing, and for m3/s `area` in km2.
        held_out: ids of the stations taken as ungauged.
        attributes: columns to compare; None takes all, with latitude and longitude, so that nearness counts, too.

    Returns:
        [time, station] of the held-out stations, in the flow's unit and dtype; NaN where no donor is observed.

    Raises:
        DataError: a station has no row, area or attribute, no donor is left, or the flow has no unit.
    """
    donors = donors_for(flow, stations, held_out)
    columns = list(stations.columns) if attributes is None else list(attributes)
    difference = _difference(donors.ungauged[columns].to_numpy(np.float64), donors.gauged[columns].to_numpy(np.float64))
    if (unlike_all := ~np.isfinite(difference).any(axis=1)).any():
        station = donors.ungauged.index[unlike_all][0]
        raise DataError(f"station {station} has no attribute that a gauged one has; give one, or leave it out")
    return donors.result(donors.nearest_observed(difference))


def _difference(
    ungauged: Float[np.ndarray, "held_out attribute"], gauged: Float[np.ndarray, "donor attribute"]
) -> Float[np.ndarray, "held_out donor"]:
    """Root mean square difference of percentiles; infinite where both stations share no attribute."""
    squares = np.zeros((len(ungauged), len(gauged)))
    counts = np.zeros_like(squares)
    for mine, theirs in zip(ungauged.T, gauged.T, strict=True):
        ranked = np.sort(theirs[np.isfinite(theirs)])
        if not len(ranked):
            continue
        a, b = (np.where(np.isfinite(x), np.searchsorted(ranked, x) / len(ranked), np.nan) for x in (mine, theirs))
        square = (a[:, None] - b) ** 2  # [held out, donor]
        counts += np.isfinite(square)
        squares += np.nan_to_num(square)
    return np.where(counts > 0, np.sqrt(squares / np.maximum(counts, 1)), np.inf)
