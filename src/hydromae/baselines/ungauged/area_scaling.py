"""The drainage-area ratio."""

from collections.abc import Sequence

import pandas as pd
import xarray as xr

from hydromae.baselines.ungauged.donors import donors_for


def estimate(flow: xr.DataArray, stations: pd.DataFrame, *, held_out: Sequence[str]) -> xr.DataArray:
    """Flow of the nearest gauge that is observed on the day, times the ratio of the areas: Q = Q_donor A / A_donor.

    The drainage-area ratio as in Archfield & Vogel (2010, Water Resour. Res. 46, W10513), nearest by great-circle
    distance; in mm/d it is the nearest donor's flow as it is.

    Args:
        flow: [time, station] in m3/s or mm/d; nothing of the held-out stations is looked at.
        stations: the index is the ids; `latitude`, `longitude` in degrees and, for m3/s, `area` in km2.
        held_out: stations without a gauge.

    Returns:
        [time, station] of the held-out stations, in the flow's unit and dtype; NaN where no gauge is observed.

    Raises:
        DataError: a station has no row, coordinates or area, no donor is left, or the flow has no unit.
    """
    donors = donors_for(flow, stations, held_out)
    return donors.result(donors.nearest_observed(donors.kilometres()))
