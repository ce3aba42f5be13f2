"""Spatial folds: stations are held out together with those whose flow would reveal theirs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Int
from scipy.sparse.csgraph import connected_components

from hydromae.base.csv_text import unguarded, write_frame
from hydromae.base.errors import ConfigError, DataError
from hydromae.base.permissions import refused
from hydromae.base.replacing import replacing
from hydromae.base.station_ids import id_texts, require_distinct
from hydromae.folds.river_links import linked, station_distances
from hydromae.store.station_table import require_columns

_COLUMNS = ("station", "fold", "cluster", "latitude", "longitude", "nearest_training_station", "nearest_training_km")


@dataclass(frozen=True)
class Folds:
    """Which fold holds each station out.

    Attributes:
        table: a row for each station, ordered by id: `station` (text), `fold` (0 to n - 1), `cluster` (stations of one
            cluster are always in one fold), `latitude`, `longitude`, `nearest_training_station`, the nearest station of
            the other folds, on which a model tested there was trained, and `nearest_training_km`, its distance.
    """

    table: pd.DataFrame

    @property
    def count(self) -> int:
        """Number of folds."""
        return int(self.table["fold"].max()) + 1

    def held_out(self, fold: int) -> list[str]:
        """The stations that a fold tests on."""
        return self.table.loc[self.table["fold"] == fold, "station"].tolist()

    def training(self, fold: int) -> list[str]:
        """The stations that may be learnt from when a fold is tested."""
        return self.table.loc[self.table["fold"] != fold, "station"].tolist()

    def write(self, path: Path, replace: bool = True) -> None:
        """Write the table as CSV; without `replace` an existing file stays, which is an error."""
        with replacing(path, replace) as temporary:
            self.write_to(temporary)

    def write_to(self, path: Path) -> None:
        """Write the table as CSV into a file that nobody else knows."""
        write_frame(self.table, path)

    @classmethod
    def read(cls, path: Path) -> "Folds":
        """Read what `write` wrote.

        Raises:
            DataError: the file is absent or no table of folds.
        """
        try:
            table = pd.read_csv(path, dtype={"station": str, "nearest_training_station": str})
        except (OSError, ValueError) as error:
            reason = refused(path, error)
            raise DataError(
                reason or f"{path}: cannot be read as a table of folds ({error}); give a CSV that has one"
            ) from error
        if lacking := [column for column in _COLUMNS if column not in table]:
            raise DataError(f"{path}: has no column {lacking[0]}, so it is no table of folds; make it again")
        for column in ("station", "nearest_training_station"):
            table[column] = id_texts(map(unguarded, table[column].fillna("")), str(path))
        require_distinct(table["station"].tolist(), str(path))
        return cls(table)


def spatial_folds(
    stations: pd.DataFrame,
    count: int = 5,
    *,
    apart_km: float = 10.0,
    basins: Sequence[str] | None = None,
    balance: float = 0.2,
    seed: int = 0,
) -> Folds:
    """Split stations into folds so that none has an upstream, downstream or near neighbour in another fold.

    Random folds flatter a model: a station further up the same river reveals the flow of the one held out (Roberts et
    al. 2017, Ecography 40, 913-929). Here neighbours and stations whose catchments may be nested are linked. All that
    are linked through any chain are a cluster, and clusters are dealt whole, the largest first, each to the smallest
    fold. Coordinates do not say which catchments are nested: give `basins` where they are known (`hydrometric_areas`
    for numbers of the National River Flow Archive). Without them nesting is guessed from distance and area, see
    `linked`, and some nested pairs may be parted. No flow is read, so that the folds do not depend on observations.

    Args:
        stations: the index is the ids; `latitude`, `longitude` in degrees, `area` in km2 where known.
        count: folds, 2 or more.
        apart_km: stations closer than this are in the same fold.
        basins: name of the river system of each station in the order of the table, empty where unknown.
        balance: how far the size of a fold may be from the mean, as a share of the mean.
        seed: of the random dealing; the same stations in any order give the same folds.

    Raises:
        DataError: a station has no coordinates.
        ConfigError: clusters are too large for folds of about equal size.
    """
    require_columns(stations, ("latitude", "longitude"), "making spatial folds")
    if not 2 <= count <= len(stations):
        raise ConfigError(f"{count} folds of {len(stations)} stations cannot be made; ask for 2 to {len(stations)}")
    order = np.argsort(stations.index.to_numpy().astype(str), kind="stable")
    stations = stations.iloc[order]
    names = None if basins is None else [basins[i] for i in order.tolist()]
    distance = station_distances(stations)
    _, cluster = connected_components(linked(stations, distance, apart_km, names), directed=False)
    fold = _dealt(cluster, count, np.random.default_rng(seed))
    mean = len(stations) / count
    sizes = np.bincount(fold, minlength=count)
    if np.abs(sizes - mean).max() > balance * mean:
        largest = np.bincount(cluster).max()
        cause, remedy = f"{count} folds of {len(stations)} stations cannot be of one size", "make fewer folds"
        if largest > 1:
            linked_by = f"are linked by rivers or lie within {apart_km:g} km of one another in a chain"
            cause, remedy = f"{largest} of {len(stations)} {linked_by}", "make fewer folds or lower apart_km"
        raise ConfigError(f"folds of {sizes.min()} to {sizes.max()} stations, since {cause}; {remedy}")
    others = np.where(fold[:, None] != fold, distance, np.inf)  # [station, station]
    nearest = others.argmin(axis=1)
    ids = stations.index.astype(str)
    values = (
        ids, fold, cluster, stations["latitude"], stations["longitude"], ids[nearest], others.min(axis=1).round(3)
    )  # fmt: skip
    return Folds(pd.DataFrame({name: np.asarray(column) for name, column in zip(_COLUMNS, values, strict=True)}))


def _dealt(
    cluster: Int[np.ndarray, "station"], count: int, generator: np.random.Generator
) -> Int[np.ndarray, "station"]:
    """The fold of each station: clusters by falling size, equal ones in random order, each to the smallest fold."""
    sizes = np.bincount(cluster)
    load, fold_of = np.zeros(count), np.empty(len(sizes), np.int64)
    for cluster_id in np.lexsort((generator.random(len(sizes)), -sizes)).tolist():
        smallest = np.flatnonzero(load == load.min())
        fold_of[cluster_id] = generator.choice(smallest)
        load[fold_of[cluster_id]] += sizes[cluster_id]
    return fold_of[cluster]
