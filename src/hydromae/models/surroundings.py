"""What the stations around a station measured each day: means with weights by distance and direction."""

import math

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from hydromae.batch.batch import Context
from hydromae.config import ModelConfig

# First places of the means: rings at four distances, then directions, as rain is on its way from one of them.
_RINGS_KM = (10.0, 30.0, 80.0, 200.0)
_DIRECTED_KM = 100.0
_FIRST_PULL = 2.0
_FIRST_INPUT_STD = 0.05
# Where little of the weight is visible a mean is drawn to 0, the mean of what is scaled.
_PRIOR_SHARE = 0.02
# Where no station lies near a mean's ring it fades to 0; nothing is divided by less, as a gradient would not be finite.
_LEAST_WEIGHT = 1e-6


class Surroundings(nn.Module):
    """Means over the series of the stations around, each with weights of its own, and the share that is visible.

    The weight of a station falls with the logarithm of its distance from a ring and rises towards a direction; ring,
    width and direction are learnt, from displacements and nothing else, so that one net serves all stations. It is
    attention (Vaswani et al. 2017) whose keys are displacements, aligned in time: a day brings the values of that day.

    Args:
        config: `recurrent_context` is the number of means H.
        width: W of what a day brings to the recurrence.

    Shape: context of K stations around each of S -> series by series [B, T, S, W].
    """

    def __init__(self, config: ModelConfig, width: int) -> None:
        super().__init__()
        heads = config.recurrent_context
        names = [name for name, kind in config.modalities.items() if kind == "series"]
        self.log_ring = nn.Parameter(torch.zeros(heads))
        self.log_width = nn.Parameter(torch.zeros(heads))
        self.pull = nn.Parameter(torch.zeros(2, heads))  # to the north and to the east
        # One for each series, so that a model of other modalities can start from these weights.
        self.inputs = nn.ParameterDict({f"{name}_series": torch.zeros(2 * heads, width) for name in names})

    def reset(self) -> None:
        """Give the weights their first values."""
        heads = len(self.log_ring)
        directed = max(heads - len(_RINGS_KM), 0)
        rings = torch.tensor([*_RINGS_KM, *[_DIRECTED_KM] * directed][:heads])
        angle = torch.arange(directed) * (2 * math.pi / max(directed, 1))
        with torch.no_grad():
            self.log_ring.copy_(rings.log())
            self.log_width.fill_(-0.5)
            self.pull.zero_()
            self.pull[0, len(_RINGS_KM) :] = _FIRST_PULL * angle.cos()
            self.pull[1, len(_RINGS_KM) :] = _FIRST_PULL * angle.sin()
        for parameter in self.inputs.values():
            nn.init.normal_(parameter, std=_FIRST_INPUT_STD)

    def forward(self, context: Context) -> dict[str, Float[Tensor, "batch days stations width"]]:
        """Series -> what it adds to the inputs of the recurrence."""
        weights = self.weights(context.north, context.east)  # [B, S, K, H]
        values = torch.stack(list(context.values.values()), -1).to(weights.dtype)  # [B, T, K, M]
        seen = torch.stack([context.seen[name] for name in context.values], -1).to(weights.dtype)
        stations = weights.shape[1]
        both = rearrange(torch.stack([values, seen], -1), "b t k m v -> b (t m v) k")
        sums = both @ rearrange(weights, "b s k h -> b k (s h)")  # [B, T M 2, S H]
        sums = rearrange(sums, "b (t m v) (s h) -> v b t s m h", t=values.shape[1], v=2, s=stations)
        whole = weights.sum(2)[:, None, :, None].clamp(min=_LEAST_WEIGHT)  # [B, 1, S, 1, H]
        share = sums[1] / whole
        means = sums[0] / whole / (share + _PRIOR_SHARE)
        features = torch.cat([means, share], dim=-1)  # [B, T, S, M, 2H]
        return {name: features[..., i, :] @ self.inputs[f"{name}_series"] for i, name in enumerate(context.values)}

    def weights(
        self, north: Float[Tensor, "batch stations context"], east: Float[Tensor, "batch stations context"]
    ) -> Float[Tensor, "batch stations context head"]:
        """Weight of each station around in each mean, above 0; 0 where it is unknown where it lies."""
        known = ~(north + east).isnan()
        # Before any product, so that no gradient is NaN.
        north, east = (torch.where(known, part, 0.0).to(self.log_ring.dtype) for part in (north, east))
        distance = (north.square() + east.square() + 1.0).sqrt()  # two stations at one place are 1 km apart
        off = (distance.log()[..., None] - self.log_ring) / self.log_width.exp()
        unit = torch.stack([north, east], -1) / distance[..., None]  # [B, S, K, 2]
        weights = torch.exp(unit @ self.pull - 0.5 * off.square())
        return weights * known[..., None]
