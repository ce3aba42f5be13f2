"""Where the data lie, what they are, and how they are cut into windows."""

import logging
import re
from functools import cache
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from hydromae.base.errors import DataError
from hydromae.base.station_ids import id_texts
from hydromae.config.grid import GridConfig
from hydromae.config.modality import PRESETS, ModalityConfig
from hydromae.config.types import Days, Period, Section, Share, System, Verify, Weight, ordered_days

logger = logging.getLogger(__name__)

ATTRIBUTES = (
    "latitude", "longitude", "minimum-altitude", "maximum-altitude", "50-percentile-altitude",
    "10-percentile-altitude", "90-percentile-altitude", "catchment-area", "dpsbar", "propwet", "bfihost",
)  # fmt: skip

# Names that the written files give to coordinates and variables of their own.
_TAKEN_NAMES = {"time", "y", "x", "station", "latitude", "longitude", "land_mask", "crs"}


class AttributesConfig(Section):
    """The table of static attributes of each station."""

    path: str | None = Field(None, description="CSV with one row a station, or netCDF, relative to data.root")
    id: str = Field("id", description="column of the station ids")
    columns: tuple[str, ...] = Field(ATTRIBUTES, min_length=1, description="attributes the model is given, in order")
    area: str = Field("catchment-area", description="column of the catchment area in km2, for per_area")
    crs: System | None = Field(
        None, description="coordinate reference system of the columns easting and northing, or x and y, as EPSG:27700 "
        "(British National Grid): latitude and longitude among columns that the table lacks are computed from them"
    )  # fmt: skip


