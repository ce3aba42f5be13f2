"""Typed configuration: what every key means, its default, its unit.

A configuration is a YAML file that holds only what differs from the defaults here, or from the file it `extends`.
"""

import re
from datetime import date
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Kind = Literal["grid", "series"]
Ratio = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Place = Annotated[int, Field(ge=0)]
Period = tuple[date, date]

# What the usual variables are; a configuration that names one of them need only say where its files lie.
PRESETS: dict[str, dict[str, Any]] = {
    "precip": {"kind": "grid", "units": "mm/d", "scaling": "log1p", "minimum": 0.0, "maximum": 500.0,
               "long_name": "precipitation", "standard_name": "lwe_precipitation_rate"},
    "soil": {"kind": "grid", "units": "1", "scaling": "standard", "long_name": "soil moisture"},
    "temp": {"kind": "grid", "units": "degC", "scaling": "standard", "minimum": -60.0, "maximum": 60.0,
             "long_name": "air temperature", "standard_name": "air_temperature"},
    "evap": {"kind": "series", "units": "mm/d", "scaling": "standard", "variable": "evaporation",
             "maximum": 50.0, "long_name": "evaporation", "standard_name": "lwe_water_evaporation_rate"},
    "riverflow": {"kind": "series", "units": "m3/s", "scaling": "log", "variable": "discharge_vol", "minimum": 0.0,
                  "maximum": 20000.0, "per_area": True, "long_name": "river flow",
                  "standard_name": "water_volume_transport_in_river_channel"},
}  # fmt: skip

ATTRIBUTES = (
    "latitude", "longitude", "minimum-altitude", "maximum-altitude", "50-percentile-altitude",
    "10-percentile-altitude", "90-percentile-altitude", "catchment-area", "dpsbar", "propwet", "bfihost",
)  # fmt: skip


