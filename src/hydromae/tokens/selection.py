"""The states that a token can have, and some tokens of each sample."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor

VISIBLE, TARGET, IGNORED, MISSING = range(4)


STATE_MEANINGS = ("visible", "target", "ignored", "missing")


@dataclass(frozen=True)
class Selection:
    """Some tokens of each sample.

    Attributes:
        index: [B, n] places in the sequence of all tokens.
        padding: [B, n], True where a sample has fewer than n and the entry means nothing; None where all have n.
    """

    index: Int[Tensor, "batch n"]
    padding: Bool[Tensor, "batch n"] | None

    def take(self, tokens: Shaped[Tensor, "batch tokens width"]) -> Shaped[Tensor, "batch n width"]:
        """The selected tokens; what stands at padding means nothing."""
        return tokens.gather(1, self.index[..., None].expand(-1, -1, tokens.shape[-1]))  # [B, n, width]

    @property
    def real(self) -> Bool[Tensor, "batch n"]:
        """True where the entry is a token, not padding."""
        return torch.ones_like(self.index, dtype=torch.bool) if self.padding is None else ~self.padding


def places_of(selection: Selection, n_tokens: int) -> Bool[Tensor, "batch tokens"]:
    """True at the selected tokens."""
    # Padding lands on one token past the last, which is dropped.
    index: Int[Tensor, "batch n"] = torch.where(selection.real, selection.index, n_tokens)
    chosen = torch.zeros(index.shape[0], n_tokens + 1, dtype=torch.bool, device=index.device)
    return chosen.scatter(1, index, True)[:, :-1]  # [B, tokens]


def append_padding(selection: Selection, extra: int) -> Bool[Tensor, "batch n"] | None:
    """Padding of some tokens followed by `extra` real ones."""
    if selection.padding is None:
        return None
    real = torch.zeros(selection.padding.shape[0], extra, dtype=torch.bool, device=selection.padding.device)
    return torch.cat([selection.padding, real], dim=1)  # [B, n + extra]
