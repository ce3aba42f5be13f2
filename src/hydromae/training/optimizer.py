"""AdamW, what it decays, and the learning rate over the steps."""

import math

import torch
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from hydromae.config import TrainingConfig


def make_optimizer(model: nn.Module, config: TrainingConfig, fused: bool = True) -> AdamW:
    """AdamW (Loshchilov & Hutter 2019) that decays the weights of linear layers alone.

    Norms, biases, tokens and positions are not decayed: to pull them to 0 regularises nothing.
    """
    decayed = {id(m.weight) for m in model.modules() if isinstance(m, nn.Linear)}
    groups = [
        {"params": [p for p in model.parameters() if id(p) in decayed], "weight_decay": config.weight_decay},
        {"params": [p for p in model.parameters() if id(p) not in decayed], "weight_decay": 0.0},
    ]
    return AdamW(groups, lr=config.lr, betas=config.betas, eps=config.eps, fused=fused)


def make_schedule(optimizer: torch.optim.Optimizer, config: TrainingConfig, steps_per_epoch: int) -> LambdaLR:
    """Linear warm-up, then a cosine to `min_lr` (Loshchilov & Hutter 2017), counted by step."""
    total = config.epochs * steps_per_epoch
    warmup = min(round(config.warmup_epochs * steps_per_epoch), total - 1)
    return LambdaLR(optimizer, lambda step: relative_rate(step, warmup, total, config.min_lr / config.lr))


def relative_rate(step: int, warmup: int, total: int, floor: float) -> float:
    """Learning rate of a step, from 0, as a share of the highest."""
    if step < warmup:
        return (step + 1) / warmup
    done = min((step - warmup) / max(total - warmup, 1), 1.0)
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done))
