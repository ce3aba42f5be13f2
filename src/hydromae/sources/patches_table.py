"""How the stations of a configuration fall into patches: groups in the given and in spatial order, and cells."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from rich.table import Table

from hydromae.base.csv_text import rows_text
from hydromae.base.errors import ConfigError
from hydromae.base.replacing import replace_text
from hydromae.config import Config
from hydromae.sources.attributes import Attributes
from hydromae.sources.joined import open_modality
from hydromae.sources.plan import known_ids, open_attributes, station_order
from hydromae.sources.spatial_aggregation import SpatialAggregation
from hydromae.sources.station_choice import spelled_alike, with_enough
from hydromae.sources.station_groups import coordinates, group_extents, spatial_order
from hydromae.sources.stations import cell_ids, require_coordinates, station_grid


@dataclass(frozen=True)
class StationPatches:
    """The stations that a store would hold, and their groups.

    Attributes:
        attributes: of the stations, in the given order.
        group_size: stations in a token, `model.series_patch_size`.
        order: positions of the stations in spatial order.
        grid: the aggregation onto cells, if asked for.
    """

    attributes: Attributes
    group_size: int
    order: Int[np.ndarray, "station"]
    grid: SpatialAggregation | None

    def extents(self, order: Int[np.ndarray, "station"]) -> Float[np.ndarray, "group"]:
        """Largest distance within each group, in km, if the stations were in that order."""
        located = coordinates(self.attributes.names, self.attributes.values)
        return group_extents(*located, order, self.group_size)

    def table(self) -> Table:
        """The figures, for the console."""
        given, spatial = self.extents(np.arange(len(self.order))), self.extents(self.order)
        count = f"{len(self.order)} stations in {len(given)} groups of {self.group_size}"
        table = Table("extent of a group", "given order", "spatial order", title=count, title_justify="left")
        table.add_row("mean", f"{given.mean():.1f} km", f"{spatial.mean():.1f} km")
        table.add_row("largest", f"{given.max():.1f} km", f"{spatial.max():.1f} km")
        return table

    def sentence(self) -> str:
        """What an aggregation saves; empty where none was asked for."""
        if self.grid is None:
            return ""
        return (
            f"{self.grid.n_stations} stations -> {self.grid.n_cells} cells, "
            f"{self.grid.reduction:.1f} times fewer tokens at one station a token"
        )

    def write(self, path: Path, replace: bool = True) -> None:
        """Write a CSV, a row a station in spatial order: id, latitude, longitude, group, order, and cell if any."""
        latitude, longitude = coordinates(self.attributes.names, self.attributes.values)
        cells = None
        if self.grid is not None:
            cells = [cell_ids(self.grid)[i] for i in self.grid.cell_of_station.tolist()]
        rows: list[list[object]] = [["id", "latitude", "longitude", "group", "order", *(["cell"] if cells else [])]]
        for place, i in enumerate(self.order.tolist()):
            located = ["" if np.isnan(degrees) else f"{degrees:g}" for degrees in (latitude[i], longitude[i])]
            row = [self.attributes.ids[i], *located, place // self.group_size, place]
            rows.append([*row, cells[i]] if cells else row)
        replace_text(path, rows_text(rows), replace)


def station_patches(config: Config, aggregate: int | None = None) -> StationPatches:
    """Group the stations of a configuration; only its attributes and, for their stations, its series are read.

    Args:
        config: its `model.series_patch_size` is the size of a group.
        aggregate: rows and columns of the grid to aggregate to; None takes `data.aggregate`.

    Raises:
        ConfigError: there are no series, no table of attributes or no coordinates in it.
        DataError: a file is wrong, or a station to be aggregated has no coordinates.
    """
    data = config.data
    require_coordinates(data, "grouping stations in space")
    series = {name: settings for name, settings in data.modalities.items() if settings.kind == "series"}
    if not series:
        raise ConfigError("data.modalities names no series; name one with kind series and its paths")
    attributes = open_attributes(data)
    assert attributes is not None
    table_ids = known_ids(data, attributes)
    sources = [open_modality(*named, Path(data.root), data.missing_values, table_ids) for named in series.items()]
    sources = spelled_alike(sources, attributes)
    ids = station_order(sources, attributes, data)
    if data.train is not None:
        ids, _ = with_enough(ids, sources, data.train)
    attributes = attributes.of(ids)
    n = data.aggregate if aggregate is None else aggregate
    size = config.model.series_patch_size
    return StationPatches(
        attributes=attributes,
        group_size=size,
        order=spatial_order(*coordinates(attributes.names, attributes.values), size),
        grid=None if n is None else station_grid(attributes, attributes.areas, n),
    )
