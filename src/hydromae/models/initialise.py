"""First values of the parameters."""

from torch import nn

from hydromae.models.decoder import Decoder
from hydromae.models.donors import DonorMeans
from hydromae.models.feature_maps import WeightedFeatureMaps
from hydromae.models.film import FiLM
from hydromae.models.placed_means import PlacedMeans
from hydromae.models.positions import Calendar
from hydromae.models.quantile_head import QuantileHead
from hydromae.models.series_encoder import SeriesEncoder
from hydromae.models.state_readout import Outlook, StateReadout
from hydromae.models.station_states import StationStates

_TOKEN_STD = 0.02
_HEAD_SHARE = 0.1  # of the weights that Xavier gives


def initialise(model: nn.Module) -> None:
    """Initialise as MAE does (He et al. 2022): Xavier-uniform weights, zero biases.

    Tokens and positions start with deviation 0.02, FiLM as the identity, weighted feature maps, quantile heads and
    the recurrence as they declare. A series token has few values, whose embedding Xavier would leave faint beside the
    positions: it starts with unit variance. So does the bias of the static token, whose input is near 0, as the mean of
    scaled attributes is: where a whole series is hidden no other token is left, and LayerNorm would blow up its
    gradient.
    Heads begin near 0, so that a fresh model predicts about the mean of what is scaled, which costs the least of what
    can be done without knowing anything.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for module in model.modules():
        if isinstance(module, FiLM):
            nn.init.zeros_(module.scale_and_shift.weight)
        elif isinstance(module, SeriesEncoder):
            nn.init.normal_(module.embedding.weight, std=module.embedding.in_features**-0.5)
            if module.static is not None:
                nn.init.normal_(module.static.bias)
        elif isinstance(module, Decoder):
            module.head.weight.data.mul_(_HEAD_SHARE)
        elif isinstance(module, StateReadout | Outlook):
            for head in (module.to_value, getattr(module, "later_to_value", None)):
                if head is not None:
                    head.weight.data.mul_(_HEAD_SHARE)
        elif isinstance(module, WeightedFeatureMaps | QuantileHead | StationStates | DonorMeans | PlacedMeans):
            module.reset()
        elif isinstance(module, Calendar):
            nn.init.normal_(module.mixture.weight, std=_TOKEN_STD)
        for name, parameter in module.named_parameters(recurse=False):
            # The names in a dictionary are the user's, who may have a series of deposition.
            if not isinstance(module, nn.ParameterDict) and any(
                word in name for word in ("token", "position", "modality", "learned")
            ):
                nn.init.normal_(parameter, std=_TOKEN_STD)
