"""What the stations around a station measured each day."""

from typing import ClassVar

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from hydromae.batch.batch import Context
from hydromae.config import ModelConfig
from hydromae.models.placed_means import PlacedMeans, means_and_shares


class Surroundings(PlacedMeans):
    """Means over the series of the stations around, each with weights of its own, and the share that is visible.

    Args:
        config: `recurrent_context` is the number of means H.
        width: W of what a day brings to the recurrence.

    Shape: context of K stations around each of S -> series by series [B, T, S, W].
    """

    first_input_std: ClassVar[float] = 0.05

    def __init__(self, config: ModelConfig, width: int) -> None:
        names = [name for name, kind in config.modalities.items() if kind == "series"]
        super().__init__(config.recurrent_context, names, width)

    def forward(self, context: Context) -> dict[str, Float[Tensor, "batch days stations width"]]:
        """Series -> what it adds to the inputs of the recurrence."""
        weights = self.weights(context.north, context.east)  # [B, S, K, H]
        values = torch.stack(list(context.values.values()), -1).to(weights.dtype)  # [B, T, K, M]
        seen = torch.stack([context.seen[name] for name in context.values], -1).to(weights.dtype)
        stations = weights.shape[1]
        both = rearrange(torch.stack([values, seen], -1), "b t k m v -> b (t m v) k")
        sums = both @ rearrange(weights, "b s k h -> b k (s h)")  # [B, T M 2, S H]
        sums = rearrange(sums, "b (t m v) (s h) -> v b t s m h", t=values.shape[1], v=2, s=stations)
        means, share = means_and_shares(sums, weights.sum(2)[:, None, :, None])
        features = torch.cat([means, share], dim=-1)  # [B, T, S, M, 2H]
        return {name: features[..., i, :] @ self.inputs[f"{name}_around"] for i, name in enumerate(context.values)}
