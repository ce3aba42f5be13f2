"""Sizes and switches of the model."""

import math
from itertools import pairwise
from typing import ClassVar, Final, Literal

from pydantic import Field, field_validator, model_validator

from hydromae.base.patches import whole_patches
from hydromae.config.modality import PRESETS
from hydromae.config.types import Kind, Place, Section

_LEAST_STEP: Final = 1e-4  # between two levels: the first values of the head cannot hold nearer ones apart


class ModelConfig(Section):
    """Sizes and switches of the model; its defaults build the fused five-modality model with no data at hand."""

    section: ClassVar[str] = "model"

    modalities: dict[str, Kind] = Field(
        {name: preset["kind"] for name, preset in PRESETS.items()},
        description="name -> grid or series; taken from data.modalities when training",
    )
    d_model: int = Field(256, ge=4, description="width of the tokens in encoders and fusion")
    nhead: int = Field(8, ge=1, description="attention heads, in encoders, fusion and decoders")
    grid_encoder_layers: int = Field(6, ge=1, description="transformer layers of each grid encoder")
    series_encoder_layers: int = Field(4, ge=1, description="transformer layers of each series encoder")
    decoder_dim: int = Field(128, ge=4, description="width of the decoders")
    decoder_layers: int = Field(4, ge=1, description="blocks of each decoder")
    fusion: Literal["none", "full"] = Field(
        "full", description="none: each decoder sees its own modality; full: a shared transformer over all tokens"
    )
    shared_depth: int = Field(1, ge=0, description="layers of the shared transformer; 0 = concatenate and normalise")
    fuse_static_tokens: bool = Field(True, description="let the static tokens take part in the fusion")
    modality_tokens: bool = Field(True, description="learned vectors that mark whose token is whose")
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout on the residual branches, in training")
    attention_dropout: float = Field(
        0.0, ge=0, lt=1, description="dropout of attention weights; above 0 it leaves the fused kernel: slow, large"
    )
    attention: Literal["full", "divided", "none"] = Field(
        "full",
        description="full: a token attends to all others; divided: layers attend in turn within a day and along time "
        "at a place, with as many weights: long windows of many patches cost a part of it; none: no encoders and no "
        "fusion, decoders read only the recurrence (recurrent_dim): the cheapest, for forecasts of river flow",
    )
    norm_first: bool = Field(True, description="normalise before each sub-layer (true) or after its sum (false)")
    activation: Literal["gelu", "relu"] = Field("gelu", description="non-linearity of the MLPs")
    patch_size: int = Field(
        10, ge=1, description="rows and columns of cells in a patch; the last patches may reach beyond the grid"
    )
    grid_height: int = Field(290, ge=1, description="rows of the grids, in cells; taken from the store when training")
    grid_width: int = Field(180, ge=1, description="columns of the grids, in cells; taken from the store when training")
    valid_patches: int | None = Field(
        None, ge=1, description="number of valid patches where no land mask is at hand: the first N (null = all)"
    )
    grid_patch_days: int = Field(1, ge=1, description="days in a grid token (a tubelet if more than one)")
    series_patch_size: int = Field(8, ge=1, description="stations in a series token")
    series_patch_days: int = Field(1, ge=1, description="days in a series token")
    stations_per_window: int = Field(604, ge=1, description="stations; taken from the store when training")
    static_attr_dim: int = Field(11, ge=0, description="attributes of a station; taken from the store when training")
    coordinate_attrs: tuple[Place, Place] = Field(
        (0, 1), description="places of latitude and longitude among the attributes, for series_position coordinates"
    )
    series_position: Literal["coordinates", "learned", "none"] = Field(
        "coordinates", description="position of a series token in space: from its stations' latitude and longitude "
        "(works for stations never seen), a learned vector for each group of stations, or none"
    )  # fmt: skip
    use_cross_attn: bool = Field(
        True, description="CrossMAE decoders; false: the standard MAE decoder, self-attention over visible and masked"
    )
    decoder_self_attn: bool = Field(False, description="add self-attention among the queries to CrossMAE decoders")
    use_weighted_fm: bool = Field(
        False, description="give each decoder layer its own weighted mixture of several encoder layers' outputs"
    )
    use_fm_layers: tuple[int, ...] | None = Field(
        None, description="layers of the deepest encoder to mix, from 0 (null = all); others give the like depth"
    )
    use_input: bool = Field(False, description="mix the embedded tokens in too, as the first feature map")
    film: bool = Field(True, description="let the attributes of its stations modulate each series token")
    missing_attributes: Literal["mean", "learned"] = Field(
        "mean", description="a missing attribute counts as left out of the mean, or as a learned value"
    )
    validity_embedding: bool = Field(
        False, description="tell the encoders which cells of a partly missing token are missing, beside entering as 0"
    )
    decoder_film: bool = Field(True, description="give each series query the attributes of its own stations")
    recurrent_dim: int = Field(
        0,
        ge=0,
        description="width of an LSTM that reads each station's visible days of all series, for the decoders of series "
        "(0 = none); 64 to 128 serve forecasts of river flow well",
    )
    recurrent_backward: bool = Field(
        False,
        description="a second LSTM from the last day to the first, for gaps that are filled from both sides; in models "
        "with rolling series only values before a later visible day of these read it, so that no forecast does",
    )
    recurrent_dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="dropout of the recurrence's states, and of what the attributes tell it, in training; above 0 "
        "it keeps stations from being learnt by heart",
    )
    recurrent_donors: int = Field(
        0,
        ge=0,
        description="means over the visible values of the window's other stations that the recurrence also reads, with "
        "weights by attributes and, where series_position is coordinates, distance (0 = none); for gaps and ungauged "
        "stations",
    )
    recurrent_context: int = Field(
        0,
        ge=0,
        description="means over the series of the stations around (data.context_stations) that the recurrence also "
        "reads, with weights by distance and direction: rain that is on its way, rivers near by (0 = none)",
    )
    recurrent_grids: int = Field(
        0,
        ge=0,
        description="means over the cells of each grid around a station that the recurrence also reads, with weights "
        "by distance and direction: rain that is only a grid drives the flow (0 = none); 8 to 12 serve well",
    )
    grids_attended: bool = Field(
        True,
        description="whether attention reads the grids beside recurrent_grids; false makes a step of windows of few "
        "stations several times cheaper, as each of them holds whole maps",
    )
    rolling: tuple[str, ...] = Field(
        (),
        description="series that are forecast from every issue day of a window in one pass (strategy "
        "rolling_forecast), as [riverflow]: attention looks back only, and nothing of these series reaches the other "
        "modalities (empty = attention looks both ways)",
    )
    outlook_gradient: float = Field(
        1.0,
        ge=0,
        le=1,
        description="in models with rolling series, share of the gradient of days on which nothing is known that "
        "reaches the recurrence: most of their error cannot be learnt, and keeps it from learning how rain becomes "
        "flow; 0 serves forecasts best",
    )
    outlook_dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="in models with rolling series, dropout of what such days read of the last state that knew "
        "something; 0.3 keeps forecasts without weather from learning past weather by heart",
    )
    calendar: bool = Field(True, description="add the day of the year to the positions in time")
    quantiles: tuple[float, ...] = Field(
        (),
        description="levels rising in (0, 1), as [0.1, 0.5, 0.9]: predict these quantiles beside the mean, trained by "
        "the pinball loss (empty = only the mean)",
    )
    max_time_steps: int = Field(90, ge=1, description="longest window in days")

    @field_validator("quantiles")
    @classmethod
    def _levels_rise(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0 < level < 1 for level in value) or any(b - a < _LEAST_STEP for a, b in pairwise(value)):
            raise ValueError(f"levels must lie between 0 and 1 and rise, by {_LEAST_STEP} at least, as [0.1, 0.5, 0.9]")
        return value

    @model_validator(mode="after")
    def _sizes_fit(self) -> "ModelConfig":
        for key in ("d_model", "decoder_dim"):
            width = getattr(self, key)
            if width % self.nhead or width % 4:
                raise ValueError(f"{key} ({width}) must be a multiple of nhead ({self.nhead}) and of 4")
        if self.use_fm_layers is not None:
            deepest = self.deepest_encoder
            if not self.use_fm_layers or any(not 0 <= i < deepest for i in self.use_fm_layers):
                raise ValueError(f"use_fm_layers must name layers from 0 to {deepest - 1}, at least one; null = all")
            if list(self.use_fm_layers) != sorted(set(self.use_fm_layers)):
                raise ValueError("use_fm_layers must be in ascending order, each layer once")
        if not self.use_weighted_fm and (self.use_input or self.use_fm_layers is not None):
            raise ValueError("use_input and use_fm_layers choose feature maps: they need use_weighted_fm")
        if self.decoder_self_attn and not self.use_cross_attn:
            raise ValueError("decoder_self_attn belongs to use_cross_attn: the standard decoder always has it")
        if self.use_weighted_fm and not self.use_cross_attn:
            raise ValueError("use_weighted_fm needs use_cross_attn: the standard decoder reads one feature map")
        if self.attention == "none":
            self._without_attention_fits()
        if self.attention == "divided" and not (self.use_cross_attn and self.grids_attended):
            raise ValueError("attention divided needs use_cross_attn and grids_attended")
        if self.attention == "divided" and self.rolling:
            raise ValueError(
                "attention divided is not for rolling series, whose attention looks back over all days: use full"
            )
        # Until modalities are given they are those of the presets, of which a user's series may have the name.
        grids = [name for name in self.rolling if self.modalities.get(name) == "grid"]
        if grids and "modalities" in self.model_fields_set:
            raise ValueError(f"rolling names {grids[0]}, which is a grid; name series")
        if self.rolling and (not self.use_cross_attn or self.decoder_self_attn):
            raise ValueError("rolling needs use_cross_attn, and decoder_self_attn off: targets do not see another")
        if self.recurrent_backward and not self.recurrent_dim:
            raise ValueError("recurrent_backward needs a recurrent_dim above 0")
        if self.recurrent_dropout and not self.recurrent_dim:
            raise ValueError("recurrent_dropout needs a recurrent_dim above 0")
        if self.recurrent_donors and not (self.recurrent_dim and self.static_attr_dim):
            raise ValueError("recurrent_donors needs a recurrent_dim above 0 and attributes, which weigh the stations")
        if self.recurrent_context and not self.recurrent_dim:
            raise ValueError("recurrent_context needs a recurrent_dim above 0")
        if self.recurrent_grids and not self.recurrent_dim:
            raise ValueError("recurrent_grids needs a recurrent_dim above 0")
        if self.recurrent_grids and "grid" not in self.modalities.values():
            raise ValueError("recurrent_grids needs a grid among the modalities, which the recurrence reads")
        if not self.grids_attended and not self.recurrent_grids:
            raise ValueError("without grids_attended nothing reads the grids: set recurrent_grids above 0")
        if self.recurrent_dim and self.fusion == "none":
            raise ValueError("recurrent_dim needs fusion full: the recurrence reads all series together")
        if self.recurrent_dim and "series" not in self.modalities.values():
            raise ValueError("recurrent_dim needs a series among the modalities: a recurrence over stations")
        if not self.modalities:
            raise ValueError("modalities is empty: name at least one")
        if max(self.coordinate_attrs) >= self.static_attr_dim and self.series_position == "coordinates":
            raise ValueError("coordinate_attrs points past the attributes: set series_position to learned or none")
        return self

    def _without_attention_fits(self) -> None:
        if not self.recurrent_dim:
            raise ValueError("attention none needs a recurrent_dim above 0: nothing else reads what is visible")
        if not self.use_cross_attn or self.decoder_self_attn or self.use_weighted_fm:
            raise ValueError("attention none needs use_cross_attn, and decoder_self_attn and use_weighted_fm off")

    def attended(self, kind: Kind) -> bool:
        """Whether attention reads the modalities of a kind."""
        return self.attention != "none" and (kind == "series" or self.grids_attended)

    @property
    def fused(self) -> bool:
        """Whether the shared transformer reads the tokens of all modalities."""
        return self.fusion == "full" and self.attention != "none"

    @property
    def later_apart(self) -> bool:
        """Whether the recurrence from the last day stands apart: forecasts from several issue days must not see it."""
        return self.recurrent_backward and bool(self.rolling)

    @property
    def state_width(self) -> int:
        """Width of a station's state: of both directions where these are read together."""
        return self.recurrent_dim * (2 if self.recurrent_backward and not self.later_apart else 1)

    @property
    def deepest_encoder(self) -> int:
        """Layers of the deepest encoder in use."""
        depth = {"grid": self.grid_encoder_layers * self.attended("grid"), "series": self.series_encoder_layers}
        return max(depth[kind] for kind in self.modalities.values())

    @property
    def all_patches(self) -> int:
        """Patches that cover the whole grid, sea included."""
        return math.prod(whole_patches((self.grid_height, self.grid_width), self.patch_size))
