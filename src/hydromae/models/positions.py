"""Where a token lies in time and space."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from hydromae.batch.batch import Batch
from hydromae.tokens.shape import TokenShape

_HARMONICS = 2


def sinusoidal(
    positions: Float[Tensor, "*any"], dim: int, longest: float, shortest: float
) -> Float[Tensor, "*any dim"]:
    """Sines and cosines of wavelengths from `shortest` to `longest` (Vaswani et al. 2017). No parameters."""
    n = dim // 2
    exponents = torch.arange(n, device=positions.device, dtype=torch.float32) / max(n - 1, 1)
    wavelengths = shortest * (longest / shortest) ** exponents
    angles = positions.float()[..., None] * (2 * math.pi / wavelengths)  # [..., dim/2]
    return torch.cat([angles.sin(), angles.cos()], dim=-1)  # [..., dim]


def time_positions(days: Int[Tensor, "*any"], dim: int) -> Float[Tensor, "*any dim"]:
    """Position of a day in its window, for windows of any length.

    Wavelengths run from 3 days to a year. The usual range (to 2 pi 10,000 steps, made for sentences) leaves most
    features constant over a window; with this one training tells neighbouring days apart sooner.
    """
    return sinusoidal(days.float(), dim, longest=365.0, shortest=3.0)


def coordinate_positions(coordinates: Float[Tensor, "*any two"], dim: int) -> Float[Tensor, "*any dim"]:
    """Position on the map from scaled latitude and longitude, for stations seen or not. No parameters.

    Half of the features belong to each. Scaled coordinates span some 4 units, so wavelengths of 0.1 to 10 tell apart
    neighbours as well as regions.
    """
    features = sinusoidal(coordinates, dim // 2, longest=10.0, shortest=0.1)  # [..., 2, dim/2]
    return features.flatten(-2)  # [..., dim]


def learned_position(
    positions: Float[Tensor, "places dim"], place: Int[Tensor, "batch n"]
) -> Float[Tensor, "batch n dim"]:
    """The learned position of each token's place.

    As an embedding, whose gradient is summed in one order: that of an index into the tensor is not on several threads.
    """
    return functional.embedding(place, positions)


class TimePosition(nn.Module):
    """Position of tokens in time: the day of the window a token begins on, with the calendar where it is switched on.

    Args:
        dim: width D.
        shape: how the modality is cut.
        calendar: whether the day of the year counts.

    Shape: index [B, n] of tokens -> [B, n, D], float32 or the calendar's type if wider.
    """

    def __init__(self, dim: int, shape: TokenShape, calendar: bool) -> None:
        super().__init__()
        self.dim, self.shape = dim, shape
        self.calendar = Calendar(dim) if calendar else None

    def forward(self, index: Int[Tensor, "batch n"], batch: Batch) -> Float[Tensor, "batch n dim"]:
        slot = index // self.shape.places  # [B, n]
        first_days = torch.arange(0, batch.n_days, self.shape.days, device=index.device)  # [slots]
        position = time_positions(first_days, self.dim)[slot]  # [B, n, D]
        if self.calendar is not None:
            position = position + self.calendar(batch.day_of_year, first_days[slot])
        return position


class Calendar(nn.Module):
    """The day of the year as a learned mixture of annual and half-annual harmonics.

    Shape: day_of_year [B, T] (1 to 366; None where unknown: no effect), day of each token [B, n] -> [B, n, D].
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.mixture = nn.Linear(2 * _HARMONICS, dim, bias=False)

    def forward(
        self, day_of_year: Int[Tensor, "batch days"] | None, day: Int[Tensor, "batch n"]
    ) -> Float[Tensor, "batch n dim"]:
        if day_of_year is None:
            # Zeros rather than nothing: the parameters stay in the graph, as distributed training wants.
            return self.mixture(self.mixture.weight.new_zeros(*day.shape, 2 * _HARMONICS))
        day_of_year = day_of_year.gather(1, day)  # [B, n]
        angle = day_of_year.float()[..., None] * (2 * math.pi / 365.25)
        angles = angle * torch.arange(1, _HARMONICS + 1, device=angle.device)  # [B, n, harmonics]
        harmonics = torch.cat([angles.sin(), angles.cos()], dim=-1)  # [B, n, 2*harmonics]
        mixed: Tensor = self.mixture(harmonics.to(self.mixture.weight.dtype))
        return mixed
