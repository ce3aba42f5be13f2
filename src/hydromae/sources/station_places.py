"""Stations by easting and northing, whose latitude and longitude a table lacks."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from pyproj import CRS, Transformer

from hydromae.base.coordinate_columns import coordinate_columns, projected_columns
from hydromae.base.errors import DataError

_DEGREES = 4326  # EPSG code of latitude and longitude
_SMALLEST = 2000.0  # no easting or northing of all stations of a table, in metres, is below this
_BEYOND = 1.0  # degrees that a station may lie outside of where a system is used

Column = Float[np.ndarray, " station"]


def computed_places(
    path: Path,
    columns: Sequence[str],
    header: Sequence[str],
    read: Callable[[str], Column],
    ids: Sequence[str],
    system: str,
) -> dict[str, Column]:
    """Latitude and longitude of stations by the names under which they are asked for, degrees, NaN where unknown.

    Args:
        path: the table, for messages.
        columns: the attributes that are asked for.
        header: the columns of the table, easting and northing, or x and y, among them.
        read: the values of a column.
        ids: the stations.
        system: in which easting and northing are, as EPSG:27700.

    Returns:
        Those of the two that are asked for and that the table lacks.

    Raises:
        DataError: the table has no easting and northing, or they are hardly in the system.
    """
    asked = {columns[place]: what for what, place in coordinate_columns(columns).items()}
    absent = {name: what for name, what in asked.items() if name not in header}
    if not absent:
        return {}
    places = projected_columns(header)
    if len(places) < 2:
        raise DataError(
            f"{path}: has no columns easting and northing (or x and y), of which data.attributes.crs says the system; "
            f"it has {', '.join(header[:30])}; name them so, or set data.attributes.crs to null"
        )
    named = {what: header[place] for what, place in places.items()}
    crs = CRS.from_user_input(system)
    x, y = read(named["easting"]), read(named["northing"])
    known = np.isfinite(x) & np.isfinite(y)
    where = f"{path}: {named['easting']} and {named['northing']}"
    if crs.is_projected and known.any() and max(np.abs(x[known]).max(), np.abs(y[known]).max()) < _SMALLEST:
        raise DataError(
            f"{where} are below {_SMALLEST:g} at every station, so they are no metres of {crs.name}; write them in "
            f"metres, or correct data.attributes.crs"
        )
    found = np.full((2, len(x)), np.nan)
    found[:, known] = Transformer.from_crs(crs, CRS.from_epsg(_DEGREES), always_xy=True).transform(x[known], y[known])
    _check_within(where, crs, found, known, ids)
    return {name: found[1 if what == "latitude" else 0] for name, what in absent.items()}


def _check_within(
    where: str, crs: CRS, found: Float[np.ndarray, "2 station"], known: Bool[np.ndarray, " station"], ids: Sequence[str]
) -> None:
    """Raise DataError, naming the first such station, where one lies outside of where its system is used."""
    outside = known & ~np.isfinite(found).all(axis=0)
    area = crs.area_of_use
    if area is not None and area.west <= area.east:  # else it reaches over the date line
        low = np.array([area.west, area.south]) - _BEYOND
        high = np.array([area.east, area.north]) + _BEYOND
        outside |= known & ((low > found.T) | (high < found.T)).any(axis=1)
    if outside.any():
        place = int(outside.argmax())
        longitude, latitude = found[:, place]
        raise DataError(
            f"{where} of station {ids[place]} lie at {latitude:.2f} north, {longitude:.2f} east, where {crs.name} is "
            f"not used; correct them, or data.attributes.crs"
        )
