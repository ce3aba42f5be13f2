"""What the other stations of a window measured each day: a weighted mean for each station, as of donors."""

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hydromae.config import ModelConfig

_KEY_WIDTH = 8
# Apart by more than any two stations can be, and yet finite: a lone station gets no NaN.
_NEVER = -1e4
# Where all near stations are hidden, the weight of those that are left is small.
_LEAST_SHARE = 1e-12


class DonorMeans(nn.Module):
    """Means over the other stations that are visible, with several sets of weights.

    A weight depends on how the attributes of two stations match and, with `series_position: coordinates`, falls with
    their distance, both learnt, so that a set may become an inverse distance weighting or a choice of similar
    stations (He et al. 2011 review such donors). What is not visible has no part in a mean, and a station none in its
    own.

    Args:
        config: `recurrent_donors` is the number of sets H.

    Shape: values and whether they are visible [B, T, S, 2M], attributes [B, S, A] -> means and the share of the weight
    that is visible [B, T, S, 2MH], series by series; 0 where nothing is.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = config.recurrent_donors
        self.coordinates = config.coordinate_attrs if config.series_position == "coordinates" else None
        self.receiver = nn.Linear(config.static_attr_dim, self.heads * _KEY_WIDTH)
        self.donor = nn.Linear(config.static_attr_dim, self.heads * _KEY_WIDTH)
        # Without coordinates it would be a parameter that nothing uses, which distributed training refuses.
        self.nearness = None if self.coordinates is None else nn.Parameter(torch.zeros(self.heads))

    def reset(self) -> None:
        """Give the weights their first values: near stations before others, by more from set to set."""
        if self.nearness is not None:
            with torch.no_grad():
                self.nearness.copy_(torch.linspace(0.0, 4.0, self.heads))

    def forward(
        self, seen: Float[Tensor, "batch days stations both"], attributes: Float[Tensor, "batch stations attributes"]
    ) -> Float[Tensor, "batch days stations means"]:
        # One product for each sample over all sets and days, not one for each day.
        weights = rearrange(self.weights(attributes), "b h s d -> b (h s) d")  # [B, H * S, S]
        values, visible = (rearrange(seen[..., i::2], "b t d m -> b d (t m)") for i in (0, 1))  # 2 x [B, S, T * M]
        share = weights @ visible  # [B, H * S, T * M]
        means = (weights @ (values * visible)) / share.clamp(min=max(_LEAST_SHARE, torch.finfo(share.dtype).tiny))
        both = torch.stack([means, share], dim=-1)
        return rearrange(both, "b (h s) (t m) v -> b t s (m h v)", h=self.heads, t=seen.shape[1])

    def weights(
        self, attributes: Float[Tensor, "batch stations attributes"]
    ) -> Float[Tensor, "batch set station donor"]:
        """[B, H, S, S]: what share each station (last) has in the mean of another (last but one); its own is 0."""
        receiver, donor = (
            layer(attributes).unflatten(-1, (self.heads, _KEY_WIDTH)).transpose(1, 2)  # [B, H, S, K]
            for layer in (self.receiver, self.donor)
        )
        match = receiver @ donor.transpose(-1, -2) * _KEY_WIDTH**-0.5  # [B, H, S, S]
        if self.coordinates is not None and self.nearness is not None:
            places = torch.stack([attributes[..., i] for i in self.coordinates], dim=-1)  # [B, S, 2]
            apart = (places[:, :, None] - places[:, None]).square().sum(-1).clamp(min=1e-12).sqrt()  # [B, S, S]
            match = match - functional.softplus(self.nearness)[:, None, None] * apart[:, None]
        itself = torch.eye(match.shape[-1], dtype=torch.bool, device=match.device)
        return match.masked_fill(itself, _NEVER).softmax(-1).masked_fill(itself, 0.0)
