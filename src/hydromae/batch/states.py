"""From tokens back to days and places: what was seen, hidden and missing."""

import torch
from jaxtyping import Int
from torch import Tensor

from hydromae.batch.batch import ModalityTokens
from hydromae.tokens.selection import IGNORED, MISSING, TARGET, VISIBLE
from hydromae.tokens.shape import from_tokens


def state_window(tokens: ModalityTokens, n_days: int) -> Int[Tensor, "batch days *place"]:
    """State of every value of grids [B, T, patches, cells] or series [B, T, stations].

    It is that of the value's token, VISIBLE, TARGET or IGNORED; a value that was not observed is MISSING in any token.
    Of a token that is seen in part and a target in part each value has its own.
    """
    state = torch.full(tokens.values.shape[:2], IGNORED, device=tokens.values.device)  # [B, tokens]
    for selection, number in ((tokens.visible, VISIBLE), (tokens.target, TARGET)):
        sample = torch.arange(len(state), device=state.device)[:, None].expand_as(selection.index)
        state[sample[selection.real], selection.index[selection.real]] = number
    of_cells = state[..., None].expand_as(tokens.valid)  # [B, tokens, cells]
    if tokens.scored is not None and tokens.readable is not None:
        of_cells = torch.where((of_cells == TARGET) & ~tokens.scored & tokens.readable, VISIBLE, of_cells)
    of_values = torch.where(tokens.valid, of_cells, MISSING)  # [B, tokens, cells]
    return from_tokens(of_values.float(), tokens.shape, n_days).long()
