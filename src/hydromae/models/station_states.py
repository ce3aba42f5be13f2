"""Daily states of stations: a recurrence over what is visible, which decoders of series read."""

from collections.abc import Mapping
from itertools import pairwise

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hydromae.batch.batch import Batch, ModalityTokens
from hydromae.config import ModelConfig
from hydromae.masks.mask import Issued
from hydromae.models.donors import DonorMeans
from hydromae.models.dropout import Dropout
from hydromae.models.grid_means import GridMeans
from hydromae.models.positions import Calendar
from hydromae.models.states import Later, States, last_seen, more_follows, reads_later
from hydromae.models.surroundings import Surroundings
from hydromae.tokens.shape import from_tokens

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
            day to the first, and R doubles; in a model with rolling series its states stand apart. With
            `recurrent_donors` a day also brings means over what the other stations of the window show, with
            `recurrent_context` over those around, and with `recurrent_grids` over the cells of the grids around.
            `recurrent_dropout` drops parts of the states and, alike on all days, of what the attributes add, in
            training.

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
        self.surroundings = Surroundings(config, width) if config.recurrent_context else None
        self.grids = GridMeans(config, width) if config.recurrent_grids else None
        self.attributes = nn.Linear(config.static_attr_dim, width) if config.static_attr_dim else None
        self.calendar = Calendar(width) if config.calendar else None
        self.dropout = Dropout(config.recurrent_dropout)
        both_ways = config.recurrent_backward and not config.later_apart
        self.lstm = nn.LSTM(width, config.recurrent_dim, batch_first=True, bidirectional=both_ways)
        self.later = nn.LSTM(width, config.recurrent_dim, batch_first=True) if config.later_apart else None

    def forward(self, batch: Batch) -> States:
        dtype = next(self.lstm.parameters()).dtype
        with torch.autocast(next(iter(batch.tokens.values())).values.device.type, enabled=False):
            names = [name for name in self.names if name in batch.tokens]
            seen = torch.stack([visible_days(batch.tokens[name], batch.n_days) for name in names], dim=-2).to(dtype)
            constant = self._constant(batch, dtype)
            around = {} if batch.context is None or self.surroundings is None else self.surroundings(batch.context)
            grids = {} if self.grids is None else self.grids(batch)
            around |= {name: of_grid.added for name, of_grid in grids.items()}
            days = self._inputs(names, seen, constant, around, batch)  # [B, T, S, W]
            when = None
            weather = torch.tensor([name not in self.rolling for name in names]).to(days.device, non_blocking=True)
            if self.rolling:
                when = last_seen(seen[..., 1] > 0, weather, [of_grid.seen for of_grid in grids.values()])
            issued = next((t.issued for t in batch.tokens.values() if t.issued is not None), None)
            if issued is None or not issued.perfect:
                states, _ = self.lstm(rearrange(days, "b t s w -> (b s) t w"))
                whole = rearrange(self.dropout(states), "(b s) t r -> b t s r", s=days.shape[2])
                return States(whole, last_seen=when, later=self._later(batch, days, seen[..., 1] > 0, weather))
            # After an issue day nothing is seen of what is forecast.
            around = {name: added for name, added in around.items() if name not in self.rolling}
            later = self._inputs(names, seen * weather[:, None], constant, around, batch)  # [B, T, S, W]
            whole, rolled = self._rolled(days, later, issued)
            rolled = None if rolled is None else self.dropout(rolled)
            return States(self.dropout(whole), rolled, when, self._later(batch, days, seen[..., 1] > 0, weather))

    def _later(
        self,
        batch: Batch,
        days: Float[Tensor, "batch days stations width"],
        seen: Bool[Tensor, "batch days stations modality"],
        weather: Bool[Tensor, " modality"],
    ) -> Later | None:
        """The recurrence from the last day to the first, in a model where it stands apart."""
        if self.later is None:
            return None
        follows = more_follows(seen, weather)
        if self._nothing_reads(batch, follows):
            # Tied to the weights, whose gradient is then 0 as it would be, and not missing.
            nothing = sum(0.0 * weight.sum() for weight in self.later.parameters())
            return Later(torch.as_tensor(nothing).expand(*days.shape[:3], self.later.hidden_size), follows)
        states, _ = self.later(rearrange(days.flip(1), "b t s w -> (b s) t w"))
        states = rearrange(states.flip(1), "(b s) t r -> b t s r", s=days.shape[2])
        return Later(self.dropout(states), follows)

    def _nothing_reads(self, batch: Batch, follows: Bool[Tensor, "batch days stations"]) -> bool:
        """Whether no target reads the recurrence from the last day, as in forecasts, so that it need not run.

        A device is waited for only where it trains nothing.
        """
        if follows.device.type != "cpu" and torch.is_grad_enabled():
            return False
        series = [tokens for name, tokens in batch.tokens.items() if name in self.names]
        return not any(bool(reads_later(tokens, follows).any()) for tokens in series)

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
        around: Mapping[str, Float[Tensor, "batch days stations width"]],
        batch: Batch,
    ) -> Float[Tensor, "batch days stations width"]:
        """What each day brings to the recurrence; `around` is what stations and cells around add."""
        attributes, added = constant
        values = seen.flatten(-2)  # [B, T, S, 2M]
        days = values @ torch.cat([self.inputs[_key(name)] for name in names])  # [B, T, S, W]
        if attributes is not None and added is not None:
            days = days + added
            if self.donors is not None:
                means = self.donors(values, attributes)  # [B, T, S, 2MH]
                days = days + means @ torch.cat([self.donor_inputs[_key(name)] for name in names])
        for of_series in around.values():
            days = days + of_series
        if self.calendar is not None:
            positions = torch.arange(batch.n_days, device=days.device).expand(batch.size, -1)  # [B, T]
            days = days + self.calendar(batch.day_of_year, positions)[:, :, None]
        return days

    def _rolled(
        self,
        days: Float[Tensor, "batch days stations width"],
        later: Float[Tensor, "batch days stations width"],
        issued: Issued,
    ) -> tuple[Float[Tensor, "batch days stations state"], Float[Tensor, "batch issue lead stations state"] | None]:
        """States of the whole window, and those after each issue day, to which the state of that day is handed on.

        Args:
            days: what each day brings where all that is visible is seen.
            later: what it brings after an issue day.
            issued: issue days and horizon.
        """
        size, n_days, stations, _ = days.shape
        known = range(issued.first, n_days, issued.step)
        parts, hidden, cells = [], [], []
        state: tuple[Tensor, Tensor] | None = None
        sequence = rearrange(days, "b t s w -> (b s) t w")
        for begin, end in pairwise((0, *known, n_days)):
            output, state = self.lstm(sequence[:, begin:end], state)
            parts.append(output)
            hidden.append(state[0])
            cells.append(state[1])
        whole = rearrange(torch.cat(parts, dim=1), "(b s) t r -> b t s r", s=stations)
        if not known:
            return whole, None
        issues = torch.arange(issued.first, n_days, issued.step, device=days.device)  # [I]
        # Days past the window are of no target; any stands for them.
        ahead = (issues[:, None] + torch.arange(issued.horizon, device=days.device)).clamp(max=n_days - 1)  # [I, H]
        inputs = rearrange(later[:, ahead], "b i h s w -> (i b s) h w")
        first = tuple(torch.cat(of_parts[: len(known)], dim=1) for of_parts in (hidden, cells))  # 2 x [1, I B S, R]
        outputs, _ = self.lstm(inputs, first)
        return whole, rearrange(outputs, "(i b s) h r -> b i h s r", b=size, s=stations)

    def reset(self) -> None:
        """Give the weights their first values: those of the LSTM orthogonal over time, its forget gate open."""
        for parameter in [*self.inputs.values(), *self.donor_inputs.values()]:
            nn.init.normal_(parameter, std=_FIRST_INPUT_STD)
        recurrences = [self.lstm] if self.later is None else [self.lstm, self.later]
        for name, parameter in (named for lstm in recurrences for named in lstm.named_parameters()):
            if name.startswith("weight"):
                for gate in parameter.detach().chunk(4):
                    (nn.init.orthogonal_ if "_hh_" in name else nn.init.xavier_uniform_)(gate)
            else:
                nn.init.zeros_(parameter)
                if "_hh_" in name:
                    parameter.detach().chunk(4)[1].fill_(_FIRST_FORGET_BIAS)


def _key(name: str) -> str:
    """A name that no attribute of a dictionary of parameters has, whatever the modality is called."""
    return f"{name}_series"


def visible_days(tokens: ModalityTokens, n_days: int) -> Float[Tensor, "batch days stations 2"]:
    """The scaled values that an encoder may read, 0 elsewhere, and 1 where there is one."""
    seen = tokens.shown
    values = torch.where(seen, tokens.values, 0.0)
    both = [from_tokens(part, tokens.shape, n_days) for part in (values, seen.to(values.dtype))]  # 2 x [B, T, S]
    return torch.stack(both, dim=-1)
