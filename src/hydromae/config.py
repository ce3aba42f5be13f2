"""Typed configuration: what every key means, its default, its unit.

A configuration is a YAML file that holds only what differs from the defaults here, or from the file it `extends`.
"""

from pathlib import PurePosixPath
from typing import Literal

from pydantic import Field, field_validator, model_validator

from hydromae.config_data import ATTRIBUTES, PRESETS, AttributesConfig, DataConfig, ModalityConfig
from hydromae.config_model import ModelConfig
from hydromae.config_types import Kind, Period, Ratio, Section, Share, Weight

__all__ = [
    "ATTRIBUTES",
    "PRESETS",
    "AttributesConfig",
    "Config",
    "DataConfig",
    "Kind",
    "LoggingConfig",
    "MaskingConfig",
    "ModalityConfig",
    "ModelConfig",
    "Period",
    "Section",
    "TrainingConfig",
]

Strategy = Literal["random", "span", "gap", "place", "modality", "forecast"]


class MaskingConfig(Section):
    """How tokens are hidden in pretraining."""

    image_mask_ratio: Ratio = Field(0.4, description="share of the available grid tokens that is hidden")
    vector_mask_ratio: Ratio = Field(0.4, description="share of the available series tokens that is hidden")
    prediction_ratio: float = Field(
        1.0,
        gt=0,
        le=1,
        description="random share of the hidden tokens that training predicts; validation takes all",
    )
    strategies: dict[Strategy, Weight] = Field(
        {"random": 1.0},
        description="ways to hide, each with its weight in the mixture: random tokens, spans of consecutive days, "
        "a gap of some days that may begin and end inside a token, whole places (patches, stations), one whole "
        "modality, or the future (forecast)",
    )
    pattern: Literal["independent", "unified"] = Field(
        "independent",
        description="unified: all grids hide the same tokens, and all series do; independent: each modality its own",
    )
    per_day: bool = Field(
        False, description="strategy random hides the ratio on every day, instead of over the whole window"
    )
    targets: dict[Literal["random", "span", "gap", "place", "modality"], tuple[str, ...]] = Field(
        {},
        description="strategy -> modalities it hides, as {modality: [riverflow]} for ungauged stations whose weather "
        "is known; the others stay visible (not named: it hides all; forecast has its own key)",
    )
    horizon: int = Field(
        7,
        ge=1,
        description="strategy forecast hides 1 to this many days at the end of the window, rounded up to whole tokens",
    )
    forecast: tuple[str, ...] | None = Field(
        None,
        description="modalities whose future strategy forecast predicts (null = series in m3/s, else all series, "
        "else all)",
    )
    forcing: float = Field(
        0.5,
        ge=0,
        le=1,
        description="share of the forecast masks in which the other modalities' future stays visible (a perfect "
        "weather forecast); in the rest nothing after the issue time is visible",
    )

    @field_validator("targets")
    @classmethod
    def _every_target_is_named(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for strategy, names in value.items():
            if not names:
                raise ValueError(f"{strategy} would hide nothing; name modalities, or leave it out")
        return value

    @field_validator("strategies")
    @classmethod
    def _some_strategy_is_drawn(cls, value: dict[Strategy, float]) -> dict[Strategy, float]:
        if not any(value.values()):
            raise ValueError("no strategy has a weight above 0; give one, as {random: 1}")
        return value


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
        description="AdamW's decay, of the weights of linear layers alone; the calendar and mixtures are spared",
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
        "them; deepspeed: the state of the optimizer is (ZeRO stage 1)",
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
        "that is like a name counts",
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


class LoggingConfig(Section):
    """What is written while training, and how often."""

    log_every: int = Field(10, ge=1, description="steps between two lines of metrics")
    checkpoint_every: int = Field(1, ge=1, description="epochs between two checkpoints; the last is always written")
    checkpoint_minutes: float = Field(15.0, gt=0, description="minutes between two checkpoints within an epoch")
    keep: int = Field(3, ge=1, description="newest checkpoints kept, beside the best epoch's where it wrote one")
    tensorboard: bool = Field(True, description="write TensorBoard's event files into the run")
    wandb: Literal["off", "offline", "online"] = Field(
        "off", description="Weights & Biases: offline keeps the run on disk until `wandb sync`"
    )
    wandb_project: str = Field("water-mae-pretraining", description="project of Weights & Biases")
    images: bool = Field(
        True, description="a picture of a reconstruction at each validation, for the trackers and in images/"
    )
    console: Literal["live", "lines", "quiet"] = Field(
        "live", description="live: one table that changes (lines where nobody watches a terminal); quiet: errors alone"
    )
    log_file: str | None = Field(None, description="file that also gets what is said, for batch systems")


class Config(Section):
    """A whole experiment."""

    name: str = Field("experiment", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", description="name of the experiment")
    output: str | None = Field(None, description="run directory (null = output/<name>)")
    seed: int = Field(0, ge=0, lt=2**63, description="everything random follows from it")
    data: DataConfig = Field(DataConfig(), description="where the data lie and how they are cut")
    model: ModelConfig = Field(ModelConfig(), description="sizes and switches of the model")
    masking: MaskingConfig = Field(MaskingConfig(), description="how tokens are hidden")
    training: TrainingConfig = Field(TrainingConfig(), description="the optimisation")
    logging: LoggingConfig = Field(LoggingConfig(), description="what is written while training")

    @model_validator(mode="after")
    def _parts_agree(self) -> "Config":
        longest = max([self.data.window, *self.data.window_mix])
        if longest > self.model.max_time_steps:
            key = "data.window" if longest == self.data.window else "data.window_mix"
            raise ValueError(f"{key} ({longest}) is longer than model.max_time_steps ({self.model.max_time_steps})")
        names = tuple(self.data.modalities or self.model.modalities)
        for name in self.masking.forecast or ():
            if name not in names:
                raise ValueError(f"masking.forecast names {name}, which is none of {', '.join(names)}")
        for name in self.training.station_weights:
            if name not in names:
                raise ValueError(f"training.station_weights names {name}, which is none of {', '.join(names)}")
        if self.data.fill and self.masking.strategies.get("gap"):
            raise ValueError("data.fill and strategy gap do not go together: a fill would show what the gap hides")
        for strategy, hidden in self.masking.targets.items():
            for name in hidden:
                if name not in names:
                    raise ValueError(f"masking.targets.{strategy} names {name}, which is none of {', '.join(names)}")
        if self.masking.strategies.get("modality") and len(names) == 1:
            raise ValueError("masking.strategies hides one whole modality, but there is only one, so nothing is seen")
        # A weight for a usual variable that this experiment does without may stay where it is.
        known = {f"{name}_loss" for name in (*names, *PRESETS)}
        for key in self.training.task_weights:
            if key not in known:
                raise ValueError(f"training.task_weights names {key}, which is none of {', '.join(sorted(known))}")
        return self

    @property
    def store_path(self) -> str:
        """Folder of the prepared store."""
        return self.data.store or str(PurePosixPath("stores") / self.name)

    @property
    def output_path(self) -> str:
        """Run directory."""
        return self.output or str(PurePosixPath("output") / self.name)
