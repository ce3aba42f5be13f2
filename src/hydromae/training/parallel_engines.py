"""Engines of several processes: DDP and FSDP of torch."""

from collections.abc import Iterator
from contextlib import contextmanager

from jaxtyping import Float
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from hydromae.models.decoder import CrossBlock
from hydromae.models.layers import TransformerLayer
from hydromae.training.engine import Engine, LossSums


class DDPEngine(Engine):
    """Every process holds the whole model (torch's DistributedDataParallel, Li et al. 2020)."""

    def _parallel(self, module: LossSums) -> nn.Module:
        return DistributedDataParallel(module)

    @contextmanager
    def _accumulating(self, more: bool) -> Iterator[None]:
        assert isinstance(self.module, DistributedDataParallel)
        if more:
            with self.module.no_sync():
                yield
        else:
            yield


class FSDPEngine(Engine):
    """Weights, gradients and optimizer are spread over the processes (FSDP2, torch's fully_shard)."""

    spread = True
    _fused = False  # the fused kernel takes no sharded tensors on a CPU

    def _parallel(self, module: LossSums) -> nn.Module:
        for part in module.modules():
            if isinstance(part, TransformerLayer | CrossBlock):
                fully_shard(part)
        fully_shard(module)
        return module

    @contextmanager
    def _accumulating(self, more: bool) -> Iterator[None]:
        self.module.set_requires_gradient_sync(not more)  # type: ignore[operator]
        yield

    def _step(self, bad: Float[Tensor, ""]) -> None:
        if not bad.item():
            self.optimizer.step()

    def _whole(self, value: Tensor) -> Tensor:
        return value.full_tensor() if hasattr(value, "full_tensor") else value
