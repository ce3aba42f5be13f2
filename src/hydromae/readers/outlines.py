"""Outlines of catchments in GeoJSON."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from hydromae.base.errors import DataError
from hydromae.base.station_ids import id_texts, named_stations, require_distinct, respelled
from hydromae.readers.files import require_file
from hydromae.readers.guard import reading

Ring = Float[np.ndarray, "corner 2"]

_MAX_BYTES: Final = 2**30
_IDS: Final = ("station", "id", "ID", "gauge_id", "gauge", "station_id", "basin")


def read_outlines(path: Path, stations: Sequence[str]) -> dict[str, list[Ring]]:
    """The rings of each station's outline, longitude and latitude in degrees, as GeoJSON has them (RFC 7946).

    A feature says its station in a property `station`, `id` or `gauge_id`, or as its own `id`. Rings inside of others
    are holes.

    Args:
        path: a FeatureCollection of Polygons and MultiPolygons.
        stations: those that are wanted; the file may lack some, and have others.

    Raises:
        DataError: it cannot be read, has none of the stations, one twice, or places that are no longitude and latitude.
    """
    path = require_file(path)
    if path.stat().st_size > _MAX_BYTES:
        raise DataError(f"{path}: is larger than the {_MAX_BYTES} bytes that are read; simplify the outlines")
    with reading(path, "is no GeoJSON", "write it as geopandas does with to_file(..., driver='GeoJSON')"):
        content = json.loads(path.read_text(encoding="utf-8"))
        features = content["features"] if content["type"] == "FeatureCollection" else [content]
        ids = id_texts([_id(path, place, feature) for place, feature in enumerate(features)], str(path))
        require_distinct(ids, str(path))
        found = dict(zip(respelled(ids, stations, str(path)), features, strict=True))
        outlines = {name: _rings(path, name, found[name]["geometry"]) for name in stations if name in found}
    if not outlines:
        raise DataError(
            f"{path}: has outlines of {named_stations(ids)}, and of none of the data's; name them as the data do"
        )
    return outlines


def _id(path: Path, place: int, feature: Mapping[str, Any]) -> object:
    said = feature.get("properties") or {}
    for name in _IDS:
        if said.get(name) is not None:
            return said[name]
    if feature.get("id") is not None:
        return feature["id"]
    raise DataError(f"{path}: feature {1 + place} does not say its station; give it a property station")


def _rings(path: Path, station: str, geometry: Mapping[str, Any]) -> list[Ring]:
    if geometry["type"] not in ("Polygon", "MultiPolygon"):
        raise DataError(f"{path}: the outline of {station} is a {geometry['type']}; give a Polygon or MultiPolygon")
    polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    rings = [np.array([corner[:2] for corner in ring], np.float64) for polygon in polygons for ring in polygon]
    if not rings or not np.ptp(rings[0], axis=0).all():
        raise DataError(f"{path}: the outline of {station} encloses nothing; draw it, or take it out")
    for ring in rings:
        if len(ring) < 3 or not (np.abs(ring) <= (360, 90)).all():
            raise DataError(
                f"{path}: the outline of {station} is not in longitude and latitude, as GeoJSON has to be; convert it, "
                f"as geopandas does with to_crs(4326)"
            )
    return rings
