"""What the queries of a series read from the states of their stations."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor
from torch.nn import functional

from hydromae.batch.batch import ModalityTokens
from hydromae.config import ModelConfig
from hydromae.models.dropout import Dropout
from hydromae.models.states import States
from hydromae.tokens.shape import TokenShape

# Days over which what was known fades, as stores of a catchment drain: from a flood's to a groundwater's.
_FADES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)


class StateReadout(nn.Module):
    """What the queries of a series take from the states of their own stations and days.

    A part of the query, and a first value of each of its cells by one rule for all days. In a model with rolling series
    a cell of which nothing is known on its own day is read from the last state that knows anything, by a rule that
    depends on how long ago that was: the recurrence does not run on over days of which it would learn nothing.

    Args:
        config: sizes.
        shape: how the modality is cut.

    Shape: states, tokens with n targets -> [B, n, E] and [B, n, cells].
    """

    def __init__(self, config: ModelConfig, shape: TokenShape) -> None:
        super().__init__()
        width = config.state_width
        self.to_query = nn.Linear(shape.cells * width, config.decoder_dim)
        self.to_value = nn.Linear(width, 1)
        self.outlook = Outlook(width, config.outlook_dropout) if config.rolling else None
        self.outlook_gradient = config.outlook_gradient
        # Without biases, so that they add nothing where nothing later is read.
        if config.later_apart:
            self.later_to_query = nn.Linear(shape.cells * width, config.decoder_dim, bias=False)
            self.later_to_value = nn.Linear(width, 1, bias=False)

    def forward(
        self, states: States, tokens: ModalityTokens
    ) -> tuple[Float[Tensor, "batch n dim"], Float[Tensor, "batch n cells"]]:
        chosen, ago = states.of_cells(tokens)  # [B, n, cells, R], [B, n, cells]
        if ago is not None and self.outlook_gradient < 1 and chosen.requires_grad:
            chosen = _Share.apply(chosen, (ago > 0)[..., None], self.outlook_gradient)  # type: ignore[no-untyped-call]
        with torch.autocast(chosen.device.type, enabled=False):  # as the head that it is added to
            exact = chosen.to(self.to_value.weight.dtype)
            values: Tensor = self.to_value(exact).squeeze(-1)  # [B, n, cells]
            if self.outlook is not None and ago is not None:
                values = self.outlook.where_nothing_is_known(values, exact, ago)
            later = states.later_of_cells(tokens)
            if later is not None:
                values = values + self.later_to_value(later.to(self.to_value.weight.dtype)).squeeze(-1)
        queries = self.to_query(chosen.flatten(2))
        return queries if later is None else queries + self.later_to_query(later.flatten(2)), values


class Outlook(nn.Module):
    """A value some days after the last day of which anything is known, from the state of that day.

    Args:
        width: of the states.
        dropout: of the state and of what it makes of it, in training.

    Shape: states [..., R], days since then [...] -> [...].
    """

    fades: Tensor

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.register_buffer("fades", torch.tensor(_FADES), persistent=False)
        self.of_state = nn.Linear(width, width)
        self.of_days = nn.Linear(len(_FADES), width, bias=False)
        self.dropout = Dropout(dropout)
        self.to_value = nn.Linear(width, 1)

    def forward(self, states: Float[Tensor, "*any width"], ago: Int[Tensor, "*any"]) -> Float[Tensor, "*any"]:
        fading = torch.exp(-ago[..., None].to(states.dtype) / self.fades.to(states.dtype))  # [..., fades]
        features = functional.gelu(self.of_state(self.dropout(states)) + self.of_days(fading))  # [..., R]
        value: Tensor = self.to_value(self.dropout(features)).squeeze(-1)
        return value

    def where_nothing_is_known(
        self, values: Float[Tensor, "*any"], states: Float[Tensor, "*any width"], ago: Int[Tensor, "*any"]
    ) -> Float[Tensor, "*any"]:
        """The values, in their stead those of the outlook where `ago` is above 0.

        On a CPU only these are computed; a GPU would have to wait for their number, and tensors without data, by which
        memory is estimated, have none.
        """
        if values.device.type != "cpu" or isinstance(values, FakeTensor):
            return torch.where(ago > 0, self(states, ago), values)
        rows = (ago > 0).flatten().nonzero().squeeze(-1)
        made = self(states.flatten(0, -2).index_select(0, rows), ago.flatten().index_select(0, rows))
        return values.flatten().index_copy(0, rows, made.to(values.dtype)).view_as(values)


class _Share(torch.autograd.Function):
    """The values themselves; of their gradient a share where `some`."""

    @staticmethod
    def forward(context: Any, values: Tensor, some: Tensor, share: float) -> Tensor:
        context.save_for_backward(some)
        context.share = share
        return values.view_as(values)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (some,) = context.saved_tensors
        gradient = gradients[0]
        return gradient * torch.where(some, context.share, 1.0).to(gradient.dtype), None, None
