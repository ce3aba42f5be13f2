"""From windows to a batch: scale, cut into tokens, hide, fill. Runs on the model's device."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from hydromae.base.areas import is_flow
from hydromae.base.calendar import days_of_year
from hydromae.batch.batch import Batch, ModalityTokens, split_missing
from hydromae.batch.fills import Method, make_fills
from hydromae.batch.gap_masks import hide_gaps
from hydromae.config import MaskingConfig
from hydromae.masks.masker import Masker
from hydromae.masks.plan import UNCHANGING
from hydromae.store.store import Store
from hydromae.tokens.shape import TokenShape, to_tokens
from hydromae.windows.windows import Windows


class Collator:
    """Makes the model's batches.

    Args:
        store: gives scalers, attributes and dates.
        shapes: token shape of each modality.
        masking: how and how much to hide.
        seed: of the masks.
        device: where batches are made.
        fill: modality -> how its missing values are filled for the model to see; the others' are not.
        weights: series -> weight of each station's errors in the loss (see `station_weights`); the others' is 1.
    """

    def __init__(
        self,
        store: Store,
        shapes: Mapping[str, TokenShape],
        masking: MaskingConfig,
        seed: int,
        device: torch.device,
        fill: Mapping[str, Method] = {},
        weights: Mapping[str, Float[np.ndarray, " station"]] = {},
    ) -> None:
        self.shapes = dict(shapes)
        self.scalers = {name: store.scaler(name) for name in shapes}
        self.fills = make_fills(store, {name: method for name, method in fill.items() if name in shapes}, device)
        units = {name: store.units(name) for name in shapes}
        self.masker = Masker(masking, shapes, forecast_modalities(units, shapes, masking.forecast), seed, self.fills)
        attributes = torch.from_numpy(store.scaled_attributes)
        self.attributes = attributes.to(device) if attributes.shape[-1] else None  # [stations, A]
        self.weights = {name: torch.from_numpy(of_name).to(device) for name, of_name in weights.items()}  # [stations]
        self.day_of_year = torch.from_numpy(days_of_year(store.days)).to(device)  # [days of the store]

    def training_batch(self, windows: Windows, epoch: int) -> Batch:
        """Masks of this epoch, cut to the smallest counts of the batch so that nothing is padded."""
        return self._batch(windows, epoch)

    def evaluation_batch(self, windows: Windows) -> Batch:
        """Masks fixed by seed and window; every target kept, padded where gaps make the counts differ."""
        return self._batch(windows, None)

    def _batch(self, windows: Windows, epoch: int | None) -> Batch:
        cut = {
            name: split_missing(to_tokens(self._scaled(name, windows), shape)) for name, shape in self.shapes.items()
        }  # [B, tokens, cells] values and where they are valid
        available = {name: valid.any(-1) for name, (_, valid) in cut.items()}  # [B, tokens]
        plan = self.masker.plan(windows, epoch)
        masks = self.masker.masks(windows, available, plan, epoch)
        tokens = {name: ModalityTokens(*cut[name], *masks[name], shape) for name, shape in self.shapes.items()}
        for name in self.weights:
            tokens[name] = replace(tokens[name], weights=self._token_weights(name, windows))
        for name, samples in self.masker.gapped(windows, plan, epoch).items():
            gap_epoch = UNCHANGING if epoch is None else epoch
            tokens[name] = hide_gaps(tokens[name], windows, samples, seed=self.masker.seed, epoch=gap_epoch, name=name)
        for name, fill in self.fills.items():
            tokens[name] = fill(tokens[name], windows.days)
        size, device = len(windows.starts), windows.starts.device
        attributes = None
        if self.attributes is not None and windows.stations is None:
            attributes = self.attributes.expand(size, -1, -1)  # [B, stations, A]
        elif self.attributes is not None:
            attributes = self.attributes[windows.stations]  # [B, n, A]
        dates = windows.starts[:, None] + torch.arange(windows.days, device=device)  # [B, T]
        return Batch(tokens, attributes, self.day_of_year[dates], windows.days)

    def _token_weights(self, name: str, windows: Windows) -> Float[Tensor, "batch tokens cells"]:
        of_windows = self.weights[name]  # [stations]
        of_windows = of_windows[None] if windows.stations is None else of_windows[windows.stations]  # [B or 1, n]
        of_days = of_windows[:, None].expand(len(windows.starts), windows.days, -1)  # [B, T, n]
        return torch.nan_to_num(to_tokens(of_days, self.shapes[name]))  # tokens past the last day or station hold NaN

    def _scaled(self, name: str, windows: Windows) -> Float[Tensor, "batch days *place"]:
        stations = windows.stations if self.shapes[name].kind == "series" else None
        return self.scalers[name].scale(windows.values[name], stations)


def forecast_modalities(
    units: Mapping[str, str], shapes: Mapping[str, TokenShape], configured: Sequence[str] | None
) -> tuple[str, ...]:
    """What strategy forecast predicts: what is configured, else flow (series in m3/s), else all series, else all."""
    if configured is not None:
        return tuple(configured)
    series = tuple(name for name, shape in shapes.items() if shape.kind == "series")
    flow = tuple(name for name in series if is_flow(units[name]))
    return flow or series or tuple(shapes)
