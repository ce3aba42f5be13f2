"""Reconstruction of one window with the masks of the training."""

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from hydromae.batch.batch import scatter
from hydromae.batch.batcher import Batcher
from hydromae.batch.states import state_window
from hydromae.masks.masker import Masker
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.tokens.selection import TARGET
from hydromae.windows.neighbours import grouped_windows
from hydromae.windows.windows import WindowReader, Windows

Fields = tuple[Tensor, Tensor, Tensor]  # observed, reconstructed, state


@torch.no_grad()
def reconstruct_window(
    model: MultiModalMAE,
    batcher: Batcher,
    masker: Masker,
    reader: WindowReader,
    start: int,
    days: int,
    groups: Int[np.ndarray, "group station"] | None = None,
) -> dict[str, Fields]:
    """Observed values, reconstruction (NaN where nothing was hidden) and state of one window, in physical units.

    Each is [1, T, patches, cells] or [1, T, stations]. Where windows hold few stations, in `groups` (see
    `station_groups`), each station is reconstructed in a window of its own, and grids in that of the first station.
    """
    parts = [_fields(model, batcher, masker, windows) for windows in grouped_windows(reader, start, days, groups)]
    if groups is None:
        return parts[0]
    joined: dict[str, Fields] = {}
    for name, first in parts[0].items():
        if batcher.shapes[name].kind == "grid":
            joined[name] = (first[0][:1], first[1][:1], first[2][:1])
        else:
            values, reconstructed, state = (
                torch.cat([part[name][i][:, :, 0] for part in parts]).T[None] for i in range(3)
            )  # S x [T] -> [1, T, S]
            joined[name] = (values, reconstructed, state)
    return joined


def _fields(model: MultiModalMAE, batcher: Batcher, masker: Masker, read: Windows) -> dict[str, Fields]:
    windows = read.to(batcher.device)
    batch = batcher.batch(windows, masker.evaluation)
    predicted = model.predict(batch)
    fields = {}
    for name, tokens in batch.tokens.items():
        state = state_window(tokens, windows.days)
        reconstructed = batcher.unscale(name, scatter(predicted[name], tokens, windows.days), windows)
        # A hidden patch is predicted whole, but its sea cells and never observed values are left out.
        fields[name] = (windows.values[name], torch.where(state == TARGET, reconstructed, torch.nan), state)
    return fields
