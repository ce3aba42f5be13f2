"""How tokens are hidden."""

from importlib.metadata import entry_points
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from hydromae.config.types import Ratio, Section, Share, Weight

STRATEGIES: Final = ("random", "span", "gap", "place", "modality", "forecast", "rolling_forecast")
STRATEGY_GROUP: Final = "hydromae.strategies"  # entry points by which other packages register theirs


def _registered(name: str) -> str:
    if name not in STRATEGIES and not entry_points(group=STRATEGY_GROUP, name=name):
        raise ValueError(
            f"there is no masking strategy {name}; name one of {', '.join(STRATEGIES)}, or install the package that "
            f"registers it under {STRATEGY_GROUP}"
        )
    return name


StrategyName = Annotated[str, AfterValidator(_registered)]


class MaskingConfig(Section):
    """How tokens are hidden in pretraining."""

    section: ClassVar[str] = "masking"

    grid_mask_ratio: Ratio = Field(0.4, description="share of the available grid tokens that is hidden")
    series_mask_ratio: Ratio = Field(0.4, description="share of the available series tokens that is hidden")
    prediction_ratio: float = Field(
        1.0,
        gt=0,
        le=1,
        description="random share of the hidden tokens that training predicts; validation takes all",
    )
    strategies: dict[StrategyName, Weight] = Field(
        {"random": 1.0},
        description="ways to hide, each with its weight in the mixture: random tokens, spans of consecutive days, "
        "a gap of some days that may begin and end inside a token, whole places (patches, stations), one whole "
        "modality, the future (forecast), the future of every issue day of the window at once (rolling_forecast, for "
        "models with model.rolling), or a strategy that an installed package registers",
    )
    pattern: Literal["independent", "unified"] = Field(
        "independent",
        description="unified: all grids hide the same tokens, and all series do; independent: each modality its own",
    )
    groups: tuple[tuple[str, ...], ...] = Field(
        (),
        description="lists of modalities that tell each other's values, as [[temp, evap]]: where one is hidden the "
        "others of its list are too, at the same places and days, so that none is copied from another; their tokens "
        "must be cut alike (empty = each by itself; forecasts have their own rule)",
    )
    per_day: bool = Field(
        False, description="strategy random hides the ratio on every day, instead of over the whole window"
    )
    targets: dict[StrategyName, tuple[str, ...]] = Field(
        {},
        description="strategy -> modalities it hides, as {modality: [riverflow]} for ungauged stations whose weather "
        "is known; the others stay visible (not named: it hides all; forecast has its own key)",
    )
    drop: dict[str, Ratio] = Field(
        {},
        description="modality -> share of the training windows that do not show it at all, as {temp: 0.1, evap: 0.2}, "
        "so that the model also serves data that lack it (empty = none)",
    )
    drop_forcing: Share = Field(
        0.0,
        description="share of the training windows that show nothing but what is forecast (masking.forecast): the "
        "model also serves gauges of which only the flow is known",
    )
    drop_attributes: Share = Field(
        0.0,
        description="share of the training windows that lack attributes: in half of them all, in the others each with "
        "even chance, so that the model also serves stations of which little is known",
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
        "weather forecast); in the rest nothing after the issue time is visible. rolling_forecast makes both forecasts "
        "in every window, unless this is 0 or 1",
    )
    warm_up: int = Field(
        0,
        ge=0,
        description="days at the begin of a window from which rolling_forecast issues nothing, since too little is "
        "known; rounded up to whole tokens",
    )
    issue_every: int = Field(
        1,
        ge=1,
        description="days from one issue day of rolling_forecast to the next, rounded up to whole tokens; where tokens "
        "are days, 7 makes a step cheap, and windows that begin on any day have every issue day all the same",
    )

    @field_validator("groups")
    @classmethod
    def _groups_are_apart(cls, value: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        named = [name for group in value for name in group]
        for name in named:
            if named.count(name) > 1:
                raise ValueError(f"{name} is named twice; name it once, in one list")
        for group in value:
            if len(group) < 2:
                raise ValueError(f"[{', '.join(group)}] is no group; name two modalities or more, or leave it out")
        return value

    @field_validator("targets")
    @classmethod
    def _every_target_is_named(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for strategy, names in value.items():
            if not names:
                raise ValueError(f"{strategy} would hide nothing; name modalities, or leave it out")
        for strategy in {"forecast", "rolling_forecast"} & value.keys():
            raise ValueError(f"{strategy} has a key of its own: name its modalities with masking.forecast")
        return value

    @field_validator("strategies")
    @classmethod
    def _some_strategy_is_drawn(cls, value: dict[str, float]) -> dict[str, float]:
        if not any(value.values()):
            raise ValueError("no strategy has a weight above 0; give one, as {random: 1}")
        return value

    @model_validator(mode="after")
    def _groups_are_hidden_whole(self) -> "MaskingConfig":
        for strategy, names in self.targets.items():
            for group in self.groups:
                apart = [name for name in group if name not in names]
                if apart and len(apart) < len(group):
                    raise ValueError(
                        f"targets of {strategy} lack {', '.join(apart)} of the group [{', '.join(group)}], which is "
                        f"hidden together; name all of it there or none, or take it out of groups"
                    )
        return self
