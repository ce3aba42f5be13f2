"""Cutting windows into tokens and putting tokens back together.

A grid token is one patch over `days` days, a series token is `stations` stations over `days` days. Tokens are ordered
by slot (span of days), then by place (patch or group of stations): token = slot * places + place.
"""

import math
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float, Int, Shaped
from torch import Tensor
from torch.nn import functional

from hydromae.config import Kind, ModelConfig


@dataclass(frozen=True)
class TokenShape:
    """How one modality is cut into tokens.

    Attributes:
        kind: grid or series.
        size: values side by side in a token: cells of a patch, or stations of a group.
        days: days in a token.
        width: what the window holds a day: valid patches, or stations.
    """

    kind: Kind
    size: int
    days: int
    width: int

    @property
    def places(self) -> int:
        """Tokens a slot: valid patches, or groups of stations (the last may be partial)."""
        return self.width if self.kind == "grid" else math.ceil(self.width / self.size)

    @property
    def cells(self) -> int:
        """Values in a token."""
        return self.size * self.days

    def slots(self, n_days: int) -> int:
        """Spans of days in a window of `n_days`; the last may be partial."""
        return math.ceil(n_days / self.days)

    def tokens(self, n_days: int) -> int:
        """Tokens of a window of `n_days`: what `init`, `model` and `train --dry-run` count."""
        return self.slots(n_days) * self.places

    def place(self, index: Int[Tensor, "*any"]) -> Int[Tensor, "*any"]:
        """Place of each token, valid patch or group of stations, from its place in the sequence."""
        return index % self.places


def token_shape(config: ModelConfig, name: str, n_patches: int) -> TokenShape:
    """The token shape of a modality of the model, `n_patches` being its valid patches."""
    if config.modalities[name] == "grid":
        return TokenShape("grid", config.patch_size**2, config.grid_patch_days, n_patches)
    return TokenShape("series", config.series_patch_size, config.series_patch_days, config.stations_per_window)


def to_tokens(window: Float[Tensor, "batch days *place"], shape: TokenShape) -> Float[Tensor, "batch tokens cells"]:
    """Cut windows into tokens; what a partial slot or group lacks is NaN, that is missing.

    Args:
        window: grid [B, T, patches, cells] or series [B, T, stations].
        shape: how to cut.
    """
    late = shape.slots(window.shape[1]) * shape.days - window.shape[1]
    if shape.kind == "grid":
        if late:
            window = functional.pad(window, (0, 0, 0, 0, 0, late), value=torch.nan)
        return rearrange(window, "b (t k) p c -> b (t p) (k c)", k=shape.days)  # [B, slots*P, days*cells]
    short = shape.places * shape.size - window.shape[2]
    if late or short:
        window = functional.pad(window, (0, short, 0, late), value=torch.nan)
    return rearrange(window, "b (t k) (g s) -> b (t g) (s k)", k=shape.days, s=shape.size)  # [B, slots*G, S*days]


def once(samples: Shaped[Tensor, "batch *rest"]) -> Shaped[Tensor, "some *rest"]:
    """Only the first sample where all are one and the same in memory, as a map that many stations' windows share."""
    return samples[:1] if samples.stride(0) == 0 else samples


def from_tokens(
    tokens: Float[Tensor, "batch tokens cells"], shape: TokenShape, n_days: int
) -> Float[Tensor, "batch days *place"]:
    """The inverse of `to_tokens` for a window of `n_days`."""
    slots = shape.slots(n_days)
    if shape.kind == "grid":
        window = rearrange(tokens, "b (t p) (k c) -> b (t k) p c", t=slots, k=shape.days)  # [B, T, P, cells]
        return window[:, :n_days]
    window = rearrange(tokens, "b (t g) (s k) -> b (t k) (g s)", t=slots, k=shape.days)  # [B, T, stations]
    return window[:, :n_days, : shape.width]
