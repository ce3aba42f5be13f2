"""Means of station series over the cells of a coarse grid, and back: fewer tokens for a wide region."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class SpatialAggregation(nn.Module):
    """Area-weighted means of station series over a grid of latitude and longitude, and back. No parameters.

    The grid of `n` x `n` equal cells covers the stations' bounding box, rows from south to north, columns from west to
    east. Only occupied cells exist, in row-major order.

    Args:
        latitude: degrees north, [stations].
        longitude: degrees east, counted without a jump between the stations, [stations].
        areas: weights of the stations, catchment areas in km2; 1 where unknown (NaN), and everywhere if None.
        n: rows and columns of the grid.

    Attributes:
        cell_of_station: index of each station's cell among the occupied ones, int64 [stations].
        cells: row-major position of each occupied cell on the grid, int64 [cells].
        weights: float64 [stations].

    Raises:
        ValueError: a coordinate is missing, an area is not above 0, or there is no station.
    """

    cell_of_station: Int[Tensor, "station"]
    cells: Int[Tensor, "cell"]
    weights: Float[Tensor, "station"]

    def __init__(
        self,
        latitude: Float[np.ndarray, "station"],
        longitude: Float[np.ndarray, "station"],
        areas: Float[np.ndarray, "station"] | None = None,
        n: int = 10,
    ) -> None:
        super().__init__()
        places = np.stack([latitude, longitude]).astype(np.float64)  # [2, station]
        if not places.size or not np.isfinite(places).all():
            raise ValueError("every station needs a latitude and a longitude to be put into a cell")
        if areas is not None and (areas <= 0).any():
            raise ValueError("catchment areas must be above 0, or NaN where unknown")
        rows, columns = _bins(places[0], n), _bins(places[1], n)
        cells, index = np.unique(rows * n + columns, return_inverse=True)
        weights = np.ones(len(rows)) if areas is None else np.where(np.isnan(areas), 1.0, areas)
        self.n = n
        self.register_buffer("cell_of_station", torch.from_numpy(index.astype(np.int64)))
        self.register_buffer("cells", torch.from_numpy(cells.astype(np.int64)))
        self.register_buffer("weights", torch.from_numpy(weights.astype(np.float64)))

    @property
    def n_stations(self) -> int:
        """The number of stations."""
        return len(self.cell_of_station)

    @property
    def n_cells(self) -> int:
        """The number of occupied cells."""
        return len(self.cells)

    @property
    def reduction(self) -> float:
        """How many times fewer tokens there are, at one station a token."""
        return self.n_stations / self.n_cells

    def aggregate(self, values: Float[Tensor, "*any station"]) -> Float[Tensor, "*any cell"]:
        """Weighted mean of each cell over the stations that have a value; NaN where none has."""
        # Sums of many areas need more than half precision.
        exact = values.to(torch.promote_types(values.dtype, torch.float32))
        observed = ~torch.isnan(exact)
        weights = self.weights.to(exact.dtype) * observed
        total = self._sum(torch.where(observed, exact, 0) * weights)  # [*any, cell]
        weight = self._sum(weights)  # [*any, cell]
        seen = weight > 0
        # A cell without a value is divided by 1, since 0/0 has a NaN gradient, which autograd's anomaly mode stops at.
        mean = torch.where(seen, total / torch.where(seen, weight, 1), torch.nan)
        return mean.to(values.dtype)

    def distribute(self, values: Float[Tensor, "*any cell"]) -> Float[Tensor, "*any station"]:
        """Give each station the value of its cell."""
        return values[..., self.cell_of_station]

    def total_weight(self) -> Float[Tensor, "cell"]:
        """Sum of the weights of each cell's stations: its area in km2 where all are known; float64."""
        return self._sum(self.weights)

    def _sum(self, values: Float[Tensor, "*any station"]) -> Float[Tensor, "*any cell"]:
        sums = values.new_zeros(*values.shape[:-1], self.n_cells)
        return sums.index_add(-1, self.cell_of_station, values)


def _bins(coordinate: Float[np.ndarray, "station"], n: int) -> Int[np.ndarray, "station"]:
    """Which of `n` equal intervals of the coordinate's range each station is in."""
    extent = np.ptp(coordinate)
    shares = (coordinate - coordinate.min()) / (extent if extent > 0 else 1.0)  # the easternmost is at 1: last interval
    return np.minimum(shares * n, n - 1).astype(np.int64)
