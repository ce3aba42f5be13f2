"""Training the LSTM: samples drawn by seed, NSE* loss, early stopping on held-out years."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hydromae.base.errors import DataError
from hydromae.baselines.forecast.handoff import HandoffNet
from hydromae.baselines.forecast.lstm_inputs import FLOW_FEATURES, SEASON_FEATURES, Inputs

_CHECK_SAMPLES = 4096
_CHECK_BATCH = 1024
_SHARE_WITH_WEATHER = {"none": 0.0, "perfect": 1.0, "both": 0.5}


@dataclass(frozen=True)
class LstmSettings:
    """How the LSTM is built and trained.

    Attributes:
        regimes: the regimes that it learns; with `both`, half of the samples see the weather of the horizon.
        hidden: width of both LSTMs.
        history: days read, the issue day included.
        dropout: rate before the head, in training.
        batch: samples in a step.
        steps: the most steps.
        check_every: steps between checks on the held-out years.
        patience: training ends after this many checks in a row without a lower error.
        learning_rate: of Adam at the first step, falling along a cosine to a tenth at the last.
        held_out: share of the training period, its first years, kept for early stopping.
        seed: of weights, samples and dropout.
    """

    regimes: Literal["none", "perfect", "both"] = "both"
    hidden: int = 64
    history: int = 120
    dropout: float = 0.1
    batch: int = 256
    steps: int = 10_000
    check_every: int = 250
    patience: int = 8
    learning_rate: float = 2e-3
    held_out: float = 0.15
    seed: int = 0


@dataclass(frozen=True)
class LstmProgress:
    """Where training stands, reported at every check.

    Attributes:
        step: steps done.
        steps: the most steps.
        loss: mean NSE* loss of the steps since the last check.
        held_out_loss: NSE* loss on the held-out years.
        best_step: step of the lowest held-out loss.
    """

    step: int
    steps: int
    loss: float
    held_out_loss: float
    best_step: int


Listener = Callable[[LstmProgress], None]


def train_lstm(
    inputs: Inputs,
    target: Float[Tensor, "station day"],
    settings: LstmSettings,
    horizon: int,
    progress: Listener | None = None,
) -> HandoffNet:
    """Train on all stations together.

    The loss is the squared error of flow divided by the squared scale of its station (NSE* of Kratzert et al. 2019),
    over the lead times with a flow. The same settings, data and number of threads give the same weights.

    Args:
        inputs: of the training period.
        target: (flow - mean) / scale of the same days, NaN where missing.
        settings: of the training.
        horizon: days forecast.
        progress: called at every check.

    Returns:
        The net with the weights of the check with the lowest held-out loss, in eval mode.

    Raises:
        DataError: the training or the held-out years have no flow to learn from.
    """
    device = target.device
    last = target.shape[1] - horizon
    edge = round(settings.held_out * target.shape[1])
    held_out = _samples(target, settings.history - 1, min(edge - horizon, last), horizon, "the held-out years")
    samples = _samples(target, max(edge, settings.history - 1), last, horizon, "the training years")
    chance = np.random.default_rng(settings.seed)
    check = held_out[chance.permutation(len(held_out))[:_CHECK_SAMPLES]]
    # With both regimes every second sample of the check sees the weather: the share is exact, not drawn.
    check_sees_weather = (np.arange(len(check)) % 2) < 2 * _SHARE_WITH_WEATHER[settings.regimes]
    with torch.random.fork_rng(devices=[] if device.type == "cpu" else [device]):
        torch.manual_seed(settings.seed)
        net = new_net(inputs.forcing.shape[-1], inputs.static.shape[-1], settings).to(device)
        optimizer = torch.optim.Adam(net.parameters(), lr=settings.learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
            optimizer, settings.steps, eta_min=settings.learning_rate / 10
        )
        best, best_step, best_weights, losses = np.inf, 0, _copied(net), []
        for step in range(1, settings.steps + 1):
            net.train()
            drawn = samples[chance.integers(len(samples), size=settings.batch)]
            sees_weather = chance.random(settings.batch) < _SHARE_WITH_WEATHER[settings.regimes]
            loss = _loss(net, inputs, target, drawn, sees_weather, settings.history, horizon)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
            if step % settings.check_every and step != settings.steps:
                continue
            error = _held_out_loss(net, inputs, target, check, check_sees_weather, settings.history, horizon)
            if error < best:
                best, best_step, best_weights = error, step, _copied(net)
            if progress is not None:
                progress(LstmProgress(step, settings.steps, float(np.mean(losses)), error, best_step))
            losses = []
            if step - best_step >= settings.patience * settings.check_every:
                break
        net.load_state_dict(best_weights)
    return net.eval()


def new_net(n_forcing: int, n_static: int, settings: LstmSettings) -> HandoffNet:
    """An untrained net that reads `Inputs` with this many forcings and attributes."""
    return HandoffNet(
        past_dim=FLOW_FEATURES + n_forcing + SEASON_FEATURES,
        future_dim=n_forcing + 1 + SEASON_FEATURES,  # 1 for the flag that the weather is visible
        static_dim=n_static,
        hidden=settings.hidden,
        dropout=settings.dropout,
    )


def _samples(
    target: Float[Tensor, "station day"], first: int, last: int, horizon: int, years: str
) -> Int[np.ndarray, "sample 2"]:
    """Stations and issue days, from `first` to the day before `last`, with a flow in their horizon."""
    present = torch.isfinite(target).cpu().numpy()
    issue = np.arange(first, max(last, first))
    ahead = np.zeros((len(present), len(issue)), dtype=bool)
    for lead in range(1, horizon + 1):
        ahead |= present[:, issue + lead]
    samples = np.argwhere(ahead)
    if len(samples) == 0:
        raise DataError(
            f"baseline lstm: {years} have no flow to learn from; give a longer training period, or shorten the history"
        )
    samples[:, 1] += first
    return samples


def _loss(
    net: HandoffNet,
    inputs: Inputs,
    target: Float[Tensor, "station day"],
    drawn: Int[np.ndarray, "b 2"],
    sees_weather: Bool[np.ndarray, "b"],
    history: int,
    horizon: int,
) -> Float[Tensor, ""]:
    """Mean squared error over the lead times with a flow."""
    station, issue = torch.from_numpy(drawn).to(target.device).unbind(dim=1)
    predicted = net(*inputs.cut(station, issue, history, horizon, torch.from_numpy(sees_weather).to(target.device)))
    leads = torch.arange(1, horizon + 1, device=target.device)
    truth = target[station[:, None], issue[:, None] + leads]  # [B, H]
    present = torch.isfinite(truth)
    return (predicted[present] - truth[present]).square().mean()


@torch.no_grad()
def _held_out_loss(
    net: HandoffNet,
    inputs: Inputs,
    target: Float[Tensor, "station day"],
    check: Int[np.ndarray, "sample 2"],
    sees_weather: Bool[np.ndarray, "sample"],
    history: int,
    horizon: int,
) -> float:
    net.eval()
    losses = [
        float(
            _loss(
                net,
                inputs,
                target,
                check[at : at + _CHECK_BATCH],
                sees_weather[at : at + _CHECK_BATCH],
                history,
                horizon,
            )
        )
        for at in range(0, len(check), _CHECK_BATCH)
    ]
    return float(np.mean(losses))


def _copied(net: HandoffNet) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}
