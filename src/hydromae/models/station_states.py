"""Daily states of stations: a recurrence over what is visible, which decoders of series read."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hydromae.batch.batch import Batch, ModalityTokens
from hydromae.config import ModelConfig
from hydromae.masks.mask import Issued
from hydromae.models.donors import DonorMeans
from hydromae.models.positions import Calendar
from hydromae.tokens.selection import places_of
from hydromae.tokens.shape import TokenShape, from_tokens

# A long memory from the start (Gers et al. 2000; the value is the usual one of rainfall-runoff models).
_FIRST_FORGET_BIAS = 3.0
_FIRST_INPUT_STD = 0.3
# What a day brings is few numbers; a wider input would make a step slower and no better.
_DAY_WIDTH = 32


@dataclass(frozen=True)
class States:
    """Daily states of stations.

    Attributes:
        days: [B, T, stations, R] of a window, from all that is visible.
        rolled: [B, issue days, horizon, stations, R] of the days after each issue day, from what was known on it; None
            in a batch without.
        step: days from one issue day to the next.
    """

    days: Float[Tensor, "batch days stations width"]
    rolled: Float[Tensor, "batch issue lead stations width"] | None = None
    step: int = 0

    def of_cells(self, tokens: ModalityTokens) -> Float[Tensor, "batch n cells width"]:
        """The states of the stations and days of every cell of the targets."""
        n_days, stations = self.days.shape[1:3]
        rows, states = cell_rows(tokens, n_days, stations), self.days.flatten(0, 2)  # [B, n, cells], [B T S, R]
        if self.rolled is not None and tokens.issued is not None:
            of_issues = rolled_rows(tokens, tokens.issued, self.rolled.shape, stations)  # [B, n, cells]
            forecast = tokens.issued.day < n_days  # [B, n]
            rows = torch.where(forecast[..., None], of_issues + len(states), rows)
            states = torch.cat([states, self.rolled.flatten(0, 3)])
        # Only the targets' states are copied: of a series that nothing is asked of, none.
        chosen = states.index_select(0, rows.flatten())  # [B n cells, R]
        return chosen.reshape(*rows.shape, states.shape[-1])


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

    Shape: batch -> `States`, float32 or the weights' type if wider.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        names = [name for name, kind in config.modalities.items() if kind == "series"]
        width = _DAY_WIDTH
        # One for each modality, so that a model of other modalities can start from these weights.
        self.inputs = nn.ParameterDict({_key(name): torch.zeros(2, width) for name in names})
        self.names, self.rolling = names, config.rolling
        donors = config.recurrent_donors
        self.donors = DonorMeans(config) if donors else None
        self.donor_inputs = nn.ParameterDict({_key(name): torch.zeros(2 * donors, width) for name in names if donors})
        self.attributes = nn.Linear(config.static_attr_dim, width) if config.static_attr_dim else None
        self.calendar = Calendar(width) if config.calendar else None
        self.dropout = nn.Dropout(config.recurrent_dropout)
        self.lstm = nn.LSTM(width, config.recurrent_dim, batch_first=True, bidirectional=config.recurrent_backward)

    def forward(self, batch: Batch) -> "States":
        dtype = next(self.lstm.parameters()).dtype
        with torch.autocast(next(iter(batch.tokens.values())).values.device.type, enabled=False):
            names = [name for name in self.names if name in batch.tokens]
            seen = torch.stack([visible_days(batch.tokens[name], batch.n_days) for name in names], dim=-2).to(dtype)
            constant = self._constant(batch, dtype)
            days = self._inputs(names, seen, constant, batch)  # [B, T, S, W]
            issued = next((t.issued for t in batch.tokens.values() if t.issued is not None), None)
            if issued is None:
                states, _ = self.lstm(rearrange(days, "b t s w -> (b s) t w"))
                return States(rearrange(self.dropout(states), "(b s) t r -> b t s r", s=days.shape[2]))
            # After an issue day nothing of what is forecast is seen, and the weather only where it is known.
            later_seen = torch.tensor([name not in self.rolling for name in names], device=days.device)
            later_seen = later_seen[None, :] & issued.perfect[:, None]  # [B, M]
            later = self._inputs(names, seen * later_seen[:, None, None, :, None], constant, batch)  # [B, T, S, W]
            return self._rolled(days, later, issued)

    def _constant(self, batch: Batch, dtype: torch.dtype) -> tuple[Tensor | None, Tensor | None]:
        """Scaled attributes [B, S, A], 0 where missing, and what they add to the inputs [B, 1, S, W]."""
        if self.attributes is None or batch.attributes is None:
            return None, None
        attributes = torch.nan_to_num(batch.attributes).to(dtype)
        return attributes, self.dropout(self.attributes(attributes))[:, None]

    def _inputs(
        self,
        names: list[str],
        seen: Float[Tensor, "batch days stations modality 2"],
        constant: tuple[Tensor | None, Tensor | None],
        batch: Batch,
    ) -> Float[Tensor, "batch days stations width"]:
        """What each day brings to the recurrence."""
        attributes, added = constant
        values = seen.flatten(-2)  # [B, T, S, 2M]
        days = values @ torch.cat([self.inputs[_key(name)] for name in names])  # [B, T, S, W]
        if attributes is not None and added is not None:
            days = days + added
            if self.donors is not None:
                means = self.donors(values, attributes)  # [B, T, S, 2MH]
                days = days + means @ torch.cat([self.donor_inputs[_key(name)] for name in names])
        if self.calendar is not None:
            positions = torch.arange(batch.n_days, device=days.device).expand(batch.size, -1)  # [B, T]
            days = days + self.calendar(batch.day_of_year, positions)[:, :, None]
        return days

    def _rolled(
        self,
        days: Float[Tensor, "batch days stations width"],
        later: Float[Tensor, "batch days stations width"],
        issued: Issued,
    ) -> "States":
        """States of the whole window, and those after each issue day, to which the state of that day is handed on.

        Args:
            days: what each day brings where all that is visible is seen.
            later: what it brings after an issue day.
            issued: issue days and horizon.
        """
        size, n_days, stations, _ = days.shape
        parts, hidden, cells = [], [], []
        state: tuple[Tensor, Tensor] | None = None
        for part in torch.split(rearrange(days, "b t s w -> (b s) t w"), issued.step, dim=1):
            output, state = self.lstm(part, state)
            parts.append(output)
            hidden.append(state[0])
            cells.append(state[1])
        whole = rearrange(torch.cat(parts, dim=1), "(b s) t r -> b t s r", s=stations)
        issues = torch.arange(issued.step, n_days, issued.step, device=days.device)  # [I]
        if not len(issues):
            return States(self.dropout(whole))
        # Days past the window are of no target; any stands for them.
        ahead = (issues[:, None] + torch.arange(issued.horizon, device=days.device)).clamp(max=n_days - 1)  # [I, H]
        inputs = rearrange(later[:, ahead], "b i h s w -> (i b s) h w")
        first = tuple(torch.cat(of_parts[: len(issues)], dim=1) for of_parts in (hidden, cells))  # 2 x [1, I B S, R]
        outputs, _ = self.lstm(inputs, first)
        rolled = rearrange(outputs, "(i b s) h r -> b i h s r", b=size, s=stations)
        return States(self.dropout(whole), self.dropout(rolled), issued.step)

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

    Shape: states, tokens with n targets -> [B, n, E] and [B, n, cells].
    """

    def __init__(self, config: ModelConfig, shape: TokenShape) -> None:
        super().__init__()
        width = state_width(config)
        self.to_query = nn.Linear(shape.cells * width, config.decoder_dim)
        self.to_value = nn.Linear(width, 1)

    def forward(
        self, states: States, tokens: ModalityTokens
    ) -> tuple[Float[Tensor, "batch n dim"], Float[Tensor, "batch n cells"]]:
        chosen = states.of_cells(tokens)  # [B, n, cells, R]
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


def rolled_rows(
    tokens: ModalityTokens, issued: Issued, shape: Sequence[int], stations: int
) -> Int[Tensor, "batch n cells"]:
    """Where each cell of the targets lies among states [B, issue days, horizon, stations] of the days after issues.

    What is no forecast, or lies past the last station, points to any of them.
    """
    _, issues, horizon, *_ = shape
    index, of_tokens = tokens.target.index, tokens.shape
    cells = torch.arange(of_tokens.cells, device=index.device)
    day = (index // of_tokens.places)[..., None] * of_tokens.days + cells % of_tokens.days  # [B, n, cells]
    station = of_tokens.place(index)[..., None] * of_tokens.size + cells // of_tokens.days
    lead = (day - issued.day[..., None]).clamp(0, horizon - 1)
    issue = (issued.day // issued.step - 1).clamp(0, issues - 1)[..., None]
    sample = torch.arange(index.shape[0], device=index.device)[:, None, None]
    return ((sample * issues + issue) * horizon + lead) * stations + station.clamp(max=stations - 1)