class Section(BaseModel):
    """A part of the configuration: unknown keys are errors, values cannot change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class ModalityConfig(Section):
    """One variable from one kind of source."""

    kind: Kind = Field(description="grid (days x rows x columns) or series (days x stations)")
    paths: tuple[str, ...] = Field(
        (), description="its files, folders or patterns (rain/*.nc), relative to data.root, in order of time"
    )
    reader: str | None = Field(
        None, description="format: hdf5_grid, monthly_hdf5 or netcdf_grid; table, camels_gb or nrfa_gdf "
        "(null = found by content)"
    )  # fmt: skip
    variable: str | None = Field(
        None, description="grid: name of the HDF5 data set (null = data) or netCDF variable (null = the only one over "
        "time, y and x); series: column of the table (null = its name)"
    )  # fmt: skip
    units: str = Field(description="unit of the values in the files, kept in the store and in every output")
    long_name: str = Field("", description="name in words, for files and figures")
    standard_name: str = Field("", description="CF standard name, for files")
    scaling: Literal["standard", "log", "log1p", "none"] = Field(
        "standard", description="before standardising: log(x + scaling_eps), log(1 + x) or nothing; none = raw values"
    )
    scaling_eps: float = Field(0.01, gt=0, description="the eps of scaling log, in the unit that is scaled")
    scaling_per: Literal["all", "station"] = Field("all", description="one mean and deviation, or one a station")
    per_area: bool = Field(
        False, description="model m3/s as specific discharge in mm/d (m3/s * 86.4 / catchment area in km2)"
    )
    minimum: float | None = Field(None, description="smallest value that is possible, in units; below it is an error")
    maximum: float | None = Field(None, description="largest value that is possible, in units; above it is an error")
    start: date | None = Field(None, description="grid without dates: day of its first map")
    allow_absent_days: bool = Field(
        False, description="grid: days of the periods that no file holds are missing, not an error"
    )

    @field_validator("paths", mode="before")
    @classmethod
    def _one_path_is_a_list(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value


class AttributesConfig(Section):
    """The table of static attributes of each station."""

    path: str | None = Field(None, description="CSV with one row a station, relative to data.root")
    id: str = Field("id", description="column of the station ids")
    columns: tuple[str, ...] = Field(ATTRIBUTES, min_length=1, description="attributes the model is given, in order")
    area: str = Field("catchment-area", description="column of the catchment area in km2, for per_area")


class DataConfig(Section):
    """Where the data lie and how they are cut."""

    root: str = Field(".", description="folder that the paths below are relative to")
    store: str | None = Field(None, description="folder of the prepared store (null = stores/<name>)")
    modalities: dict[str, ModalityConfig] = Field({}, description="name -> what it is and where its files lie")
    attributes: AttributesConfig = Field(AttributesConfig(), description="static attributes of the stations")
    land_mask: str | None = Field(
        None,
        description="0/1 mask of land, .pt or .npy, in data.root (null = cells with a value in the first year)",
    )
    land_threshold: float = Field(0.5, ge=0, le=1, description="share of land that makes a patch valid")
    missing_values: tuple[float, ...] = Field(
        (-99999.0, 1e20), description="values that mean missing, beside NaN and blank"
    )
    train: Period | None = Field(None, description="first and last day of the training period")
    val: Period | None = Field(None, description="first and last day of the validation period")
    test: Period | None = Field(None, description="first and last day of the test period")
    station_order: Literal["given", "spatial"] = Field(
        "given", description="stations in the order of the attributes, or so that those of a token "
        "(model.vector_patch_size) lie close together"
    )  # fmt: skip
    aggregate: int | None = Field(
        None, ge=1, description="average the series over the cells of an n x n latitude/longitude grid; null: stations"
    )
    window: int = Field(30, ge=1, description="days in a window, T")
    stride: int = Field(20, ge=1, description="days between the starts of training windows; each epoch shifts them")

    @field_validator("modalities", mode="before")
    @classmethod
    def _fill_from_presets(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        named = {name: given for name, given in value.items() if given is not None}
        return {n: {**PRESETS.get(n, {}), **g} if isinstance(g, dict) else g for n, g in named.items()}

    @field_validator("modalities")
    @classmethod
    def _names_are_identifiers(cls, value: dict[str, ModalityConfig]) -> dict[str, ModalityConfig]:
        for name in value:
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                raise ValueError(f"modality name {name!r} must be lower-case letters, digits and _")
        return value

    @model_validator(mode="after")
    def _periods_are_ordered(self) -> "DataConfig":
        given = [(k, p) for k in ("train", "val", "test") if (p := getattr(self, k)) is not None]
        for key, (first, last) in given:
            if last < first:
                raise ValueError(f"{key} ends ({last}) before it begins ({first})")
        for (key, period), (other_key, other) in ((a, b) for i, a in enumerate(given) for b in given[i + 1 :]):
            if period[0] <= other[1] and other[0] <= period[1]:
                raise ValueError(f"{key} and {other_key} overlap: scores on days that were trained on say nothing")
        return self


class ModelConfig(Section):
    """Sizes and switches of the model; its defaults build the fused five-modality model with no data at hand."""

    modalities: dict[str, Kind] = Field(
        {name: preset["kind"] for name, preset in PRESETS.items()},
        description="name -> grid or series; taken from data.modalities when training",
    )
    d_model: int = Field(256, ge=4, description="width of the tokens in encoders and fusion")
    nhead: int = Field(8, ge=1, description="attention heads, in encoders, fusion and decoders")
    img_encoder_layers: int = Field(6, ge=1, description="transformer layers of each grid encoder")
    vec_encoder_layers: int = Field(4, ge=1, description="transformer layers of each series encoder")
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
    norm_first: bool = Field(True, description="normalise before each sub-layer (true) or after its sum (false)")
    activation: Literal["gelu", "relu"] = Field("gelu", description="non-linearity of the MLPs")
    patch_size: int = Field(10, ge=1, description="rows and columns of cells in a patch")
    image_height: int = Field(290, ge=1, description="rows of the grids, in cells; taken from the store when training")
    image_width: int = Field(
        180, ge=1, description="columns of the grids, in cells; taken from the store when training"
    )
    valid_patches: int | None = Field(
        None, ge=1, description="number of valid patches where no land mask is at hand: the first N (null = all)"
    )
    image_patch_days: int = Field(1, ge=1, description="days in a grid token (a tubelet if more than one)")
    vector_patch_size: int = Field(8, ge=1, description="stations in a series token")
    vector_patch_days: int = Field(1, ge=1, description="days in a series token")
    num_catchments: int = Field(604, ge=1, description="stations; taken from the store when training")
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
    calendar: bool = Field(True, description="add the day of the year to the positions in time")
    max_time_steps: int = Field(90, ge=1, description="longest window in days")

    @model_validator(mode="after")
    def _sizes_fit(self) -> "ModelConfig":
        for key in ("d_model", "decoder_dim"):
            width = getattr(self, key)
            if width % self.nhead or width % 4:
                raise ValueError(f"{key} ({width}) must be a multiple of nhead ({self.nhead}) and of 4")
        # Unless given, the sizes are the data's, which are not known yet.
        for key in self.model_fields_set & {"image_height", "image_width"}:
            if getattr(self, key) % self.patch_size:
                raise ValueError(f"{key} ({getattr(self, key)}) must be a multiple of patch_size ({self.patch_size})")
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
        if not self.modalities:
            raise ValueError("modalities is empty: name at least one")
        if max(self.coordinate_attrs) >= self.static_attr_dim and self.series_position == "coordinates":
            raise ValueError("coordinate_attrs points past the attributes: set series_position to learned or none")
        return self

    @property
    def deepest_encoder(self) -> int:
        """Layers of the deepest encoder in use."""
        depth = {"grid": self.img_encoder_layers, "series": self.vec_encoder_layers}
        return max(depth[kind] for kind in self.modalities.values())

    @property
    def all_patches(self) -> int:
        """Patches of the whole grid, sea included."""
        return (self.image_height // self.patch_size) * (self.image_width // self.patch_size)


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


class TrainingConfig(Section):
    """The optimisation."""

    epochs: int = Field(10, ge=1, description="passes over the training windows")
    batch_size: int = Field(16, ge=1, description="windows in a step, on each device")
    lr: float = Field(1e-4, gt=0, description="highest learning rate (AdamW)")
    min_lr: float = Field(0.0, ge=0, description="learning rate at the end of the cosine")
    warmup_epochs: float = Field(5.0, ge=0, description="epochs of linear warm-up, counted by step")
    betas: tuple[Share, Share] = Field((0.9, 0.95), description="AdamW's betas")
    eps: float = Field(1e-8, gt=0, description="AdamW's eps")
    weight_decay: float = Field(0.05, ge=0, description="AdamW's decay, of the weights of linear layers alone")
    clip_norm: float = Field(1.0, gt=0, description="largest norm of the gradient")
    task_weights: dict[str, float] = Field({}, description="weight of each loss, as precip_loss: 100; 1 if not named")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto takes a GPU where there is one")
    precision: Literal["fp32", "bf16"] = Field("fp32", description="arithmetic of the layers; losses are always fp32")
    workers: int = Field(2, ge=0, description="processes that read windows; never more than the cores")
    threads: int | None = Field(None, ge=1, description="threads of the arithmetic on a CPU (null = all cores)")


class LoggingConfig(Section):
    """What is written while training, and how often."""

    log_every: int = Field(10, ge=1, description="steps between two lines of metrics")
    checkpoint_every: int = Field(1, ge=1, description="epochs between two checkpoints; the last is always written")
    checkpoint_minutes: float = Field(15.0, gt=0, description="minutes between two checkpoints within an epoch")
    keep: int = Field(3, ge=1, description="newest checkpoints kept, beside the best epoch's where it wrote one")


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
        if self.data.window > self.model.max_time_steps:
            raise ValueError(
                f"data.window ({self.data.window}) is longer than model.max_time_steps ({self.model.max_time_steps})"
            )
        known = {f"{name}_loss" for name in (self.data.modalities or self.model.modalities)}
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
