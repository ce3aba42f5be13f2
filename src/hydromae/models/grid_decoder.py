"""Decoder of a grid modality."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hydromae.batch.batch import Batch, ModalityTokens
from hydromae.config import ModelConfig
from hydromae.models.attention import UnseenByLayer, UnseenQueries
from hydromae.models.decoder import Predicted, make_decoder
from hydromae.models.positions import TimePosition, learned_position
from hydromae.tokens.shape import TokenShape


class GridDecoder(nn.Module):
    """Predicts hidden patches from the visible tokens (CrossMAE, Fu et al. 2024).

    Its learned positions cover the whole grid, sea included, so that a run on one land mask can serve another.

    Args:
        config: sizes.
        shape: how the modality is cut.
        maps: feature maps the context holds.

    Shape: feature maps of [B, m, D] -> mean [B, targets, cells] and quantiles [B, targets, cells, Q] or None, scaled
    values, float32.
    """

    def __init__(self, config: ModelConfig, shape: TokenShape, maps: int) -> None:
        super().__init__()
        self.patch_position = nn.Parameter(torch.zeros(config.all_patches, config.decoder_dim))
        self.time = TimePosition(config.decoder_dim, shape, config.calendar)
        self.decoder = make_decoder(config, shape.cells, maps, film=False)

    def forward(
        self,
        tokens: ModalityTokens,
        batch: Batch,
        modality_token: Float[Tensor, "1 1 dim"] | None,
        maps: list[Float[Tensor, "batch m context_dim"]],
        context_unseen: UnseenByLayer | None,
        valid_patches: Int[Tensor, " patches"],
        query_unseen: UnseenQueries | None,
    ) -> Predicted:
        index = tokens.target.index
        patch = valid_patches[tokens.shape.place(index)]  # [B, n] patch of the whole grid
        queries = self.decoder.mask_token + learned_position(self.patch_position, patch)  # [B, n, E]
        queries = queries + self.time(index, batch)
        if modality_token is not None:
            queries = queries + modality_token
        predicted: Predicted = self.decoder(queries, query_unseen, maps, context_unseen)
        return predicted
