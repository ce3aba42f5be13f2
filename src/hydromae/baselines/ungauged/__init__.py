"""Flow of ungauged stations from others on the same day, each a function `estimate(flow, stations, *, held_out)`.

`METHODS` holds them under the names in tables. A donor gives its specific discharge, which is its flow times the ratio
of the areas. So the nearest donor by distance *is* area scaling, and the other methods differ in their choice of
donors.
"""

from collections.abc import Sequence
from typing import Protocol

import pandas as pd
import xarray as xr

from hydromae.baselines.ungauged import area_scaling, inverse_distance, similar_donor


class Ungauged(Protocol):
    """Estimates the flow of held-out stations [time, station] from flow [time, station] and the table of stations."""

    def __call__(self, flow: xr.DataArray, stations: pd.DataFrame, *, held_out: Sequence[str]) -> xr.DataArray: ...


METHODS: dict[str, Ungauged] = {
    "area scaling": area_scaling.estimate,
    "similar donor": similar_donor.estimate,
    "inverse distance": inverse_distance.estimate,
}
