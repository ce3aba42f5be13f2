"""Decoder of a series modality."""

from jaxtyping import Float
from torch import Tensor, nn

from hydromae.batch.batch import Batch, ModalityTokens
from hydromae.config import ModelConfig
from hydromae.models.attention import UnseenByLayer, UnseenQueries
from hydromae.models.decoder import Predicted, make_decoder
from hydromae.models.positions import TimePosition
from hydromae.models.series_encoder import GroupPosition, mean_attributes, take_groups
from hydromae.models.state_readout import StateReadout
from hydromae.models.states import States
from hydromae.tokens.shape import TokenShape


class SeriesDecoder(nn.Module):
    """Predicts hidden values of stations from the visible tokens (CrossMAE, Fu et al. 2024).

    With `decoder_film` a query knows the attributes of its own stations; without it all stations with no visible value
    look alike. With `recurrent_dim` a query also holds the daily states of its own stations and days,
    and the prediction starts from what those say.

    Args:
        config: sizes.
        shape: how the modality is cut.
        maps: feature maps the context holds.

    Shape: feature maps of [B, m, D] -> mean [B, targets, cells] and quantiles [B, targets, cells, Q] or None, scaled
    values, float32.
    """

    def __init__(self, config: ModelConfig, shape: TokenShape, maps: int) -> None:
        super().__init__()
        self.group = shape.size
        self.film = config.decoder_film and config.static_attr_dim > 0
        self.group_position = GroupPosition(config, config.decoder_dim, shape.places)
        self.time = TimePosition(config.decoder_dim, shape, config.calendar)
        self.decoder = make_decoder(config, shape.cells, maps, film=self.film)
        self.states = StateReadout(config, shape) if config.recurrent_dim else None

    def forward(
        self,
        tokens: ModalityTokens,
        batch: Batch,
        modality_token: Float[Tensor, "1 1 dim"] | None,
        maps: list[Float[Tensor, "batch m context_dim"]],
        context_unseen: UnseenByLayer | None,
        states: States | None,
        query_unseen: UnseenQueries | None,
    ) -> Predicted:
        index = tokens.target.index
        place = tokens.shape.place(index)
        groups = None if batch.attributes is None else mean_attributes(batch.attributes, self.group)  # [B, G, A]
        queries = self.decoder.mask_token + self.time(index, batch)  # [B, n, E]
        queries = queries + self.group_position(place, groups)
        if modality_token is not None:
            queries = queries + modality_token
        first = None
        if self.states is not None and states is not None:
            of_states, first = self.states(states, tokens)  # [B, n, E], [B, n, cells]
            queries = queries + of_states
        conditions = take_groups(groups, place) if self.film and groups is not None else None  # [B, n, A]
        predicted: Predicted = self.decoder(queries, query_unseen, maps, context_unseen, conditions, first)
        return predicted
