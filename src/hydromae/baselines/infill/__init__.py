"""Common methods of filling gaps in river flow, each a function `fill(observed, *, train)`.

`METHODS` holds them under the names in tables: linear interpolation, day-of-year climatology, and equipercentile
transfer and multiple regression, which Harvey, Dixon & Hannaford (2012) found to be the best of 15 methods for daily
flows of the United Kingdom.
"""

from typing import Protocol

import xarray as xr

from hydromae.baselines.infill import climatology, equipercentile, linear, regression


class Infill(Protocol):
    """Fills the gaps of observed [time, station], given a training period; returns the filled series."""

    def __call__(self, observed: xr.DataArray, *, train: slice) -> xr.DataArray: ...


METHODS: dict[str, Infill] = {
    "linear": linear.fill,
    "climatology": climatology.fill,
    "equipercentile": equipercentile.fill,
    "regression": regression.fill,
}