class DataConfig(Section):
    """Where the data lie and how they are cut."""

    root: str = Field(".", description="folder that the paths below are relative to")
    store: str | None = Field(None, description="folder of the prepared store (null = stores/<name>)")
    modalities: dict[str, ModalityConfig] = Field({}, description="name -> what it is and where its files lie")
    attributes: AttributesConfig = Field(AttributesConfig(), description="static attributes of the stations")
    land_mask: str | None = Field(
        None,
        description="0/1 mask of land: .pt or .npy with rows from the north, or netCDF or Zarr (null = cells of the "
        "first grid that have a value on one of 128 days spread over the periods)",
    )
    land_threshold: float = Field(0.5, ge=0, le=1, description="share of land that makes a patch valid")
    missing_values: tuple[float, ...] = Field(
        (-99999.0, 1e20), description="values that mean missing, beside NaN and blank"
    )
    train: Period | None = Field(None, description="first and last day of the training period")
    val: Period | None = Field(None, description="first and last day of the validation period")
    test: Period | None = Field(None, description="first and last day of the test period")
    target_grid: str | None = Field(
        None, description="modality whose cells all grids are brought to by their regrid (null = the first grid)"
    )
    grid: GridConfig = Field(GridConfig(), description="where the cells of the grids lie, where files do not say it")
    exclude_dates: Days = Field(
        (), description="days that no window may hold, as 2003-02-11 or [2003-02-11, 2003-02-20]"
    )
    exclude_stations: tuple[str, ...] = Field((), description="stations to leave out, by id")
    fill: dict[str, Literal["nearest", "median", "zero"]] = Field(
        {}, description="modality -> what the model reads where it is missing: the nearest visible day's value, the "
        "median of the visible days, or 0 (in units); never predicted or scored. Not named: nothing is filled"
    )  # fmt: skip
    station_order: Literal["given", "spatial"] = Field(
        "given", description="stations in the order of the attributes, or so that those of a token "
        "(model.series_patch_size) lie close together"
    )  # fmt: skip
    aggregate: int | None = Field(
        None, ge=1, description="average the series over the cells of an n x n latitude/longitude grid; null: stations"
    )
    storage: Literal["float32", "float16"] = Field(
        "float32", description="numbers in the store: physical float32, or scaled float16 at half the size"
    )
    cache: Literal["none", "memory"] = Field(
        "none", description="memory: training reads the whole store into memory first, in every process"
    )
    dask: str | None = Field(
        None,
        pattern=r"^(tcp|tls|ws|wss|inproc)://\S+$",
        description="scheduler of a dask cluster whose workers read the grids when the store is prepared, as "
        "tcp://HOST:8786 (null = this process reads them); the store is the same, bit for bit; needs the extra dask",
    )
    verify: Verify = Field(
        "first", description="compare each block of the store with its hash when a process first reads it (first), "
        "whenever it is read (always), or only in hydromae check (never)"
    )  # fmt: skip
    window: int = Field(30, ge=1, description="days in a window, T")
    stations_per_window: int | None = Field(
        None, ge=1, description="stations in a window: null = all; n = every station in turn with its n - 1 nearest, "
        "in windows of their own, which makes a step cheap (model.series_patch_size: 1 suits it)"
    )  # fmt: skip
    context_stations: int = Field(
        0, ge=0, description="stations around those of a window, near ones and some in every direction, whose series "
        "are only looked at, for models with model.recurrent_context; needs stations_per_window"
    )  # fmt: skip
    train_stations: tuple[str, ...] | None = Field(
        None, min_length=1, description="stations, by id, whose windows are trained on and validated; the others are "
        "in the store, and may be neighbours (null = all); needs stations_per_window"
    )  # fmt: skip
    window_mix: dict[Annotated[int, Field(ge=1)], Weight] = Field(
        {}, description="lengths of training windows, each with its weight, as {15: 1, 30: 3}; a batch has one length "
        "(empty = only window, which validation always uses)"
    )  # fmt: skip
    event_share: Share = Field(
        0.0, description="share of the training windows that are placed to hold a flood (a day with much flow at many "
        "stations, above their own 98th percentile) instead of anywhere"
    )  # fmt: skip
    event_modality: str | None = Field(
        None, description="series whose high values are the floods (null = the first in m3/s)"
    )
    stride: int = Field(20, ge=1, description="days between the starts of training windows; each epoch shifts them")

    @field_validator("exclude_stations", "train_stations", mode="before")
    @classmethod
    def _numbers_are_ids(cls, value: object) -> object:
        if not isinstance(value, list | tuple):
            return value
        for station in value:
            if isinstance(station, bool) or not isinstance(station, str | int | float):
                raise ValueError(f"{station!r} is no station id; quote ids that YAML takes for something else")
        try:
            return id_texts(value, "the list")
        except DataError as error:
            raise ValueError(str(error)) from None

    @field_validator("cache", mode="before")
    @classmethod
    def _shared_memory_is_gone(cls, value: object) -> object:
        if value != "auto":
            return value
        _say_that_auto_is_none()
        return "none"

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
            if name in _TAKEN_NAMES:
                raise ValueError(
                    f"modality name {name!r} is the name of a coordinate in the files that are written; take another"
                )
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

    @field_validator("window_mix")
    @classmethod
    def _some_length_is_drawn(cls, value: dict[int, float]) -> dict[int, float]:
        if value and not any(value.values()):
            raise ValueError("every length has weight 0; give one a weight, or leave the mixture empty")
        return value

    @model_validator(mode="after")
    def _named_modalities_exist(self) -> "DataConfig":
        if not self.modalities:
            return self
        named = [("fill", name) for name in self.fill]
        named += [(key, name) for key in ("target_grid", "event_modality") if (name := getattr(self, key)) is not None]
        for key, name in named:
            if name not in self.modalities:
                raise ValueError(f"{key} names {name}, which is none of {', '.join(self.modalities)}")
        for key, name, kind in (
            ("target_grid", self.target_grid, "grid"),
            ("event_modality", self.event_modality, "series"),
        ):
            if name is not None and self.modalities[name].kind != kind:
                raise ValueError(f"{key} names {name}, which is no {kind}")
        return self

    @model_validator(mode="after")
    def _fills_know_their_stations(self) -> "DataConfig":
        if self.fill and self.stations_per_window is not None:
            raise ValueError("fill and stations_per_window do not go together: leave fill empty, gaps are seen as such")
        return self

    @model_validator(mode="after")
    def _windows_have_some_stations(self) -> "DataConfig":
        if self.context_stations and self.stations_per_window is None:
            raise ValueError("context_stations lie around the stations of a window: give stations_per_window, as 1")
        if self.train_stations is not None and self.stations_per_window is None:
            raise ValueError("train_stations needs windows of some stations: set stations_per_window, as 1")
        return self

    @field_validator("exclude_dates")
    @classmethod
    def _excluded_days_are_ordered(cls, value: Days) -> Days:
        return ordered_days(value)


@cache
def _say_that_auto_is_none() -> None:
    logger.warning(
        "data.cache: auto, a copy in shared memory, gained nothing and is taken as none; memory reads all values into "
        "memory"
    )
