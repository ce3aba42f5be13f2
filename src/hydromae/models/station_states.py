"""Daily states of stations: a recurrence over what is visible, which decoders of series read."""

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hydromae.batch.batch import Batch, ModalityTokens
from hydromae.config import ModelConfig
from hydromae.models.donors import DonorMeans
from hydromae.models.positions import Calendar
from hydromae.tokens.selection import places_of
from hydromae.tokens.shape import TokenShape, from_tokens

# A long memory from the start (Gers et al. 2000; the value is the usual one of rainfall-runoff models).
_FIRST_FORGET_BIAS = 3.0
_FIRST_INPUT_STD = 0.3
# What a day brings is few numbers; a wider input would make a step slower and no better.
_DAY_WIDTH = 32


class StationStates(nn.Module):
    """An LSTM over the days of a window, at each station by itself (Hochreiter and Schmidhuber 1997).

    A token of several days is embedded as a whole, so what a day's rain does has to be learnt anew for each of its
    days, and stores that fill and drain have to be put together by attention. A recurrence has one rule for every day,
    as in rainfall-runoff models (Kratzert et al. 2018). Each day it reads every series, as the scaled value and whether
    it is visible, the attributes and the day of the year. What is hidden or missing enters as 0 and as not visible, so
    a hidden value cannot reach a state.

    Args:
        config: `recurrent_dim` is the width R of the states; with `recurrent_backward` a second LSTM runs from the last
            day to the first, and R doubles. With `recurrent_donors` a day also brings means over what the other
            stations of the window show. `recurrent_dropout` drops parts of the states and, alike on all days, of what
            the attributes add, in training.

    Shape: batch -> states [B, T, stations, R], float32 or the weights' type if wider.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        names = [name for name, kind in config.modalities.items() if kind == "series"]
        width = _DAY_WIDTH
        # One for each modality, so that a model of other modalities can start from these weights.
        self.inputs = nn.ParameterDict({_key(name): torch.zeros(2, width) for name in names})
        self.names = names
        donors = config.recurrent_donors
        self.donors = DonorMeans(config) if donors else None
        self.donor_inputs = nn.ParameterDict({_key(name): torch.zeros(2 * donors, width) for name in names if donors})
        self.attributes = nn.Linear(config.static_attr_dim, width) if config.static_attr_dim else None
        self.calendar = Calendar(width) if config.calendar else None
        self.dropout = nn.Dropout(config.recurrent_dropout)
        self.lstm = nn.LSTM(width, config.recurrent_dim, batch_first=True, bidirectional=config.recurrent_backward)

    def forward(self, batch: Batch) -> Float[Tensor, "batch days stations width"]:
        dtype = next(self.lstm.parameters()).dtype
        with torch.autocast(next(iter(batch.tokens.values())).values.device.type, enabled=False):
            names = [name for name in self.names if name in batch.tokens]
            seen = torch.cat([visible_days(batch.tokens[name], batch.n_days) for name in names], dim=-1).to(dtype)
            days = seen @ torch.cat([self.inputs[_key(name)] for name in names])  # [B, T, S, W]
            if self.attributes is not None and batch.attributes is not None:
                attributes = torch.nan_to_num(batch.attributes).to(dtype)  # [B, S, A]
                days = days + self.dropout(self.attributes(attributes))[:, None]
                if self.donors is not None:
                    means = self.donors(seen, attributes)  # [B, T, S, 2MH]
                    days = days + means @ torch.cat([self.donor_inputs[_key(name)] for name in names])
            if self.calendar is not None:
                every = torch.arange(batch.n_days, device=days.device).expand(batch.size, -1)  # [B, T]
                days = days + self.calendar(batch.day_of_year, every)[:, :, None]
            stations = days.shape[2]
            states, _ = self.lstm(rearrange(days, "b t s w -> (b s) t w"))
            return rearrange(self.dropout(states), "(b s) t r -> b t s r", s=stations)  # [B, T, S, R]

    def reset(self) -> None:
        """Give the weights their first values: those of the LSTM orthogonal over time, its forget gate open."""
        for parameter in [*self.inputs.values(), *self.donor_inputs.values()]:
            nn.init.normal_(parameter, std=_FIRST_INPUT_STD)
        for name, parameter in self.lstm.named_parameters():
            if name.startswith("weight"):
                for gate in parameter.detach().chunk(4):
                    (nn.init.orthogonal_ if "_hh_" in name else nn.init.xavier_uniform_)(gate)
            else:
                nn.init.zeros_(parameter)
                if "_hh_" in name:
                    parameter.detach().chunk(4)[1].fill_(_FIRST_FORGET_BIAS)


class StateReadout(nn.Module):
    """What the queries of a series take from the states of their own stations and days.

    A part of the query, and a first value of each of its cells by one rule for all days.

    Args:
        config: sizes.
        shape: how the modality is cut.

    Shape: states [B, T, stations, R], tokens with n targets -> [B, n, E] and [B, n, cells].
    """

    def __init__(self, config: ModelConfig, shape: TokenShape) -> None:
        super().__init__()
        width = state_width(config)
        self.to_query = nn.Linear(shape.cells * width, config.decoder_dim)
        self.to_value = nn.Linear(width, 1)

    def forward(
        self, states: Float[Tensor, "batch days stations width"], tokens: ModalityTokens
    ) -> tuple[Float[Tensor, "batch n dim"], Float[Tensor, "batch n cells"]]:
        # Only the targets' states are copied: of a series that nothing is asked of, none.
        rows = cell_rows(tokens, *states.shape[1:3])  # [B, n, cells]
        chosen = states.flatten(0, 2).index_select(0, rows.flatten())  # [B * n * cells, R]
        chosen = chosen.reshape(*rows.shape, states.shape[-1])  # [B, n, cells, R]
        with torch.autocast(chosen.device.type, enabled=False):  # as the head that it is added to
            values: Tensor = self.to_value(chosen.to(self.to_value.weight.dtype)).squeeze(-1)  # [B, n, cells]
        return self.to_query(chosen.flatten(2)), values


def _key(name: str) -> str:
    """A name that no attribute of a dictionary of parameters has, whatever the modality is called."""
    return f"{name}_series"


def state_width(config: ModelConfig) -> int:
    """Width of a state: of both directions together."""
    return config.recurrent_dim * (2 if config.recurrent_backward else 1)


def visible_days(tokens: ModalityTokens, n_days: int) -> Float[Tensor, "batch days stations 2"]:
    """The scaled values that an encoder may read, 0 elsewhere, and 1 where there is one."""
    seen: Bool[Tensor, "batch tokens cells"] = tokens.valid if tokens.readable is None else tokens.readable
    seen = seen & places_of(tokens.visible, seen.shape[1])[..., None]
    values = torch.where(seen, tokens.values, 0.0)
    both = [from_tokens(part, tokens.shape, n_days) for part in (values, seen.to(values.dtype))]  # 2 x [B, T, S]
    return torch.stack(both, dim=-1)


def cell_rows(tokens: ModalityTokens, days: int, stations: int) -> Int[Tensor, "batch n cells"]:
    """Where each cell of the targets lies among [B, T, stations] counted in this order.

    Cells past the last day or station, which nothing is made of, point to those.
    """
    shape, index = tokens.shape, tokens.target.index
    cells = torch.arange(shape.cells, device=index.device)
    day = (index // shape.places)[..., None] * shape.days + cells % shape.days  # [B, n, cells]
    station = shape.place(index)[..., None] * shape.size + cells // shape.days  # [B, n, cells]
    sample = torch.arange(index.shape[0], device=index.device)[:, None, None]
    return (sample * days + day.clamp(max=days - 1)) * stations + station.clamp(max=stations - 1)
