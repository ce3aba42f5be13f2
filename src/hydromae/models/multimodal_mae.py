"""The multi-modal masked autoencoder: encode each modality, fuse, decode, score."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hydromae.batch.batch import Batch, scatter
from hydromae.batch.plain import batch_from_dict
from hydromae.config import ModelConfig
from hydromae.models.attention import UnseenByLayer
from hydromae.models.causal import times_of, unseen_by_targets, unseen_by_tokens
from hydromae.models.decoder import Predicted, nothing_predicted
from hydromae.models.divided import Divided, TokenPlaces, places_of_tokens
from hydromae.models.feature_maps import map_layers, number_of_maps
from hydromae.models.fusion import Encoded, concatenate, fuse, fusion_layers
from hydromae.models.grid_decoder import GridDecoder
from hydromae.models.grid_encoder import GridEncoder
from hydromae.models.initialise import initialise
from hydromae.models.losses import loss_sums, scored_cells, weighted_total
from hydromae.models.series_decoder import SeriesDecoder
from hydromae.models.series_encoder import SeriesEncoder
from hydromae.models.states import States
from hydromae.models.station_states import StationStates
from hydromae.tokens.shape import TokenShape, token_shape


@dataclass(frozen=True)
class ModalityParts:
    """What the network has for one modality.

    Attributes:
        encoder: of its visible tokens; None of a modality that attention does not read.
        decoder: of its targets.
        token: [1, 1, d_model], added to its visible tokens; None where modality tokens are off.
        decoder_token: [1, 1, decoder_dim], added to its queries; None likewise.
    """

    encoder: nn.Module | None
    decoder: nn.Module
    token: Tensor | None
    decoder_token: Tensor | None


class MultiModalMAE(nn.Module):
    """Masked autoencoder over grids and series (MAE, He et al. 2022; CAV-MAE, Gong et al. 2023; CrossMAE, Fu et al.
    2024).

    Each modality `m` has an encoder `m_encoder` that sees only its visible tokens, a decoder `m_decoder`, and, where
    modality tokens are on, `modality_m` [1, 1, d_model] and `decoder_modality_m` [1, 1, decoder_dim].

    Args:
        config: sizes and switches.
        valid_patch_indices: [P] row-major indices of the valid patches; None: the first `config.valid_patches`, or all.
        task_weights: weight of each loss by its name, as `precip_loss`; 1 where none is named.

    Attributes:
        trained_on: what is known of the data: period, attributes, unit and scaler of each modality, and the trainings
            before; for JSON.

    Raises:
        ValueError: a valid patch lies outside the grid, or there is none.
    """

    valid_patches: Tensor

    def __init__(
        self,
        config: ModelConfig,
        valid_patch_indices: Int[Tensor, " patches"] | None = None,
        task_weights: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__()
        self.config, self.task_weights = config, dict(task_weights or {})
        self.trained_on: dict[str, Any] = {}
        if valid_patch_indices is None:
            valid_patch_indices = torch.arange(min(config.valid_patches or config.all_patches, config.all_patches))
        inside = (valid_patch_indices >= 0) & (valid_patch_indices < config.all_patches)
        if len(inside) == 0 or not inside.all():
            raise ValueError(f"valid_patch_indices must be some of the grid's patches, 0 to {config.all_patches - 1}")
        self.register_buffer("valid_patches", valid_patch_indices.long())
        self.shapes: dict[str, TokenShape] = {
            name: token_shape(config, name, len(valid_patch_indices)) for name in config.modalities
        }
        for name, shape in self.shapes.items():
            depth = config.grid_encoder_layers if shape.kind == "grid" else config.series_encoder_layers
            encoder, decoder = (GridEncoder, GridDecoder) if shape.kind == "grid" else (SeriesEncoder, SeriesDecoder)
            attended = self.attended(name)
            if attended:
                self.add_module(f"{name}_encoder", encoder(config, shape, map_layers(config, depth)))
            self.add_module(f"{name}_decoder", decoder(config, shape, number_of_maps(config, depth)))
            if config.modality_tokens:
                if attended:
                    self.register_parameter(f"modality_{name}", nn.Parameter(torch.zeros(1, 1, config.d_model)))
                self.register_parameter(f"decoder_modality_{name}", nn.Parameter(torch.zeros(1, 1, config.decoder_dim)))
        if config.missing_attributes == "learned" and config.static_attr_dim:
            self.missing_attribute = nn.Parameter(torch.zeros(config.static_attr_dim))
        if config.fused:
            self.blocks_shared = fusion_layers(config)
            self.norm_shared = nn.LayerNorm(config.d_model)
        self.station_states = StationStates(config) if config.recurrent_dim else None
        initialise(self)

    def forward(self, batch: Batch | Mapping[str, Any]) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]]]:
        """Total loss and the loss of each modality, `<name>_loss`: mean squared error of the scaled values hidden.

        With quantiles also `<name>_pinball`, which the total holds with the weight of that modality's loss.
        """
        batch = self.as_batch(batch)
        predicted = self.predict_with_quantiles(batch)
        losses: dict[str, Tensor] = {}
        totals: dict[str, Tensor] = {}
        for name, tokens in batch.tokens.items():
            count = scored_cells(tokens).sum().clamp(min=1)
            means = loss_sums(*predicted[name], self.config.quantiles, tokens) / count  # [losses]
            losses |= dict(zip((f"{name}_loss", f"{name}_pinball"), means.unbind(), strict=False))
            totals[f"{name}_loss"] = means.sum()
        return weighted_total(totals, self.task_weights), losses

    def predict(self, batch: Batch) -> dict[str, Float[Tensor, "batch targets cells"]]:
        """Scaled predictions at the targets of each modality: the mean."""
        return {name: mean for name, (mean, _) in self.predict_with_quantiles(batch).items()}

    def predict_with_quantiles(self, batch: Batch, idle_decoders: bool = True) -> dict[str, Predicted]:
        """Scaled mean [B, targets, cells] at the targets of each modality, and quantiles [B, targets, cells, Q].

        The quantiles are those of `config.quantiles`, in their order, and rise; None in a model without.

        Args:
            batch: of which a modality may have no targets.
            idle_decoders: whether a decoder runs that has no targets. Training and validation need it: a model that is
                spread over processes waits until each of them has come to the same part.
        """
        if not self.config.rolling and any(tokens.issued is not None for tokens in batch.tokens.values()):
            raise ValueError("the batch is forecast from several issue days, which needs a model with rolling series")
        batch = self.with_learned_attributes(batch)
        encoded = {name: self.encode(name, batch) for name in batch.tokens if self.attended(name)}
        if self.config.fused:
            encoded = dict.fromkeys(batch.tokens, self.fuse(encoded))
        series = any(tokens.shape.kind == "series" for tokens in batch.tokens.values())
        states = self.station_states(batch) if self.station_states is not None and series else None
        return {
            name: self.decode(name, batch, encoded.get(name), states)
            if idle_decoders or tokens.target.index.shape[1]
            else nothing_predicted(tokens, self.config.quantiles)
            for name, tokens in batch.tokens.items()
        }

    def reconstruct(self, batch: Batch) -> dict[str, Float[Tensor, "batch days *place"]]:
        """Scaled predictions as windows, grid [B, T, patches, cells] or series [B, T, stations]; NaN elsewhere."""
        predictions = self.predict(batch)
        return {name: scatter(mean, batch.tokens[name], batch.n_days) for name, mean in predictions.items()}

    def encode(self, name: str, batch: Batch) -> Encoded:
        """Feature maps [B, visible, d_model] of one modality."""
        parts, tokens = self.parts_of(name), batch.tokens[name]
        assert parts.encoder is not None, "what is not attended is not encoded"
        times = times_of(tokens, name in self.config.rolling, self.static_tokens(name)) if self.config.rolling else None
        places = divided = None
        if self.config.attention == "divided":
            places = places_of_tokens(tokens.visible, tokens.shape, batch.n_days, self.static_tokens(name))
            divided = Divided(places, places)
        maps, padding = parts.encoder(tokens, batch, parts.token, times, divided)
        return Encoded(maps, padding, times, places)

    def parts_of(self, name: str) -> ModalityParts:
        """The parts of one modality, which are registered under the names of the class's docstring."""
        return ModalityParts(
            getattr(self, f"{name}_encoder", None),
            self.get_submodule(f"{name}_decoder"),
            getattr(self, f"modality_{name}", None),
            getattr(self, f"decoder_modality_{name}", None),
        )

    def fuse(self, encoded: Mapping[str, Encoded]) -> Encoded:
        """Feature maps over the visible tokens of all modalities; the fused one is the last."""
        fuse_static = self.config.fuse_static_tokens
        parts = [
            part if fuse_static or not self.static_tokens(name) else part.without_last()
            for name, part in encoded.items()
        ]
        together = concatenate(parts)
        unseen: UnseenByLayer | None = together.padding
        if together.times is not None:
            unseen = unseen_by_tokens(together.times, together.padding)
        if together.places is not None:
            unseen = Divided(together.places, together.places)
        last = fuse(self.blocks_shared, self.norm_shared, together.maps[-1], unseen)
        return replace(together, maps=[*together.maps[:-1], last])

    def decode(self, name: str, batch: Batch, context: Encoded | None, states: States | None = None) -> Predicted:
        """Scaled mean at one modality's targets, and quantiles where the model has them.

        Args:
            name: modality.
            batch: its tokens hold the targets.
            context: feature maps that its decoder reads; None in a model without attention.
            states: daily states of the stations, in a model that has them.
        """
        parts, tokens = self.parts_of(name), batch.tokens[name]
        own = self.valid_patches if tokens.shape.kind == "grid" else states
        query_unseen: UnseenByLayer | None = tokens.target.padding
        context = context or Encoded([], None)
        unseen: UnseenByLayer | None = context.padding
        if context.places is not None:
            targets = self.target_places(name, batch, context.places)
            unseen = Divided(targets, context.places)
            query_unseen = Divided(targets, targets) if self.config.decoder_self_attn else None
        if tokens.issued is not None and context.times is not None:
            unseen = unseen_by_targets(context.times, tokens.issued, context.padding)
        predicted: Predicted = parts.decoder(
            tokens, batch, parts.decoder_token, context.maps, unseen, own, query_unseen
        )
        return predicted

    def target_places(self, name: str, batch: Batch, context: TokenPlaces) -> TokenPlaces:
        """Where the targets of a modality lie among the places of what its decoder reads."""
        before = list(batch.tokens)[: list(batch.tokens).index(name)] if self.config.fusion == "full" else []
        first = sum(batch.tokens[other].shape.places for other in before)
        tokens = batch.tokens[name]
        return places_of_tokens(tokens.target, tokens.shape, batch.n_days).among(context, first)

    def as_batch(self, batch: Batch | Mapping[str, Any]) -> Batch:
        """The batch itself, or one made of a plain dict (see `batch_from_dict`)."""
        if isinstance(batch, Batch):
            return batch
        return batch_from_dict(batch, self.config, self.shapes, self.valid_patches)

    def with_learned_attributes(self, batch: Batch) -> Batch:
        """The batch as encoders and decoders take it: in some models a missing attribute has a learned value."""
        if self.config.missing_attributes == "mean" or batch.attributes is None:
            return batch
        attributes = batch.attributes
        learned = self.missing_attribute.to(attributes.dtype)
        return replace(batch, attributes=torch.where(attributes.isnan(), learned, attributes))

    def attended(self, name: str) -> bool:
        """Whether attention reads a modality."""
        return self.config.attended(self.shapes[name].kind)

    def static_tokens(self, name: str) -> int:
        """Static tokens behind the visible ones of a modality."""
        return int(self.shapes[name].kind == "series" and self.config.static_attr_dim > 0)
