"""What the cells of the grids around a station show each day."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hydromae.batch.batch import Batch, CellPlaces, ModalityTokens
from hydromae.config import ModelConfig
from hydromae.models.placed_means import PlacedMeans, means_and_shares
from hydromae.tokens.selection import places_of


@dataclass(frozen=True)
class GridDays:
    """What one grid brings to the stations.

    Attributes:
        added: [B, T, stations, W] to the inputs of the recurrence.
        seen: [B, T, stations], whether any cell around is visible.
    """

    added: Float[Tensor, "batch days stations width"]
    seen: Bool[Tensor, "batch days stations"]


class GridMeans(PlacedMeans):
    """Means over the visible cells of each grid around each station, and the share that is visible.

    So rain that is only a grid drives a station's states. Where attributes are known, rings and widths depend on them,
    as a large catchment gathers its rain from farther away.

    Args:
        config: `recurrent_grids` is the number of means H.
        width: W of what a day brings to the recurrence.

    Shape: batch whose `cells` lie around S stations -> `GridDays` of each grid.
    """

    first_input_std: ClassVar[float] = 0.1

    def __init__(self, config: ModelConfig, width: int) -> None:
        self.names = [name for name, kind in config.modalities.items() if kind == "grid"]
        heads, attributes = config.recurrent_grids, config.static_attr_dim
        super().__init__(heads, self.names, width)
        self.reach = nn.Linear(attributes, 2 * heads, bias=False) if attributes else None

    def reset(self) -> None:
        """Give the weights their first values: attributes say nothing yet."""
        super().reset()
        if self.reach is not None:
            nn.init.zeros_(self.reach.weight)

    def forward(self, batch: Batch) -> dict[str, GridDays]:
        """Grid -> what it brings."""
        if batch.cells is None:
            raise ValueError("the batch does not say which cells of the grids lie around its stations")
        reach = None
        if self.reach is not None and batch.attributes is not None:
            attributes = torch.nan_to_num(batch.attributes).to(self.log_ring.dtype)
            reach = self.reach(attributes).unflatten(-1, (2, -1))  # [B, S, 2, H]
        weights = self.weights(batch.cells.north, batch.cells.east, reach)  # [B, S, K, H]
        return {
            name: self._of_grid(name, batch.tokens[name], batch.cells, batch.n_days, weights)
            for name in self.names
            if name in batch.tokens
        }

    def _of_grid(
        self,
        name: str,
        tokens: ModalityTokens,
        cells: CellPlaces,
        n_days: int,
        weights: Float[Tensor, "batch stations cell head"],
    ) -> GridDays:
        both = visible_cells(tokens, cells.index, n_days).to(weights.dtype)  # [2, B, T, S, K]
        sums = rearrange(both, "v b t s k -> b s (v t) k") @ weights  # [B, S, 2T, H]
        sums = rearrange(sums, "b s (v t) h -> v b t s h", v=2)
        features = torch.cat(means_and_shares(sums, weights.sum(2)[:, None]), dim=-1)  # [B, T, S, 2H]
        there = ~cells.north.isnan()  # [B, S, K]
        seen = (both[1].bool() & there[:, None]).any(-1)
        return GridDays(features @ self.inputs[f"{name}_around"], seen)


def visible_cells(
    tokens: ModalityTokens, index: Int[Tensor, "batch stations cell"], n_days: int
) -> Float[Tensor, "2 batch days stations cell"]:
    """Scaled values of some cells around each station that an encoder may read, 0 elsewhere, and 1 where there is one.

    Args:
        tokens: of a grid.
        index: places among the cells of the valid patches, patch by patch.
        n_days: in the window.
    """
    # Only these cells are looked at: whole maps in every window are hundreds of times as many.
    shape, day = tokens.shape, torch.arange(n_days, device=index.device)[:, None, None]
    patch, cell = index // shape.size, index % shape.size  # [B, S, K]
    token = day // shape.days * shape.places + patch[:, None]  # [B, T, S, K]
    within = day % shape.days * shape.size + cell[:, None]
    taken = (token * shape.cells + within).flatten(1)  # [B, T * S * K]
    readable = tokens.valid if tokens.readable is None else tokens.readable
    visible = places_of(tokens.visible, readable.shape[1])  # [B, tokens]
    seen = readable.flatten(1).gather(1, taken) & visible.gather(1, token.flatten(1))
    values = torch.where(seen, tokens.values.flatten(1).gather(1, taken), 0.0)
    return torch.stack([values, seen.to(values.dtype)]).view(2, *token.shape)
