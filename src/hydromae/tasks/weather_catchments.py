"""The catchments of a model's stations, over which maps of weather are averaged: outlines, or circles of their area."""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from hydromae.base.coordinate_columns import coordinate_columns
from hydromae.base.errors import DataError
from hydromae.base.station_ids import named_stations
from hydromae.prediction.known_data import KnownData
from hydromae.readers.outlines import read_outlines
from hydromae.sources.catchments import circles, within


def catchment_points(
    path: Path, data: KnownData, outlines: str | Path | None
) -> tuple[Float[np.ndarray, "2 station point"], str]:
    """Points that stand for equal parts of each station's catchment, and how they were found, for the notes.

    Args:
        path: of the weather, for messages.
        data: whose stations they are.
        outlines: GeoJSON of the catchments; a station that it lacks, and all without one, get a circle of the
            catchment's area around the gauge.

    Raises:
        DataError: neither an outline nor a latitude and longitude say where any station lies.
    """
    columns = coordinate_columns(data.store.attribute_names)
    places = np.full((2, len(data.stations)), np.nan)
    if len(columns) == 2:
        for axis, name in enumerate(("latitude", "longitude")):
            places[axis] = data.at_stations(data.store.attributes[:, columns[name]])
    areas = data.store.areas
    area = np.full(len(data.stations), np.nan) if areas is None else data.at_stations(areas)
    points = circles(places[0], places[1], area)  # [2, station, point]
    drawn = {} if outlines is None else read_outlines(Path(outlines), data.stations)
    for station, rings in drawn.items():
        points[:, data.stations.index(station)] = within(rings, points.shape[-1])
    if np.isnan(points).all():
        raise DataError(
            f"{path}: has maps, and the data do not say where the stations lie, over which to average them; give the "
            f"attributes latitude and longitude, and the catchments' areas"
        )
    said = []
    circled = [station for station in data.stations if station not in drawn]
    if drawn:
        said.append(f"averaged over the outlines of {len(drawn)} catchments")
    if circled:
        said.append(
            f"averaged over a circle of the catchment's area around each gauge ({named_stations(circled)}), not over "
            f"its outline"
        )
    unknown = int(np.isnan(area[[station not in drawn for station in data.stations]]).sum())
    if unknown:
        said.append(f"taken at the gauge itself where the area is unknown ({unknown} of {len(data.stations)})")
    return points, ", ".join(said)
