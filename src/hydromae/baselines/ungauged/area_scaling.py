"""The drainage-area ratio."""

from collections.abc import Sequence

import pandas as pd
import xarray as xr

from hydromae.baselines.ungauged.donors import donors_for


def estimate(flow: xr.DataArray, stations: pd.DataFrame, *, held_out: Sequence[str]) -> xr.DataArray:
    """Flow of the nearest station observed on the day, times the ratio of the areas: Q = Q_donor A / A_donor.

    The drainage-area ratio as in Archfield & Vogel (2010, Water Resour. Res. 46, W10513); nearest means by great-circle
    distance. In mm/d it is the flow of the nearest donor, unchanged.

    Args:
        flow: [time, station] in m3/s or mm/d; the flow of held-out stations is not used.
        stations: indexed by id; `latitude`, `longitude` in degrees and, for m3/s, `area` in km2.
        held_out: ids of the stations taken as ungauged.

    Returns:
        [time, station] of the held-out stations, in the flow's unit and dtype; NaN where no donor is observed.

    Raises:
        DataError: a station has no row, coordinates or area, no donor is left, or the flow has no unit.
    """
    donors = donors_for(flow, stations, held_out)
    return donors.result(donors.nearest_observed(donors.kilometres()))
