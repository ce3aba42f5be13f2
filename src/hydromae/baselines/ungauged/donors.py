"""Donors for ungauged stations: their specific discharge, and the way back to the unit of the flow."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float

from hydromae.base.areas import MM_PER_DAY, is_flow
from hydromae.base.distances import great_circle_km
from hydromae.base.errors import DataError
from hydromae.baselines.donors import first_present
from hydromae.store.station_table import require_columns


@dataclass(frozen=True)
class Donors:
    """The gauged stations, without any value of the held-out ones.

    Attributes:
        flow: specific discharge float64 [time, donor], mm/d where the flow was in m3/s, else in its own unit; NaN is
            missing.
        gauged: the rows of the donors in the table of stations.
        ungauged: the rows of the held-out stations.
        like: an empty result, with the coordinates and attributes of the flow, [time, held out].
        per_area: factor of the specific discharge for each held-out station.
    """

    flow: Float[np.ndarray, "time donor"]
    gauged: pd.DataFrame
    ungauged: pd.DataFrame
    like: xr.DataArray
    per_area: Float[np.ndarray, "held_out"]

    def kilometres(self) -> Float[np.ndarray, "held_out donor"]:
        """Great-circle distance of each held-out station to each donor.

        Raises:
            DataError: a station has no coordinates.
        """
        for table in (self.gauged, self.ungauged):
            require_columns(table, ("latitude", "longitude"), "finding the nearest station")
        places = [
            self.ungauged["latitude"],
            self.ungauged["longitude"],
            self.gauged["latitude"],
            self.gauged["longitude"],
        ]
        return great_circle_km(*(place.to_numpy(np.float64) for place in places))

    def nearest_observed(self, distance: Float[np.ndarray, "held_out donor"]) -> Float[np.ndarray, "time held_out"]:
        """Flow of the nearest donor that is observed on the day; NaN if none is."""
        taken = np.full(self.like.shape, np.nan)
        present = np.isfinite(self.flow)
        for column, away in enumerate(distance):
            order = np.argsort(away, kind="stable")
            place = first_present(present[:, order], 1)[:, 0]  # [time]
            days = np.flatnonzero(place >= 0)
            taken[days, column] = self.flow[days, order[place[days]]]
        return taken

    def result(self, specific: Float[np.ndarray, "time held_out"]) -> xr.DataArray:
        """Specific discharge as a series in the unit and dtype of the given flow."""
        return self.like.copy(data=(specific * self.per_area).astype(self.like.dtype))


def donors_for(flow: xr.DataArray, stations: pd.DataFrame, held_out: Sequence[str]) -> Donors:
    """Split the stations; values of held-out ones are dropped before anything is computed.

    Args:
        flow: [time, station] in m3/s, or per area as mm/d; its attribute `units` says which.
        stations: one row for each station, indexed by id; `area` in km2 is needed for m3/s.
        held_out: ids of the stations taken as ungauged; they need not be in `flow`.

    Raises:
        DataError: a station has no row or area, no donor is left, or the flow has no unit.
    """
    away = list(dict.fromkeys(held_out))
    flow = flow.transpose("time", "station")
    gauged_ids = [str(station) for station in flow["station"].values if str(station) not in set(away)]
    if not gauged_ids or not away:
        raise DataError("every station is held out, or none; keep at least one of each")
    if unknown := [station for station in (*gauged_ids, *away) if station not in stations.index]:
        raise DataError(f"station {unknown[0]} is not in the table of stations; add its row")
    gauged, ungauged = stations.loc[gauged_ids], stations.loc[away]
    if "units" not in flow.attrs:
        raise DataError(f"{flow.name or 'the flow'} has no attribute units; set m3/s or mm/d")
    values = flow.sel(station=gauged_ids).values.astype(np.float64)
    per_area = np.ones(len(away))
    if is_flow(flow.attrs["units"]):
        for table in (gauged, ungauged):
            require_columns(table, ("area",), "scaling flow by area")
        values = values * (MM_PER_DAY / gauged["area"].to_numpy(np.float64))
        per_area = ungauged["area"].to_numpy(np.float64) / MM_PER_DAY
    like = xr.DataArray(
        np.full((flow.sizes["time"], len(away)), np.nan, flow.dtype),
        {"time": flow["time"], "station": away},
        ("time", "station"),
        flow.name,
        flow.attrs,
    )
    return Donors(values, gauged, ungauged, like, per_area)
