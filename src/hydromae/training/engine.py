"""What turns losses into updated weights, in one process.

What of torch gathers the weights of several processes takes as long to import as half of torch, so it is imported
where weights are saved or taken up, and nothing waits for it before the first step.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hydromae.batch.batch import Batch
from hydromae.config import TrainingConfig
from hydromae.models.losses import loss_sums
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.training.ema import MovingAverage
from hydromae.training.loss_scale import LossScale
from hydromae.training.optimizer import make_optimizer
from hydromae.training.world import World

AUTOCAST: Final = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class LossSums(nn.Module):
    """The model as the engines see it: from a batch to sums of losses, [losses, modalities].

    The first row holds squared errors of the mean; with quantiles the second holds their pinball loss.
    """

    def __init__(self, model: MultiModalMAE) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> Float[Tensor, "loss modality"]:
        """Sums over the observed values of the targets, in the order of the model's modalities."""
        predicted, levels = self.model.predict_with_quantiles(batch), self.model.config.quantiles
        sums = [loss_sums(*predicted[name], levels, tokens) for name, tokens in batch.tokens.items()]
        return torch.stack(sums, dim=1)  # [losses, modalities]


class Engine:
    """Trains a model in one process, and the base of the engines for several.

    Args:
        model: on the world's device.
        world: the processes.
        settings: optimizer, precision and clipping.
    """

    def __init__(self, model: MultiModalMAE, world: World, settings: TrainingConfig) -> None:
        self.model, self.world, self.settings = model, world, settings
        self.module: nn.Module = self._parallel(LossSums(model))
        self.optimizer = make_optimizer(model, settings, fused=self._fused)
        self.loss_scale = LossScale(world.device, settings.precision == "fp16")
        self.ema = MovingAverage(model, settings.ema) if settings.ema else None

    spread = False
    _fused = True

    def _parallel(self, module: LossSums) -> nn.Module:
        return module

    def __call__(self, batch: Batch) -> Float[Tensor, "loss modality"]:
        """Sums of losses of this process's batch, in the configured precision."""
        dtype = AUTOCAST[self.settings.precision]
        with torch.autocast(self.world.device.type, dtype, enabled=dtype != torch.float32):
            sums: Tensor = self.module(batch)
        return sums

    def backward(self, loss: Float[Tensor, ""], last: bool = True) -> None:
        """Add the gradient of `loss`, this process's share of a sum over all processes; `last` ends a step's gradients.

        The engines average gradients over the processes, which the factor `world.size` turns into a sum.
        """
        with self._accumulating(not last):
            torch.autograd.backward(loss * (self.world.size * self.loss_scale.scale))

    @contextmanager
    def _accumulating(self, more: bool) -> Iterator[None]:
        yield

    def update(self) -> Float[Tensor, ""]:
        """Clip, and step unless a gradient is not finite, on the device and alike in all processes.

        Returns:
            Norm of the gradient before clipping.
        """
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        if self.loss_scale.enabled:
            torch._foreach_mul_(gradients, 1 / self.loss_scale.scale)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)
        norm = self._whole(norm)
        bad = (~torch.isfinite(norm)).float()
        self._step(bad)
        if self.ema is not None:
            self.ema.update(bad)
        self.optimizer.zero_grad(set_to_none=True)
        self.loss_scale.update(bad)
        return norm

    def _step(self, bad: Float[Tensor, ""]) -> None:
        # The fused optimizer reads this attribute on the device, as it does with GradScaler of torch.
        self.optimizer.found_inf = bad  # type: ignore[attr-defined]
        self.optimizer.step()

    def _whole(self, value: Tensor) -> Tensor:
        return value

    def averaged(self) -> AbstractContextManager[None]:
        """Meanwhile give the model the weights that are validated and kept: their moving average where there is one."""
        return self.ema.in_place_of_weights() if self.ema is not None else nullcontext()

    def weights(self) -> dict[str, Tensor]:
        """All weights, whole; all processes must call this."""
        from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

        options = StateDictOptions(full_state_dict=True, cpu_offload=self.world.size > 1)
        weights: dict[str, Tensor] = get_model_state_dict(self.model, options=options)  # type: ignore[assignment]
        return weights

    def state(self) -> dict[str, Any]:
        """Weights and optimizer, whole, whatever the number of processes; all of them must call this."""
        state = {
            "model": self.weights(),
            "optimizer": self._optimizer_state(),
            "loss_scale": self.loss_scale.state_dict(),
        }
        if self.ema is not None:
            with self.averaged():
                average = {name: weight.clone() for name, weight in self.weights().items()}
            state["ema"] = {"model": average, "steps": self.ema.steps}
        return state

    def load(self, state: dict[str, Any]) -> None:
        """Take up what `state` returned, with the same or another number of processes."""
        from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict

        options = StateDictOptions(full_state_dict=True)
        if self.ema is not None:
            set_model_state_dict(self.model, state["ema"]["model"], options=options)
            self.ema.take_weights()
            self.ema.steps.copy_(state["ema"]["steps"])
        set_model_state_dict(self.model, state["model"], options=options)
        # This engine chooses the kernel of the optimizer, not the engine that saved the state.
        groups = [{**group, "fused": self._fused} for group in state["optimizer"]["param_groups"]]
        self._load_optimizer({**state["optimizer"], "param_groups": groups})
        self.loss_scale.load_state_dict(state["loss_scale"])

    def _optimizer_state(self) -> dict[str, Any]:
        from torch.distributed.checkpoint.state_dict import StateDictOptions, get_optimizer_state_dict

        options = StateDictOptions(full_state_dict=True, cpu_offload=self.world.size > 1)
        return get_optimizer_state_dict(self.model, self.optimizer, options=options)

    def _load_optimizer(self, saved: dict[str, Any]) -> None:
        from torch.distributed.checkpoint.state_dict import StateDictOptions, set_optimizer_state_dict

        options = StateDictOptions(full_state_dict=True)
        set_optimizer_state_dict(self.model, self.optimizer, saved, options=options)


def precision_on(device: torch.device, settings: TrainingConfig) -> str:
    """The precision that `training.precision` means on a device: fp32, bf16 or fp16."""
    if settings.precision != "auto":
        return settings.precision
    return "fp16" if device.type == "cuda" else "fp32"
