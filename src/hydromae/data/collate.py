"""From windows to a batch: scale, cut into tokens, hide. Runs on the model's device."""

import math
from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from hydromae.config import MaskingConfig
from hydromae.data.batch import TARGET, VISIBLE, Batch, ModalityTokens, split_missing
from hydromae.data.masks import cut, draw_random, random_keys, select, target_counts
from hydromae.data.store import Store
from hydromae.data.tokens import TokenShape, to_tokens
from hydromae.data.windows import Windows

UNCHANGING = -1  # the epoch of masks that must be the same every time


class Collator:
    """Makes the model's batches.

    Args:
        store: gives scalers, attributes and dates.
        shapes: token shape of each modality.
        masking: how much to hide.
        seed: of the masks.
        device: where batches are made.
    """

    def __init__(
        self,
        store: Store,
        shapes: Mapping[str, TokenShape],
        masking: MaskingConfig,
        seed: int,
        device: torch.device,
    ) -> None:
        self.shapes, self.seed = dict(shapes), seed
        self.scalers = {name: store.scaler(name) for name in shapes}
        self.ratio = {
            name: masking.image_mask_ratio if shape.kind == "grid" else masking.vector_mask_ratio
            for name, shape in shapes.items()
        }
        # CrossMAE's partial reconstruction (Fu et al. 2024): the gradient of a random part costs less and points alike.
        self.prediction_ratio = masking.prediction_ratio
        attributes = torch.from_numpy(store.scaled_attributes)
        self.attributes = attributes.to(device) if attributes.shape[-1] else None  # [stations, A]
        years = store.days.astype("datetime64[Y]").astype("datetime64[D]")
        day_of_year = (store.days - years).astype(np.int64) + 1
        self.day_of_year = torch.from_numpy(day_of_year).to(device)  # [days of the store]

    def training_batch(self, windows: Windows, epoch: int) -> Batch:
        """Masks of this epoch, cut to the smallest counts of the batch so that nothing is padded."""
        return self._batch(windows, epoch, even=True)

    def evaluation_batch(self, windows: Windows) -> Batch:
        """Masks fixed by seed and window; every target kept, padded where gaps make the counts differ."""
        return self._batch(windows, UNCHANGING, even=False)

    def _batch(self, windows: Windows, epoch: int, even: bool) -> Batch:
        days = next(iter(windows.values.values())).shape[1]
        tokens = {}
        for name, shape in self.shapes.items():
            scaled = self.scalers[name].scale(windows.values[name])
            values, valid = split_missing(to_tokens(scaled, shape))  # [B, tokens, cells]
            available = windows.available[name]
            n_target = target_counts(available, self.ratio[name])
            n_visible = [a - t for a, t in zip(available, n_target, strict=True)]
            keys = random_keys(windows.starts, values.shape[1], seed=self.seed, epoch=epoch, stream=name)
            counts = torch.tensor(n_target).to(keys.device, non_blocking=True)
            state = draw_random(valid.any(-1), counts, keys)  # [B, tokens]
            if even:
                state, n_visible = _cut_to_smallest(state, keys, VISIBLE, n_visible)
                state, n_target = _cut_to_smallest(state, keys, TARGET, n_target)
                if self.prediction_ratio < 1:
                    n_target = [math.ceil(self.prediction_ratio * n) for n in n_target]
                    state = cut(state, keys, TARGET, n_target)
            tokens[name] = ModalityTokens(
                values,
                valid,
                select(state == VISIBLE, keys, n_visible),
                select(state == TARGET, keys, n_target),
                shape,
            )
        size = len(windows.starts)
        attributes = None if self.attributes is None else self.attributes.expand(size, -1, -1)  # [B, stations, A]
        dates = windows.starts[:, None] + torch.arange(days, device=windows.starts.device)  # [B, T]
        return Batch(tokens, attributes, self.day_of_year[dates], days)


def _cut_to_smallest(
    state: Int[Tensor, "batch tokens"], keys: Int[Tensor, "batch tokens"], which: int, counts: list[int]
) -> tuple[Int[Tensor, "batch tokens"], list[int]]:
    """Cut to the smallest count above 0: a sample without the modality must not rob the others of it."""
    some = [n for n in counts if n]
    if not some or min(some) == max(counts):
        return state, counts
    counts = [min(n, min(some)) for n in counts]
    return cut(state, keys, which, counts), counts
