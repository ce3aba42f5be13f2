"""The stations of a store: as the sources have them, in compact groups, or aggregated to the cells of a coarse grid."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float, Int

from hydromae.base.areas import complete_areas, is_flow
from hydromae.base.coordinate_columns import coordinate_columns
from hydromae.base.errors import ConfigError, DataError
from hydromae.base.moments import Moments
from hydromae.config import DataConfig
from hydromae.sources.attributes import Attributes
from hydromae.sources.cleaning import first_fault
from hydromae.sources.source import OF_STATION, Piece, Source
from hydromae.sources.spatial_aggregation import SpatialAggregation
from hydromae.sources.station_groups import coordinates, spatial_order


@dataclass(frozen=True)
class Stations:
    """Stations, their series and attributes, all in one order.

    Attributes:
        ids: the stations, or the cells that they were aggregated to.
        series: sources of exactly these stations.
        attributes: of these stations; None without a table.
        members: cell -> the stations it was made of; empty where nothing was aggregated.
        notes: a sentence for each decision.
    """

    ids: tuple[str, ...]
    series: tuple[Source, ...]
    attributes: Attributes | None
    members: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def require_coordinates(data: DataConfig, asking: str) -> None:
    """Raise ConfigError, saying what is `asking` for them, unless the attributes are to have latitude and longitude."""
    absent = {"latitude", "longitude"} - coordinate_columns(data.attributes.columns).keys()
    if data.attributes.path is None or absent:
        lacking = "a table of attributes" if data.attributes.path is None else " and ".join(sorted(absent))
        raise ConfigError(
            f"{asking} needs {lacking}; name the table in data.attributes.path, "
            f"with latitude and longitude among data.attributes.columns"
        )


def in_spatial_order(stations: Stations, group_size: int) -> Stations:
    """The same stations in compact groups of `group_size`; see `spatial_order`. They must have attributes."""
    assert stations.attributes is not None
    located = coordinates(stations.attributes.names, stations.attributes.values)
    ids = tuple(stations.ids[i] for i in spatial_order(*located, group_size).tolist())
    note = f"stations are in spatial order, in compact groups of {group_size}"
    return replace(
        stations,
        ids=ids,
        series=tuple(source.for_stations(ids) for source in stations.series),
        attributes=stations.attributes.of(ids),
        notes=(*stations.notes, note),
    )


def aggregated(
    stations: Stations, n: int, area_column: str, days: np.ndarray, training: Int[np.ndarray, "training"]
) -> Stations:
    """The occupied cells of an `n` x `n` grid over the stations' bounding box, in place of the stations.

    Attributes are area-weighted means over the members that have them; the area is the sum of the members'. A series is
    the area-weighted mean over the members observed on that day; a flow in m3/s is their mean specific discharge times
    the area of the cell. Missing where all members are. The areas of nested catchments are all counted. Areas that the
    table lacks are assumed as in `complete_areas`; where it has none at all, every station weighs 1.

    Args:
        stations: with attributes, latitude and longitude among them.
        n: rows and columns of the grid.
        area_column: the attribute, if it is one, that is summed instead of averaged.
        days: every day of the store, datetime64[D].
        training: positions on `days` of the training days that are not declared wrong.

    Raises:
        DataError: a station has no coordinates, or a value is impossible.
    """
    assert stations.attributes is not None
    values, names = stations.attributes.values, stations.attributes.names
    series = {source.name: _checked(source, stations.ids, days) for source in stations.series}
    areas, notes = _complete_areas(stations, series, training)
    grid = station_grid(stations.attributes, areas, n)
    ids = cell_ids(grid)
    means = grid.aggregate(torch.from_numpy(values.T.copy())).numpy().T.copy()  # [cell, attribute]
    cell_areas = None if areas is None else grid.total_weight().numpy()
    if cell_areas is not None and area_column in names:
        means[:, names.index(area_column)] = cell_areas
    members: dict[str, tuple[str, ...]] = dict.fromkeys(ids, ())
    for station, cell in zip(stations.ids, grid.cell_of_station.tolist(), strict=True):
        members[ids[cell]] += (station,)
    note = f"{grid.n_stations} stations are aggregated to {grid.n_cells} cells of a {n} x {n} grid, listed in members"
    return Stations(
        ids=ids,
        series=tuple(_aggregated_source(source, series[source.name], grid, ids, days) for source in stations.series),
        attributes=Attributes(ids, names, means, cell_areas),
        members=members,
        notes=(*stations.notes, *notes, note),
    )


def station_grid(attributes: Attributes, areas: Float[np.ndarray, "station"] | None, n: int) -> SpatialAggregation:
    """The `n` x `n` grid over the stations' bounding box, weighted by `areas`.

    Raises:
        DataError: a station has no coordinates.
    """
    latitude, longitude = coordinates(attributes.names, attributes.values)
    lost = np.flatnonzero(np.isnan(latitude) | np.isnan(longitude))
    if lost.size:
        raise DataError(
            f"station {attributes.ids[lost[0]]} has no latitude or longitude in the table of attributes, so it is in "
            f"no cell of an aggregate; fill them in, or leave data.aggregate null"
        )
    return SpatialAggregation(latitude, longitude, areas, n)


def cell_ids(grid: SpatialAggregation) -> tuple[str, ...]:
    """Names of the occupied cells: cell_<row>_<column>, rows from the south, columns from the west."""
    width = max(2, len(str(grid.n - 1)))
    places = (divmod(cell, grid.n) for cell in grid.cells.tolist())
    return tuple(f"cell_{row:0{width}d}_{column:0{width}d}" for row, column in places)


def _checked(source: Source, ids: Sequence[str], days: np.ndarray) -> Float[np.ndarray, "day station"]:
    """All values of the store's days; DataError names the station of an impossible one, which a mean would hide."""
    values = source.read(days[0], len(days))
    fault = first_fault(values, source.settings)
    if fault is not None:
        raise source.error(fault, days[fault.index[0]], f"{OF_STATION}{ids[fault.index[1]]}")
    return values


def _complete_areas(
    stations: Stations, series: dict[str, Float[np.ndarray, "day station"]], training: Int[np.ndarray, "training"]
) -> tuple[Float[np.ndarray, "station"] | None, list[str]]:
    """Areas of all stations, None where no area is known, and a sentence for each assumed one."""
    assert stations.attributes is not None
    areas = stations.attributes.areas
    if areas is None or np.isnan(areas).all():
        return None, ["no catchment area is known, so all stations weigh the same in the aggregate"]
    flow = Moments(len(areas))
    for source in stations.series:
        if is_flow(source.settings.units):
            flow.update(series[source.name][training])
            break
    return complete_areas(areas, flow.observed_mean(), stations.ids)


def _aggregated_source(
    source: Source,
    values: Float[np.ndarray, "day station"],
    grid: SpatialAggregation,
    ids: tuple[str, ...],
    days: np.ndarray,
) -> Source:
    """The series of the cells, clean: without missing codes, and without a largest value, which sums may exceed."""
    exact = torch.from_numpy(values).double()
    if is_flow(source.settings.units):
        means = grid.aggregate(exact / grid.weights) * grid.total_weight()  # [day, cell]
    else:
        means = grid.aggregate(exact)  # [day, cell]
    array = xr.DataArray(
        means.float().numpy(),
        dims=("time", "station"),
        coords={"time": days.astype("datetime64[ns]"), "station": np.array(ids, object)},
        name=source.pieces[0].values.name,
    )
    settings = source.settings.model_copy(update={"maximum": None})
    return Source(source.name, settings, (Piece(source.pieces[0].path, array, days),), codes=())
