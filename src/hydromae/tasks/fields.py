"""From tokens back to days and places: what was seen, hidden and missing."""

import torch
from jaxtyping import Int
from torch import Tensor

from hydromae.data.batch import IGNORED, MISSING, TARGET, VISIBLE, ModalityTokens
from hydromae.data.tokens import from_tokens


def state_window(tokens: ModalityTokens, n_days: int) -> Int[Tensor, "batch days *place"]:
    """State of every value of grids [B, T, patches, cells] or series [B, T, stations].

    It is that of the value's token, VISIBLE, TARGET or IGNORED; a value that was not observed is MISSING in any token.
    """
    state = torch.full(tokens.values.shape[:2], IGNORED, device=tokens.values.device)  # [B, tokens]
    for selection, number in ((tokens.visible, VISIBLE), (tokens.target, TARGET)):
        sample = torch.arange(len(state), device=state.device)[:, None].expand_as(selection.index)
        state[sample[selection.real], selection.index[selection.real]] = number
    of_values = torch.where(tokens.valid, state[..., None], MISSING)  # [B, tokens, cells]
    return from_tokens(of_values.float(), tokens.shape, n_days).long()
