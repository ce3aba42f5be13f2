"""Encoder of a grid modality."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hydromae.batch.batch import Batch, ModalityTokens
from hydromae.config import ModelConfig
from hydromae.models.causal import TokenTimes, unseen_by_tokens
from hydromae.models.divided import Divided
from hydromae.models.encoder import EncoderStack, embed_visible, validity_embedding
from hydromae.models.positions import TimePosition, learned_position
from hydromae.tokens.shape import TokenShape


class GridEncoder(nn.Module):
    """Masked-autoencoder encoder (He et al. 2022) of daily maps: sees only the visible patches.

    Every visible patch of every day is a token: a linear embedding, a learned position of the patch, a sinusoidal
    position of the day and the modality token, then transformer layers and a LayerNorm. The sequence is kept: no
    pooling.

    Args:
        config: sizes.
        shape: how the modality is cut.
        maps: layers whose outputs are returned, see `EncoderStack`.

    Shape: visible tokens [B, n, cells] -> list of [B, n, D], and their padding [B, n] or None. With times
    (see `hydromae.models.causal`) a token attends to no later one; divided, to
    those of its day or its place.
    """

    def __init__(self, config: ModelConfig, shape: TokenShape, maps: Sequence[int]) -> None:
        super().__init__()
        self.use_input = config.use_weighted_fm and config.use_input
        self.embedding = nn.Linear(shape.cells, config.d_model)
        self.validity = validity_embedding(shape.cells, config)
        self.patch_position = nn.Parameter(torch.zeros(shape.places, config.d_model))
        self.time = TimePosition(config.d_model, shape, config.calendar)
        self.stack = EncoderStack(config, maps, film=False)

    def forward(
        self,
        tokens: ModalityTokens,
        batch: Batch,
        modality_token: Float[Tensor, "1 1 dim"] | None,
        times: TokenTimes | None = None,
        divided: Divided | None = None,
    ) -> tuple[list[Float[Tensor, "batch n dim"]], Bool[Tensor, "batch n"] | None]:
        index = tokens.visible.index
        embedded = embed_visible(self.embedding, self.validity, tokens)  # [B, n, D]
        embedded = embedded + learned_position(self.patch_position, tokens.shape.place(index))
        embedded = embedded + self.time(index, batch).to(embedded.dtype)
        if modality_token is not None:
            embedded = embedded + modality_token
        padding = tokens.visible.padding
        unseen = padding if times is None else unseen_by_tokens(times, padding)
        return self.stack(embedded, divided or unseen, with_input=self.use_input), padding
