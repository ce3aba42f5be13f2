"""Small random tokens."""

import torch

from hydromae.batch.batch import ModalityTokens
from hydromae.tokens.selection import Selection
from hydromae.tokens.shape import TokenShape


def some_tokens(seed: int, padded: bool) -> tuple[torch.Tensor, ModalityTokens]:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(2, 6, 4, generator=generator)
    valid = torch.rand(values.shape, generator=generator) < 0.7
    target = Selection(
        torch.stack([torch.randperm(6, generator=generator)[:3] for _ in range(2)]),
        torch.tensor([[False, False, True], [False, True, True]]) if padded else None,
    )
    shape = TokenShape("grid", 4, 1, 3)
    return torch.randn(2, 3, 4, generator=generator), ModalityTokens(values, valid, target, target, shape)
