"""What the stations around a station measured each day."""

from collections.abc import Mapping
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

    All stations share the weather of a day, so a net that may read it from everywhere learns past weather by heart. In
    training some means are left out of a whole window, which then say what the station itself shows, and the others
    carry noise.

    Args:
        config: `recurrent_context` is the number of means H, `context_series` says of what; `context_dropout` is the
            share of the means that is left out, `context_noise` the deviation of the noise, of scaled values.
        width: W of what a day brings to the recurrence.

    Shape: context of K stations around each of S, and what these S show themselves, series by series [B, T, S, 2] as
    value and whether there is one -> series by series [B, T, S, W].
    """

    # A fresh model reads only the station itself, which says most.
    first_input_std: ClassVar[float] = 0.0

    def __init__(self, config: ModelConfig, width: int) -> None:
        series = [name for name, kind in config.modalities.items() if kind == "series"]
        self.names = [name for name in series if not config.context_series or name in config.context_series]
        super().__init__(config.recurrent_context, self.names, width)
        self.dropout, self.noise = config.context_dropout, config.context_noise

    def forward(
        self, context: Context, own: Mapping[str, Float[Tensor, "batch days stations 2"]]
    ) -> dict[str, Float[Tensor, "batch days stations width"]]:
        """Series -> what it adds to the inputs of the recurrence."""
        names = [name for name in self.names if name in context.values]
        weights = self.weights(context.north, context.east)  # [B, S, K, H]
        values = torch.stack([context.values[name] for name in names], -1).to(weights.dtype)  # [B, T, K, M]
        seen = torch.stack([context.seen[name] for name in names], -1).to(weights.dtype)
        stations = weights.shape[1]
        both = rearrange(torch.stack([values, seen], -1), "b t k m v -> b (t m v) k")
        sums = both @ rearrange(weights, "b s k h -> b k (s h)")  # [B, T M 2, S H]
        sums = rearrange(sums, "b (t m v) (s h) -> v b t s m h", t=values.shape[1], v=2, s=stations)
        means, share = means_and_shares(sums, weights.sum(2)[:, None, :, None])
        if self.training:
            shown = torch.stack(
                [own[name] if name in own else torch.zeros_like(means[..., 0, :2]) for name in names], -2
            )
            means, share = self._disturbed(means, share, shown.to(means.dtype))
        features = torch.cat([means, share], dim=-1)  # [B, T, S, M, 2H]
        return {name: features[..., i, :] @ self.inputs[f"{name}_around"] for i, name in enumerate(names)}

    def _disturbed(
        self,
        means: Float[Tensor, "batch days stations modality head"],
        share: Float[Tensor, "batch days stations modality head"],
        own: Float[Tensor, "batch days stations modality 2"],
    ) -> tuple[Tensor, Tensor]:
        """Means with noise, and some of them, alike on all days of a window, in whose stead is what a station shows."""
        if self.noise:
            means = means + self.noise * torch.randn_like(means)
        if self.dropout:
            left_out = torch.rand_like(means[:, :1]) < self.dropout
            means = torch.where(left_out, own[..., :1], means)
            share = torch.where(left_out, own[..., 1:], share)
        return means, share
