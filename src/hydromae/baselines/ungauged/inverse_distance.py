"""Specific discharge of the surrounding stations, weighted by inverse distance."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from hydromae.baselines.ungauged.donors import donors_for

_LEAST_KM = 1.0  # two stations at the same place do not get an infinite weight


def estimate(
    flow: xr.DataArray, stations: pd.DataFrame, *, held_out: Sequence[str], donors: int = 5, power: float = 2.0
) -> xr.DataArray:
    """Mean of the specific discharge of the nearest stations, weighted by distance to the power of -`power`.

    Interpolation of daily flow from surrounding stations as in Patil & Stieglitz (2012, Hydrol. Earth Syst. Sci. 16,
    551-562). A donor without a value on the day is left out of the mean; if none of them has one, the next nearest is
    taken.

    Args:
        flow: [time, station] in m3/s or mm/d; the flow of held-out stations is not used.
        stations: indexed by id; `latitude`, `longitude` in degrees and, for m3/s, `area` in km2.
        held_out: ids of the stations taken as ungauged.
        donors: number of donors in the mean, 1 or more.
        power: of the distance.

    Returns:
        [time, station] of the held-out stations, in the flow's unit and dtype; NaN where no donor is observed.

    Raises:
        DataError: a station has no row, coordinates or area, no donor is left, or the flow has no unit.
    """
    gauged = donors_for(flow, stations, held_out)
    distance = gauged.kilometres()  # [held out, donor]
    near = np.argsort(distance, axis=1, kind="stable")[:, :donors]
    weight = np.zeros_like(distance)
    away = np.maximum(np.take_along_axis(distance, near, axis=1), _LEAST_KM)
    np.put_along_axis(weight, near, away**-power, axis=1)
    present = np.isfinite(gauged.flow)
    total = present @ weight.T  # [time, held out]
    mean = np.where(present, gauged.flow, 0) @ weight.T / np.where(total > 0, total, 1)
    return gauged.result(np.where(total > 0, mean, gauged.nearest_observed(distance)))
