"""One experiment: its data, model, masks, training and records."""

from pathlib import PurePosixPath

from pydantic import Field, model_validator

from hydromae.config.data import DataConfig
from hydromae.config.logging import LoggingConfig
from hydromae.config.masking import MaskingConfig
from hydromae.config.modality import PRESETS
from hydromae.config.model import ModelConfig
from hydromae.config.training import TrainingConfig
from hydromae.config.types import Section


class Config(Section):
    """A whole experiment."""

    name: str = Field(
        "experiment", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100, description="name of the experiment"
    )
    output: str | None = Field(None, description="run directory (null = output/<name>)")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of all random numbers")
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
        kinds = {name: modality.kind for name, modality in self.data.modalities.items()} or self.model.modalities
        names = tuple(kinds)
        grids = [name for name, modality in self.data.modalities.items() if modality.kind == "grid"]
        if self.model.attention == "none" and grids and not self.model.recurrent_grids:
            raise ValueError(
                f"with model.attention none nothing reads {', '.join(grids)}: set model.recurrent_grids above 0, as 8"
            )
        for name in self.masking.forecast or ():
            if name not in names:
                raise ValueError(f"masking.forecast names {name}, which is none of {', '.join(names)}")
        for name in self.masking.drop:
            if name not in names:
                raise ValueError(f"masking.drop names {name}, which is none of {', '.join(names)}")
        for name in self.training.station_weights:
            if name not in names:
                raise ValueError(f"training.station_weights names {name}, which is none of {', '.join(names)}")
        if self.masking.strategies.get("rolling_forecast"):
            if not self.model.rolling:
                raise ValueError(
                    "strategy rolling_forecast needs a model whose attention looks back only: name what is forecast "
                    "with model.rolling, as [riverflow]"
                )
            if self.data.fill:
                raise ValueError("data.fill and rolling_forecast do not go together: a fill would show later days")
        if bool(self.data.context_stations) != bool(self.model.recurrent_context):
            raise ValueError(
                "data.context_stations gives stations to look at and model.recurrent_context reads them: set both, as "
                "32 and 12, or neither"
            )
        for name in self.model.rolling:
            if name not in names:
                raise ValueError(f"model.rolling names {name}, which is none of {', '.join(names)}")
            if kinds[name] == "grid":
                raise ValueError(f"model.rolling names {name}, which is a grid; name series")
        if self.data.fill and self.masking.strategies.get("gap"):
            raise ValueError("data.fill and strategy gap do not go together: a fill would show what the gap hides")
        for strategy, hidden in self.masking.targets.items():
            for name in hidden:
                if name not in names:
                    raise ValueError(f"masking.targets.{strategy} names {name}, which is none of {', '.join(names)}")
        if self.masking.strategies.get("modality") and len(names) == 1:
            raise ValueError("masking.strategies hides one whole modality, but there is only one, so nothing is seen")
        # A weight for a preset modality that this experiment does not use is no error.
        losses = {f"{name}_loss" for name in (*names, *PRESETS)}
        for key in self.training.task_weights:
            if key not in losses:
                raise ValueError(f"training.task_weights names {key}, which is none of {', '.join(sorted(losses))}")
        return self

    def __repr__(self) -> str:
        """A line for each modality; `hydromae.config.read.dump_config` gives every key."""
        data, model, training = self.data, self.model, self.training
        periods = {split: days for split in ("train", "val", "test") if (days := getattr(data, split)) is not None}
        return "\n".join(
            [
                f"Config {self.name}: {training.epochs} epochs of windows of {data.window} days, {model.d_model} wide",
                *(f"  {split}: {first} to {last}" for split, (first, last) in periods.items()),
                *(f"  {name}: {part.kind}, {part.units}" for name, part in data.modalities.items()),
                *(f"  {name}: {kind}" for name, kind in model.modalities.items() if not data.modalities),
            ]
        )

    __str__ = __repr__

    @property
    def store_path(self) -> str:
        """Folder of the prepared store."""
        return self.data.store or str(PurePosixPath("stores") / self.name)

    @property
    def output_path(self) -> str:
        """Run directory."""
        return self.output or str(PurePosixPath("output") / self.name)
