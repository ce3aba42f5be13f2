"""The optimisation."""

from typing import Literal

from pydantic import Field

from hydromae.config.types import Section, Share, Weight


class TrainingConfig(Section):
    """The optimisation."""

    epochs: int = Field(10, ge=1, description="passes over the training windows")
    batch_size: int = Field(16, ge=1, description="windows in a step, on each device")
    lr: float = Field(1e-4, gt=0, description="highest learning rate (AdamW)")
    min_lr: float = Field(0.0, ge=0, description="learning rate at the end of the cosine")
    warmup_epochs: float = Field(5.0, ge=0, description="epochs of linear warm-up, counted by step")
    betas: tuple[Share, Share] = Field((0.9, 0.95), description="AdamW's betas")
    eps: float = Field(1e-8, gt=0, description="AdamW's eps")
    weight_decay: float = Field(
        0.05,
        ge=0,
        description="AdamW's decay, only of the weights of linear layers; the calendar and mixtures are spared",
    )
    clip_norm: float = Field(1.0, gt=0, description="largest norm of the gradient")
    task_weights: dict[str, float] = Field({}, description="weight of each loss, as precip_loss: 100; 1 if not named")
    station_weights: tuple[str, ...] = Field(
        (),
        description="series whose errors count at each station as in the NSE, by the inverse of its variance in the "
        "training period, in training and validation; for those that have one scale for all stations "
        "(scaling_per: all)",
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto takes a GPU where there is one")
    precision: Literal["fp32", "bf16", "fp16", "auto"] = Field(
        "fp32",
        description="arithmetic of the layers (fp16 with a dynamic loss scale); losses are always fp32; auto is fp16 "
        "on a GPU and fp32 on a CPU",
    )
    engine: Literal["ddp", "fsdp", "deepspeed"] = Field(
        "ddp",
        description="how several processes train together: ddp: each holds the whole model; fsdp: it is spread over "
        "them; deepspeed: the state of the optimizer is spread (ZeRO stage 1)",
    )
    ema: Share = Field(
        0.0, description="decay of an exponential moving average of the weights that is validated and kept (0 = none)"
    )
    patience: int | None = Field(
        None, ge=1, description="epochs without a lower validation loss after which training ends early (null = never)"
    )
    start_from: str | None = Field(
        None, description="run or model folder whose weights training starts from, as far as they fit (fine-tuning)"
    )
    freeze: tuple[str, ...] = Field(
        (),
        description="parts that keep their weights, as precip_encoder or *_encoder.stack.layers.0 (patterns of names)",
    )
    lr_scale: dict[str, Weight] = Field(
        {},
        description="pattern of names -> factor of the learning rate of these parts, as {'*_encoder': 0.1}; the last "
        "pattern that a name matches counts",
    )
    accumulate: int = Field(
        1, ge=1, description="times batch_size that a process takes, one after the other, before a step"
    )
    max_skips: int = Field(10, ge=1, description="steps in a row without a finite gradient after which a run ends")
    workers: int = Field(
        1,
        ge=0,
        description="threads that read windows ahead, never more than the cores; 1 hides nearly all reading, 0 "
        "reads when a batch is due",
    )
    threads: int | None = Field(None, ge=1, description="threads of the arithmetic on a CPU (null = all cores)")
