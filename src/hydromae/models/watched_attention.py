"""Looking at attention without a change to how it is computed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from hydromae.models.attention import SelfAttention

Weights = Float[Tensor, "batch heads queries keys"]


@contextmanager
def watched_attention(part: nn.Module) -> Iterator[list[Weights]]:
    """The weights of every self-attention within a part of a model that is called meanwhile, in the order of the calls.

    The layers themselves go on with fused kernels; the weights are computed beside them, from the same tokens.
    """
    seen: list[Weights] = []

    def look(layer: SelfAttention, given: tuple[Any, ...]) -> None:
        seen.append(layer.weights(*given))

    layers = [layer for layer in part.modules() if isinstance(layer, SelfAttention)]
    hooks = [layer.register_forward_pre_hook(look) for layer in layers]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()
