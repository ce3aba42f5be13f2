"""Batches of a store under the masks of a configuration, as training and validation make them."""

from collections.abc import Mapping

import numpy as np
import torch

from hydromae.batch.batch import Batch
from hydromae.batch.batcher import Batcher
from hydromae.batch.fills import Method
from hydromae.config import MaskingConfig
from hydromae.masks.masker import Masker
from hydromae.store.store import Store
from hydromae.tokens.shape import TokenShape
from hydromae.windows.cells_around import CellsAround
from hydromae.windows.windows import Windows


class BatchMaker:
    """A batcher and a masker."""

    def __init__(
        self,
        store: Store,
        shapes: Mapping[str, TokenShape],
        masking: MaskingConfig,
        seed: int = 0,
        device: torch.device = torch.device("cpu"),  # noqa: B008
        fill: Mapping[str, Method] = {},
        weights: Mapping[str, np.ndarray] = {},
        cells: CellsAround | None = None,
    ) -> None:
        self.batcher = Batcher.of_store(store, shapes, device, fill, weights, cells)
        self.masker = Masker.of_store(store, shapes, masking, seed)
        self.scalers = self.batcher.scalers

    def training_batch(self, windows: Windows, epoch: int) -> Batch:
        return self.batcher.batch(windows, self.masker.training(epoch))

    def evaluation_batch(self, windows: Windows) -> Batch:
        return self.batcher.batch(windows, self.masker.evaluation)
