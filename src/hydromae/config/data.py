"""Where the data lie, what they are, and how they are cut into windows."""

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from hydromae.base.errors import DataError
from hydromae.base.station_ids import id_texts
from hydromae.config.sources import SourceConfig
from hydromae.config.types import Kind, Period, Section, Share, Weight

# Days in a list may be named one by one or as [first, last].
Days = tuple[date | Period, ...]

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


def ordered_days(days: Days) -> Days:
    """The days as they are; ValueError where a span ends before it begins."""
    for span in days:
        if isinstance(span, tuple) and span[1] < span[0]:
            raise ValueError(f"the span {span[0]} to {span[1]} ends before it begins")
    return days


class ModalityConfig(Section):
    """One variable from one kind of source."""

    kind: Kind = Field(description="grid (days x rows x columns) or series (days x stations)")
    paths: tuple[str, ...] = Field(
        (), description="its files, folders or patterns (rain/*.nc), relative to data.root, in order of time"
    )
    sources: dict[str, SourceConfig] = Field(
        {}, description="series from several sources, in place of paths: name -> its files and what differs in them; "
        "the first named wins where it has a value, the next gives what it lacks"
    )  # fmt: skip
    reader: str | None = Field(
        None, description="format, one of those in docs/data.md or registered by a package (null = found by content)"
    )
    variable: str | None = Field(
        None, description="grid: name of the HDF5 data set (null = data) or netCDF variable (null = the only one over "
        "time, y and x); series: column of the table (null = its name)"
    )  # fmt: skip
    units: str = Field(description="unit of the values in the files, kept in the store and in every output")
    long_name: str = Field("", description="name in words, for files and figures")
    standard_name: str = Field("", description="CF standard name, for files")
    scaling: Literal["standard", "log", "log1p", "sqrt", "none"] = Field(
        "standard",
        description="before standardising: log(x + scaling_eps), log(1 + x), the root or nothing; none = raw values",
    )
    scaling_eps: float = Field(0.01, gt=0, description="the eps of scaling log, in the unit that is scaled")
    scaling_per: Literal["all", "station"] = Field("all", description="one mean and deviation, or one a station")
    per_area: bool = Field(
        False, description="model m3/s as specific discharge in mm/d (m3/s * 86.4 / catchment area in km2)"
    )
    minimum: float | None = Field(None, description="smallest value that is possible, in units; below it is an error")
    maximum: float | None = Field(None, description="largest value that is possible, in units; above it is an error")
    date_column: str = Field("date", description="table: column of the days")
    id_column: str = Field(
        "ID",
        description="table: column of the station ids",
    )
    layout: Literal["long", "wide"] | None = Field(
        None, description="table: long (a row a day and station) or wide (a column a station); null = wide where it "
        "lacks both id_column and the variable, and its columns are stations of the attributes or look like ids"
    )  # fmt: skip
    start: date | None = Field(None, description="grid without dates: day of its first map")
    end: date | None = Field(
        None, description="grid without dates: day of its last map, which its length must match (null = the last day "
        "of one of the periods)"
    )  # fmt: skip
    allow_absent_days: bool = Field(
        False, description="grid: days that are absent inside a file are missing, not an error"
    )
    shift_days: int = Field(
        0, ge=-1, le=1, description="days added to the files' dates, as -1 where a day is dated by its end at 09:00 of "
        "the next, or 1 where local midnights are written in UTC; files are taken as dated otherwise"
    )  # fmt: skip
    row_order: Literal["north_first", "south_first"] = Field(
        "north_first", description="grid without coordinates: whether its first row is the north or the south"
    )
    regrid: Literal["coarsen", "nearest", "bilinear", "conservative"] | None = Field(
        None, description="how a grid of other cells is brought to those of data.target_grid (null = it is refused)"
    )
    exclude_dates: Days = Field(
        (),
        description="days on which its values are wrong, as 2003-02-11 or [2003-02-11, 2003-02-20]: they are missing",
    )
    max_missing: float | None = Field(
        None,
        ge=0,
        le=1,
        description="series: stations that lack a larger share of the training days are left out (null = none is)",
    )

    @field_validator("paths", mode="before")
    @classmethod
    def _one_path_is_a_list(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("sources", mode="before")
    @classmethod
    def _null_is_no_source(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {name: source for name, source in value.items() if source is not None}

    @field_validator("sources")
    @classmethod
    def _sources_are_named(cls, value: dict[str, SourceConfig]) -> dict[str, SourceConfig]:
        for name in value:
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                raise ValueError(f"source name {name!r} must be lower-case letters, digits and _")
        return value

    @model_validator(mode="after")
    def _files_are_named_once(self) -> "ModalityConfig":
        if self.sources and self.kind != "series":
            raise ValueError("sources are for series; list the files of a grid under paths, in order of time")
        if self.sources and self.paths:
            raise ValueError("paths and sources are both given; name all files under sources, and leave paths empty")
        return self

    @field_validator("exclude_dates")
    @classmethod
    def _excluded_days_are_ordered(cls, value: Days) -> Days:
        return ordered_days(value)

    def parts(self, name: str) -> dict[str, "ModalityConfig"]:
        """The settings of each source by the key that messages name it with; those of `name` alone without sources.

        Days to exclude and shares that may be missing are of the whole, so no part has them.
        """
        if not self.sources:
            return {name: self}
        whole: dict[str, Any] = {"sources": {}, "exclude_dates": (), "max_missing": None}
        whole["variable"] = self.variable or name
        return {f"{name}.sources.{key}": self.model_copy(update={**whole, **one.settings})
                for key, one in self.sources.items()}  # fmt: skip


# What files that hold modalities call their own.
_TAKEN_NAMES = {"time", "y", "x", "station", "latitude", "longitude", "land_mask", "crs"}


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
    exclude_dates: Days = Field(
        (), description="days that no window may hold, as 2003-02-11 or [2003-02-11, 2003-02-20]"
    )
    exclude_stations: tuple[str, ...] = Field((), description="stations to leave out, by id")
    fill: dict[str, Literal["nearest", "median", "zero"]] = Field(
        {}, description="modality -> what the model is shown where it is missing: the nearest visible day's value, the "
        "median of the visible days, or 0 (in units); never predicted or scored. Not named: nothing is shown"
    )  # fmt: skip
    station_order: Literal["given", "spatial"] = Field(
        "given", description="stations in the order of the attributes, or so that those of a token "
        "(model.vector_patch_size) lie close together"
    )  # fmt: skip
    aggregate: int | None = Field(
        None, ge=1, description="average the series over the cells of an n x n latitude/longitude grid; null: stations"
    )
    storage: Literal["float32", "float16"] = Field(
        "float32", description="numbers in the store: physical float32, or scaled float16 at half the size"
    )
    cache: Literal["auto", "none"] = Field(
        "auto", description="auto: training reads from one copy of the store in shared memory, where it fits"
    )
    window: int = Field(30, ge=1, description="days in a window, T")
    stations_per_window: int | None = Field(
        None, ge=1, description="stations in a window: null = all; n = every station in turn with its n - 1 nearest, "
        "in windows of their own, which makes a step cheap (model.vector_patch_size: 1 suits it)"
    )  # fmt: skip
    window_mix: dict[Annotated[int, Field(ge=1)], Weight] = Field(
        {}, description="lengths of training windows, each with its weight, as {15: 1, 30: 3}; a batch has one length "
        "(empty = window alone, which validation always uses)"
    )  # fmt: skip
    event_share: Share = Field(
        0.0, description="share of the training windows that are placed to hold a flood (a day with much flow at many "
        "stations, above their own 98th percentile) instead of anywhere"
    )  # fmt: skip
    event_modality: str | None = Field(
        None, description="series whose high values are the floods (null = the first in m3/s)"
    )
    stride: int = Field(20, ge=1, description="days between the starts of training windows; each epoch shifts them")

    @field_validator("exclude_stations", mode="before")
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
                    f"modality name {name!r} is a coordinate's in the files that are written; take another"
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

    @field_validator("exclude_dates")
    @classmethod
    def _excluded_days_are_ordered(cls, value: Days) -> Days:
        return ordered_days(value)
