"""Attention that looks back only, so that one pass over a window serves a forecast from every issue day in it.

In a model with `rolling` series a token attends to tokens that end no later than itself, and tokens of the other
modalities (the weather) never attend to those series. So what is known of the weather up to some day holds no flow, and
a query may read the weather of its horizon without learning the flow of those days.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from hydromae.batch.batch import ModalityTokens
from hydromae.masks.mask import Issued


@dataclass(frozen=True)
class TokenTimes:
    """When the tokens of a sequence end, and which are of rolling series.

    Attributes:
        end: [B, m] days of the window up to a token's last day, that day included; 0 of a static token.
        rolling: [B, m].
    """

    end: Int[Tensor, "batch m"]
    rolling: Bool[Tensor, "batch m"]


def times_of(tokens: ModalityTokens, rolling: bool, static: int = 0) -> TokenTimes:
    """Times of the visible tokens of one modality, and of `static` tokens that follow them."""
    end = (tokens.visible.index // tokens.shape.places + 1) * tokens.shape.days  # [B, n]
    end = torch.cat([end, end.new_zeros(len(end), static)], dim=1)  # [B, n + static]
    of_rolling = torch.full_like(end, rolling, dtype=torch.bool)
    # A static token holds no flow, so all may read it.
    of_rolling[:, end.shape[1] - static :] = False
    return TokenTimes(end, of_rolling)


def joined(times: list[TokenTimes]) -> TokenTimes:
    """Times of sequences put one after another."""
    return TokenTimes(torch.cat([part.end for part in times], 1), torch.cat([part.rolling for part in times], 1))


def unseen_by_tokens(times: TokenTimes, padding: Bool[Tensor, "batch m"] | None) -> Bool[Tensor, "batch m keys"]:
    """True where a token must not attend to another: what ends later, rolling series unless it is of one, padding."""
    unseen = times.end[:, None] > times.end[:, :, None]
    unseen = unseen | (times.rolling[:, None] & ~times.rolling[:, :, None])
    return unseen if padding is None else unseen | padding[:, None]


def unseen_by_targets(
    times: TokenTimes, issued: Issued, padding: Bool[Tensor, "batch m"] | None
) -> Bool[Tensor, "batch n m"]:
    """True where a target must not attend to a token: rolling series after its issue day, weather it may not know."""
    known_until = torch.where(times.rolling[:, None], issued.day[:, :, None], issued.weather[:, :, None])  # [B, n, m]
    unseen = times.end[:, None] > known_until
    return unseen if padding is None else unseen | padding[:, None]
