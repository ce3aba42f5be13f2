"""AdamW, which weights it decays, how fast each part learns, and the learning rate over the steps."""

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final

import torch
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from hydromae.base.errors import ConfigError
from hydromae.config import TrainingConfig
from hydromae.models.feature_maps import WeightedFeatureMaps
from hydromae.models.positions import Calendar
from hydromae.training.names import parameters_like

# Their linear layers do not weight features: one holds positions, the other the few coefficients of a mixture.
_SPARED: Final = (Calendar, WeightedFeatureMaps)


def make_optimizer(model: nn.Module, config: TrainingConfig, fused: bool = True) -> AdamW:
    """AdamW (Loshchilov & Hutter 2019) with a group of parameters for each decay and learning rate.

    The weights of linear layers and of recurrences are decayed. Norms, biases, tokens, positions (the calendar among
    them) and the mixtures of feature maps are not, since pulling them to 0 regularises nothing. Frozen parameters are
    in no group. Groups with the unscaled learning rate come first, decayed before undecayed.

    Raises:
        ConfigError: a pattern of `training.lr_scale` matches no part, or every part is frozen.
    """
    decayed, factors = decayed_parameters(model), rate_factors(model, config)
    groups: dict[tuple[float, bool], list[nn.Parameter]] = defaultdict(list)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups[factors.get(name, 1.0), name in decayed].append(parameter)
    if not groups:
        raise ConfigError("training.freeze leaves nothing to train; name fewer parts")
    order = sorted(groups, key=lambda key: (key[0] != 1.0, key[0], not key[1]))
    return AdamW(
        [
            {"params": groups[factor, decays], "weight_decay": config.weight_decay * decays, "lr": config.lr * factor}
            for factor, decays in order
        ],
        lr=config.lr,
        betas=config.betas,
        eps=config.eps,
        fused=fused,
    )


def decayed_parameters(model: nn.Module) -> set[str]:
    """Names of the parameters that are decayed."""
    spared = {id(part) for module in model.modules() if isinstance(module, _SPARED) for part in module.modules()}
    return {
        f"{name}.{key}" if name else key
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | nn.LSTM | nn.ParameterDict) and id(module) not in spared
        for key, parameter in module.named_parameters(recurse=False)
        if parameter.ndim > 1
    }


def rate_factors(model: nn.Module, config: TrainingConfig) -> dict[str, float]:
    """Factor of the learning rate of each parameter in `training.lr_scale`; the last matching pattern counts."""
    return {
        name: factor
        for pattern, factor in config.lr_scale.items()
        for name in parameters_like(model, pattern, "training.lr_scale")
    }


def freeze(model: nn.Module, patterns: Iterable[str]) -> list[str]:
    """Keep the weights of some parts as they are, without gradient or decay; returns the names of their parameters.

    Raises:
        ConfigError: a pattern matches no part.
    """
    frozen = {name for pattern in patterns for name in parameters_like(model, pattern, "training.freeze")}
    for name, parameter in model.named_parameters():
        if name in frozen:
            parameter.requires_grad_(False)
    return sorted(frozen)


def make_schedule(optimizer: torch.optim.Optimizer, config: TrainingConfig, steps_per_epoch: int) -> LambdaLR:
    """Linear warm-up, then a cosine to `min_lr` (Loshchilov & Hutter 2017), counted by step, alike in every group."""
    total = config.epochs * steps_per_epoch
    warmup = min(round(config.warmup_epochs * steps_per_epoch), total - 1)
    return LambdaLR(optimizer, lambda step: relative_rate(step, warmup, total, config.min_lr / config.lr))


def present_rate(schedule: LambdaLR, config: TrainingConfig) -> float:
    """Learning rate of the parts without a factor of their own."""
    rate: Any = schedule.lr_lambdas[0](schedule.last_epoch)
    return config.lr * float(rate)


def relative_rate(step: int, warmup: int, total: int, floor: float) -> float:
    """Learning rate of a step, from 0, as a share of the highest."""
    if step < warmup:
        return (step + 1) / warmup
    done = min((step - warmup) / max(total - warmup, 1), 1.0)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done))
