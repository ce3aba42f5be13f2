"""Several processes through DeepSpeed's ZeRO stage 1: each keeps its part of the optimizer's state."""

import os
from types import ModuleType
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hydromae.base.errors import ConfigError
from hydromae.batch.batch import Batch
from hydromae.config import TrainingConfig
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.training.engine import AUTOCAST, Engine, LossSums
from hydromae.training.world import World

_BUCKET: Final = 2**24  # values sent at once; DeepSpeed keeps a buffer of as many, by default 2 GB
_MOMENTS: Final = ("exp_avg", "exp_avg_sq")  # AdamW's, one value per weight


class _Cast(nn.Module):
    """Computes in the configured precision, which DeepSpeed would switch off if it were set outside of it."""

    def __init__(self, module: LossSums, device: torch.device, dtype: torch.dtype) -> None:
        super().__init__()
        self.inner, self.device, self.dtype = module, device.type, dtype

    def forward(self, batch: Batch) -> Float[Tensor, "loss modality"]:
        with torch.autocast(self.device, self.dtype, enabled=self.dtype != torch.float32):
            sums: Tensor = self.inner(batch)
        return sums


class DeepSpeedEngine(Engine):
    """Every process holds the whole model and a part of the optimizer's state (ZeRO stage 1, Rajbhandari et al. 2020).

    Weights are fp32 in every precision. The whole state that `state` returns has the same form as that of the other
    engines, so a run can be continued with any number of processes.

    Raises:
        ConfigError: deepspeed is not installed.
    """

    module: Any  # DeepSpeed's own engine

    def __init__(self, model: MultiModalMAE, world: World, settings: TrainingConfig) -> None:
        deepspeed = _import(world)
        super().__init__(model, world, settings)
        names = {id(p): name for name, p in model.named_parameters()}
        # DeepSpeed puts one flat tensor into each group.
        self._names = [[names[id(p)] for p in group["params"]] for group in self.optimizer.param_groups]
        self.module, *_ = deepspeed.initialize(
            model=self.module, optimizer=self.optimizer, config=_configuration(settings), dist_init_required=False
        )
        self._safe = deepspeed.utils
        self._start_optimizer()

    def _parallel(self, module: LossSums) -> nn.Module:
        return _Cast(module, self.world.device, AUTOCAST[self.settings.precision])

    def __call__(self, batch: Batch) -> Float[Tensor, "loss modality"]:
        """Sums of losses of this process's batch, in the configured precision."""
        sums: Tensor = self.module(batch)
        return sums

    def backward(self, loss: Float[Tensor, ""], last: bool = True) -> None:
        """Add the gradient of `loss`, this process's share of a sum over all processes; `last` ends a step's gradients.

        DeepSpeed averages gradients over the processes, which the factor `world.size` turns into a sum.
        """
        if self.loss_scale.enabled:
            self.module.optimizer.override_loss_scale(self.loss_scale.scale.item())
        self.module.set_gradient_accumulation_boundary(last)
        self.module.backward(loss * self.world.size, scale_wrt_gas=False)

    def update(self) -> Float[Tensor, ""]:
        """Clip, and step unless a gradient is not finite, alike in all processes; DeepSpeed waits for the device.

        Returns:
            Norm of the gradient before clipping, infinite where it is not finite.
        """
        self.module.step()
        norm = torch.as_tensor(self.module.get_global_grad_norm(), dtype=torch.float32, device=self.world.device)
        bad = (~torch.isfinite(norm)).float()
        if self.ema is not None:
            self.ema.update(bad)
        self.loss_scale.update(bad)
        return norm

    def weights(self) -> dict[str, Tensor]:
        """All weights, whole, each in memory of its own; DeepSpeed keeps them in one common block."""
        return {name: tensor.clone() for name, tensor in super().weights().items()}

    def _start_optimizer(self) -> None:
        """Make AdamW create its state, which it does at its first step, so that it can be saved and loaded before."""
        groups = self.optimizer.param_groups
        rates = [group["lr"] for group in groups]
        for group, flat in zip(groups, self._flat(), strict=True):
            group["lr"], flat.grad = 0.0, torch.zeros_like(flat)
        self.optimizer.step()
        for group, flat, rate in zip(groups, self._flat(), rates, strict=True):
            group["lr"], flat.grad = rate, None
            self.optimizer.state[flat]["step"].zero_()
        self.module.optimizer._lazy_init_hp_params_optimizer_state()

    def _flat(self) -> list[Tensor]:
        """The part of the weights of each group that is this process's own."""
        return [group["params"][0] for group in self.optimizer.param_groups]

    def _optimizer_state(self) -> dict[str, Any]:
        parameters = dict(self.model.named_parameters())
        state, groups = {}, []
        for group, flat, names in zip(self.optimizer.param_groups, self._flat(), self._names, strict=True):
            step = self.optimizer.state[flat]["step"]
            for name in names:
                moments = {
                    key: self._safe.safe_get_full_optimizer_state(parameters[name], key).cpu() for key in _MOMENTS
                }
                state[name] = {"step": step.cpu().clone(), **moments}
            groups.append({**{key: value for key, value in group.items() if key != "params"}, "params": names})
        return {"state": state, "param_groups": groups}

    def _load_optimizer(self, saved: dict[str, Any]) -> None:
        """Put the whole state back into this process's parts; the weights are those of the model."""
        self.module.optimizer.refresh_fp32_params()
        parameters = dict(self.model.named_parameters())
        settings = {name: group for group in saved["param_groups"] for name in group["params"]}
        for group, flat, names in zip(self.optimizer.param_groups, self._flat(), self._names, strict=True):
            group.update({key: value for key, value in settings[names[0]].items() if key != "params"})
            self.optimizer.state[flat]["step"].copy_(saved["state"][names[0]]["step"])
            for name in names:
                for key in _MOMENTS:
                    moment = saved["state"][name][key].to(flat)
                    self._safe.safe_set_full_optimizer_state(parameters[name], moment, key)


def _import(world: World) -> ModuleType:
    """DeepSpeed, set to compute on our device; it chooses its device once, when it is first imported."""
    os.environ["DS_ACCELERATOR"] = world.device.type
    try:
        import deepspeed
    except ImportError:
        raise ConfigError(
            "training.engine is deepspeed, which is not installed; run `pip install hydromae[deepspeed]`, or set "
            "training.engine=ddp"
        ) from None
    # Only inference uses this kernel: without it nothing is compiled, and no cache is shared with other experiments.
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    module: ModuleType = deepspeed
    return module


def _configuration(settings: TrainingConfig) -> dict[str, Any]:
    return {
        "train_micro_batch_size_per_gpu": settings.batch_size,
        "gradient_accumulation_steps": 1,  # we count the parts of a step ourselves
        "gradient_clipping": settings.clip_norm,
        "zero_optimization": {
            "stage": 1,
            "overlap_comm": False,
            "reduce_bucket_size": _BUCKET,
            "allgather_bucket_size": _BUCKET,
        },
    }
