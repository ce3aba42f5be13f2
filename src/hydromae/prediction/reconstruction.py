"""What a model reconstructs of one window with the masks of its training."""

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from hydromae.batch.batch import scatter
from hydromae.batch.collate import Collator
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.prediction.fields import state_window
from hydromae.tokens.selection import TARGET
from hydromae.windows.neighbours import windows_at_once
from hydromae.windows.windows import WindowReader, Windows

Fields = tuple[Tensor, Tensor, Tensor]  # observed, reconstructed, state


@torch.no_grad()
def reconstruct_window(
    model: MultiModalMAE,
    collator: Collator,
    reader: WindowReader,
    start: int,
    days: int,
    groups: Int[np.ndarray, "group station"] | None = None,
) -> dict[str, Fields]:
    """Observed values, reconstruction (NaN where nothing was hidden) and state of one window, in physical units.

    Each is [1, T, patches, cells] or [1, T, stations]. Where windows hold few stations, `groups` of them (see
    `station_groups`), each station is reconstructed in a window of its own, and grids in that of the first.
    """
    if groups is None:
        return _fields(model, collator, reader.read([start], days))
    at_once = windows_at_once(collator.shapes, days)
    parts = [
        _fields(model, collator, reader.read([start] * len(some), days, stations=some))
        for some in np.split(groups, range(at_once, len(groups), at_once))
    ]
    joined: dict[str, Fields] = {}
    for name, first in parts[0].items():
        if collator.shapes[name].kind == "grid":
            joined[name] = (first[0][:1], first[1][:1], first[2][:1])
        else:
            values, reconstructed, state = (
                torch.cat([part[name][i][:, :, 0] for part in parts]).T[None] for i in range(3)
            )  # S x [T] -> [1, T, S]
            joined[name] = (values, reconstructed, state)
    return joined


def _fields(model: MultiModalMAE, collator: Collator, read: Windows) -> dict[str, Fields]:
    windows = read.to(model.valid_patches.device)
    days = windows.days
    batch = collator.evaluation_batch(windows)
    predicted = model.predict(batch)
    fields = {}
    for name, tokens in batch.tokens.items():
        state = state_window(tokens, days)
        stations = windows.stations if tokens.shape.kind == "series" else None
        reconstructed = collator.scalers[name].unscale(scatter(predicted[name], tokens, days), stations)
        # A hidden patch is predicted whole; what is sea or was never observed there is not offered.
        fields[name] = (windows.values[name], torch.where(state == TARGET, reconstructed, torch.nan), state)
    return fields
