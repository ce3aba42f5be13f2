"""Quantiles of what is hidden, beside its mean; they cannot cross."""

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from statistics import NormalDist
from typing import Final

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

# Scaled values have a deviation of about 1, of which a model that was trained leaves some part.
_FIRST_DEVIATION: Final = 0.5
_FIRST_WEIGHT_STD: Final = 0.02


class QuantileHead(nn.Module):
    """Quantiles that rise with their level, whatever the weights.

    The level nearest to 0.5 lies at the mean and a learned offset; the others follow from it in both directions by
    steps that a softplus keeps above 0, added one after the other, so that rounding cannot make them cross either.
    No gradient reaches the mean: it stays what the squared error makes it.

    Starts as the quantiles of a normal distribution of deviation 0.5 around the mean.

    Args:
        dim: width E of the features.
        cells: values to predict for each token.
        levels: of the quantiles, rising in (0, 1), at least one: Q of them.

    Shape: features [B, n, E] and mean [B, n, cells] -> [B, n, cells, Q].
    """

    def __init__(self, dim: int, cells: int, levels: Sequence[float]) -> None:
        super().__init__()
        self.levels = tuple(levels)
        self.middle = min(range(len(self.levels)), key=lambda i: abs(self.levels[i] - 0.5))
        self.projection = nn.Linear(dim, cells * len(self.levels))
        self.reset()

    def reset(self) -> None:
        """Give the weights their first values."""
        normal = [_FIRST_DEVIATION * NormalDist().inv_cdf(level) for level in self.levels]
        first = [_softplus_inverse(above - below) for below, above in pairwise(normal)]
        first.insert(self.middle, normal[self.middle])
        cells = self.projection.out_features // len(self.levels)
        nn.init.normal_(self.projection.weight, std=_FIRST_WEIGHT_STD)
        with torch.no_grad():
            self.projection.bias.copy_(torch.tensor(first).repeat(cells))

    def forward(
        self, features: Float[Tensor, "batch n dim"], mean: Float[Tensor, "batch n cells"]
    ) -> Float[Tensor, "batch n cells quantile"]:
        raw = rearrange(self.projection(features), "b n (c q) -> b n c q", q=len(self.levels))
        centre = mean.detach() + raw[..., self.middle]  # [B, n, cells]
        steps = functional.softplus(raw)
        below, above = steps[..., : self.middle].flip(-1), steps[..., self.middle + 1 :]
        lower = list(accumulate([centre, *below.unbind(-1)], torch.sub))
        upper = list(accumulate([centre, *above.unbind(-1)], torch.add))
        return torch.stack([*lower[:0:-1], *upper], dim=-1)  # [B, n, cells, Q]


def _softplus_inverse(value: float) -> float:
    return math.log(math.expm1(value))
