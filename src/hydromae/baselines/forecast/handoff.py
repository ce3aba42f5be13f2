"""An LSTM over the past hands its state to an LSTM over the horizon."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

FORGET_BIAS = 3.0  # gates start open, so that gradients reach the early days (Kratzert et al. 2019)


class HandoffNet(nn.Module):
    """Hindcast LSTM, handoff network, forecast LSTM, linear head.

    The hindcast LSTM reads the days up to the issue time, including flow. A small network maps its hidden and cell
    state to the first state of the forecast LSTM, which reads the forcing of the horizon. It is the design of the
    handoff forecast model of neuralhydrology (Kratzert et al. 2022; Nearing et al. 2024), without its overlap and with
    the loss only on the forecast.

    Args:
        past_dim: features of a past day, P.
        future_dim: features of a day of the horizon, F.
        static_dim: attributes of a station, A, given to both LSTMs on every day.
        hidden: width of both LSTMs.
        dropout: rate before the head.

    Shape: past [B, T, P], future [B, H, F] and static [B, A] -> [B, H].
    """

    def __init__(self, past_dim: int, future_dim: int, static_dim: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.hindcast = nn.LSTM(past_dim + static_dim, hidden, batch_first=True)
        self.handoff = nn.Sequential(nn.Linear(2 * hidden, hidden), nn.Tanh(), nn.Linear(hidden, 2 * hidden))
        self.forecast = nn.LSTM(future_dim + static_dim, hidden, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(hidden, 1)
        with torch.no_grad():
            for lstm in (self.hindcast, self.forecast):
                bias = dict(lstm.named_parameters())["bias_hh_l0"]
                bias[hidden : 2 * hidden] = FORGET_BIAS  # torch orders gates input, forget, cell, output

    def forward(
        self, past: Float[Tensor, "b t p"], future: Float[Tensor, "b h f"], static: Float[Tensor, "b a"]
    ) -> Float[Tensor, "b h"]:
        _, (hidden, cell) = self.hindcast(_with_static(past, static))  # [1, B, hidden] each
        first_hidden, first_cell = self.handoff(torch.cat([hidden, cell], dim=-1)).chunk(2, dim=-1)
        states, _ = self.forecast(
            _with_static(future, static), (first_hidden.contiguous(), first_cell.contiguous())
        )  # [B, H, hidden]
        return self.head(self.dropout(states)).squeeze(-1)


def _with_static(days: Float[Tensor, "b t p"], static: Float[Tensor, "b a"]) -> Float[Tensor, "b t q"]:
    return torch.cat([days, static[:, None].expand(-1, days.shape[1], -1)], dim=-1)
