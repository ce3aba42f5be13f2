"""Filling gaps of river flow by the methods in use, each `fill(observed, *, train)`.

`METHODS` has them under the names that tables show: linear interpolation, day-of-year climatology, and the two that
Harvey, Dixon & Hannaford (2012) found best of 15 on daily flows of the United Kingdom, equipercentile transfer and
multiple regression.
"""

from typing import Protocol

import xarray as xr

from hydromae.baselines.infill import climatology, equipercentile, linear, regression


class Infill(Protocol):
    """Fill gaps: observed [time, station] and a training period in, the same with gaps filled out."""

    def __call__(self, observed: xr.DataArray, *, train: slice) -> xr.DataArray: ...


METHODS: dict[str, Infill] = {
    "linear": linear.fill,
    "climatology": climatology.fill,
    "equipercentile": equipercentile.fill,
    "regression": regression.fill,
}
