"""Flow where there is no gauge, from other gauges on the same day, each `estimate(flow, stations, *, held_out)`.

`METHODS` has them under the names that tables show. A donor lends its specific discharge: the flow times the ratio of
the areas. So the nearest donor by distance *is* area scaling, and the others differ in whom they take for a donor.
"""

from collections.abc import Sequence
from typing import Protocol

import pandas as pd
import xarray as xr

from hydromae.baselines.ungauged import area_scaling, inverse_distance, similar_donor


class Ungauged(Protocol):
    """Flow [time, station] and the table of stations in, the held-out stations' flow [time, station] out."""

    def __call__(self, flow: xr.DataArray, stations: pd.DataFrame, *, held_out: Sequence[str]) -> xr.DataArray: ...


METHODS: dict[str, Ungauged] = {
    "area scaling": area_scaling.estimate,
    "similar donor": similar_donor.estimate,
    "inverse distance": inverse_distance.estimate,
}
