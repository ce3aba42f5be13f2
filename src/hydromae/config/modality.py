"""One modality: what it is, and where and how its files hold it."""

import re
from datetime import date
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from hydromae.base.units import conversion
from hydromae.config.sources import SourceConfig
from hydromae.config.types import Days, Kind, Section, ordered_days

# The usual modalities; a configuration that names one of them need only say where its files lie.
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


class ModalityConfig(Section):
    """One variable from one kind of source."""

    kind: Kind = Field(description="grid (days x rows x columns) or series (days x stations)")
    paths: tuple[str, ...] = Field(
        (),
        description="its files, folders or patterns (rain/*.nc), relative to data.root, or addresses "
        "(s3://bucket/rain.zarr), in order of time",
    )
    sources: dict[str, SourceConfig] = Field(
        {}, description="series from several sources, in place of paths: name -> its files and what differs in them; "
        "the first named wins where it has a value, the next gives what it lacks"
    )  # fmt: skip
    reader: str | None = Field(
        None, description="format, one of those in docs/data.md or registered by a package (null = found by content)"
    )
    engine: str | None = Field(
        None, description="engine of xarray that opens the files, for formats without a reader here, as cfgrib, "
        "rasterio (null = the reader that knows them)"
    )  # fmt: skip
    variable: str | None = Field(
        None, description="grid: name of the HDF5 data set (null = data) or netCDF variable (null = the only one over "
        "time, y and x); series: column of the table, or variable (null = its name; of netCDF and Zarr the only one)"
    )  # fmt: skip
    units: str = Field(description="unit of the values, in the files, the store and every output")
    convert_from: str | None = Field(
        None, description="unit of the values in the files where it is another, as K, m or kg m-2 s-1: they are "
        "converted to units (null = nothing is converted)"
    )  # fmt: skip
    long_name: str = Field("", description="name in words, for files and figures")
    standard_name: str = Field("", description="CF standard name, for files")
    scaling: Literal["standard", "log", "log1p", "sqrt", "none"] = Field(
        "standard",
        description="before standardising: log(x + scaling_eps), log(1 + x), the root or nothing; none = raw values",
    )
    scaling_eps: float = Field(0.01, gt=0, description="the eps of scaling log, in the unit that is scaled")
    scaling_per: Literal["all", "station"] = Field(
        "all",
        description="one mean and deviation, or one a station: of flow, with scaling standard, squared errors are then "
        "those of the Nash-Sutcliffe efficiency",
    )
    per_area: bool = Field(
        False, description="model m3/s as specific discharge in mm/d (m3/s * 86.4 / catchment area in km2)"
    )
    minimum: float | None = Field(None, description="smallest value that is possible, in units; below it is an error")
    maximum: float | None = Field(None, description="largest value that is possible, in units; above it is an error")
    date_column: str = Field("date", description="table: column of the days")
    id_column: str = Field(
        "ID",
        description="table: column of the station ids; netCDF, Zarr: their variable (ID = station_id, gauge_id, ...)",
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
    daily: Literal["sum", "mean", "max", "min"] | None = Field(
        None, description="values of less than a day become the sum (of an amount, as mm of rain), mean, largest or "
        "smallest of each day; a day that lacks one is missing (null = the files are daily)"
    )  # fmt: skip
    day_start: int | None = Field(
        None, ge=0, le=23, description="with daily: hour, UTC, at which a day begins, by which it is dated (null = 0)"
    )
    stamped: Literal["begin", "middle", "end"] | None = Field(
        None, description="with daily: whether a stamp is the beginning, the middle or the end of what a value covers "
        "(null = as the bounds of time say, or else the beginning)"
    )  # fmt: skip
    calendar: Literal["standard", "proleptic_gregorian", "noleap", "360_day"] | None = Field(
        None, description="calendar in which netCDF and Zarr count their time, where they name none or a wrong "
        "one (null = as the files say)"
    )  # fmt: skip
    align_on: Literal["date", "year"] | None = Field(
        None, description="days of the calendars noleap and 360_day keep their date (30 February is left out, 31 "
        "March is missing) or their place in the year (null = such calendars are refused)"
    )  # fmt: skip
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

    @model_validator(mode="after")
    def _units_can_be_converted(self) -> "ModalityConfig":
        for given in (self.convert_from, *(source.convert_from for source in self.sources.values())):
            if given is not None:
                conversion(given, self.units)
        return self

    @model_validator(mode="after")
    def _an_engine_is_the_reader(self) -> "ModalityConfig":
        if self.engine is not None and self.reader is not None:
            raise ValueError("engine and reader both say what opens the files; leave one out")
        return self

    @model_validator(mode="after")
    def _rules_of_days_are_used(self) -> "ModalityConfig":
        daily = self.daily or any(source.daily for source in self.sources.values())
        if not daily and (self.day_start is not None or self.stamped):
            key = "stamped" if self.day_start is None else "day_start"
            raise ValueError(f"{key} is for values of less than a day; set daily to sum, mean, max or min")
        return self

    @field_validator("exclude_dates")
    @classmethod
    def _excluded_days_are_ordered(cls, value: Days) -> Days:
        return ordered_days(value)

    def parts(self, name: str) -> dict[str, "ModalityConfig"]:
        """The settings of each source by the key that messages name it with; without sources, only those of `name`.

        Days to exclude and the share that may be missing belong to the whole modality, so no part has them.
        """
        if not self.sources:
            return {name: self}
        whole: dict[str, Any] = {"sources": {}, "exclude_dates": (), "max_missing": None}
        whole["variable"] = self.variable or name
        return {f"{name}.sources.{key}": self.model_copy(update={**whole, **source.settings})
                for key, source in self.sources.items()}  # fmt: skip
