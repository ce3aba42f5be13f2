"""Means over what lies around a station, with weights by distance and direction."""

import math
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

# First places of the means: rings at four distances, then directions, as rain is on its way from one of them.
_RINGS_KM = (10.0, 30.0, 80.0, 200.0)
_DIRECTED_KM = 100.0
_FIRST_PULL = 2.0
# Where little of the weight is visible a mean is drawn to 0, the mean of what is scaled.
_PRIOR_SHARE = 0.02
# Where nothing lies near a mean's ring it fades to 0; nothing is divided by less, as a gradient would not be finite.
_LEAST_WEIGHT = 1e-6


class PlacedMeans(nn.Module):
    """Weights of places around stations, a set for each mean.

    The weight of a place falls with the logarithm of its distance from a ring and rises towards a direction; ring,
    width and direction are learnt, from displacements and nothing else, so that one net serves all stations. It is
    attention (Vaswani et al. 2017) whose keys are displacements, aligned in time: a day brings the values of that day.

    Args:
        heads: number of means H.
        modalities: whose values are averaged.
        width: W of what a day brings to the recurrence.
    """

    first_input_std: ClassVar[float]

    def __init__(self, heads: int, modalities: list[str], width: int) -> None:
        super().__init__()
        self.log_ring = nn.Parameter(torch.zeros(heads))
        self.log_width = nn.Parameter(torch.zeros(heads))
        self.pull = nn.Parameter(torch.zeros(2, heads))  # to the north and to the east
        # One for each modality, so that a model of other modalities can start from these weights.
        self.inputs = nn.ParameterDict({f"{name}_around": torch.zeros(2 * heads, width) for name in modalities})

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
            nn.init.normal_(parameter, std=self.first_input_std)

    def weights(
        self,
        north: Float[Tensor, "batch stations place"],
        east: Float[Tensor, "batch stations place"],
        reach: Float[Tensor, "batch stations 2 head"] | None = None,
    ) -> Float[Tensor, "batch stations place head"]:
        """Weight of each place in each mean, above 0; 0 where it is unknown where it lies.

        Args:
            north: km that each place lies north of each station, NaN where unknown.
            east: the same to the east.
            reach: by how much the logarithms of a station's rings and of their widths are larger; None is 0.
        """
        places: list[Tensor] = [self.log_ring, self.log_width]
        if reach is not None:
            places = [place + reach[:, :, None, i] for i, place in enumerate(places)]  # 2 x [B, S, 1, H]
        log_ring, log_width = places
        known = ~(north + east).isnan()
        # Before any product, so that no gradient is NaN.
        north, east = (torch.where(known, part, 0.0).to(self.log_ring.dtype) for part in (north, east))
        distance = (north.square() + east.square() + 1.0).sqrt()  # what lies at the station itself is 1 km apart
        off = (distance.log()[..., None] - log_ring) / log_width.exp()
        unit = torch.stack([north, east], -1) / distance[..., None]  # [B, S, K, 2]
        weights = torch.exp(unit @ self.pull - 0.5 * off.square())
        return weights * known[..., None]


def means_and_shares(
    sums: Float[Tensor, "both *of_weights"], whole: Float[Tensor, "*#of_weights"]
) -> tuple[Float[Tensor, "*of_weights"], Float[Tensor, "*of_weights"]]:
    """Means of what is visible, and the share of the weight that it has.

    Args:
        sums: weighted sums of values, which are 0 where nothing is visible, and of whether they are.
        whole: sum of the weights.
    """
    whole = whole.clamp(min=_LEAST_WEIGHT)
    share = sums[1] / whole
    return sums[0] / whole / (share + _PRIOR_SHARE), share
