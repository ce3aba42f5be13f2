"""One of several sources of a series: its files, and the settings in which they differ from the modality."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from hydromae.config.types import Section


class SourceConfig(Section):
    """The files of one source. A null setting is as the modality has it; units are always those of the modality."""

    paths: tuple[str, ...] = Field((), description="its files, folders or patterns (nrfa/*.csv), relative to data.root")
    reader: str | None = Field(None, description="format of this source (null = as the modality has it)")
    variable: str | None = Field(
        None, description="column or variable in the files of this source (null = as the modality has it)"
    )
    convert_from: str | None = Field(
        None, description="unit of the values in the files of this source (null = as the modality has it)"
    )
    date_column: str | None = Field(
        None, description="table: column of the days in this source (null = as the modality has it)"
    )
    id_column: str | None = Field(
        None, description="table: column of the station ids in this source (null = as the modality has it)"
    )
    layout: Literal["long", "wide"] | None = Field(
        None, description="table: long or wide (null = as the modality has it)"
    )
    id_prefix: str = Field(
        "", description="beginning of the station ids of this source that those of the others lack, as camelsgb_; "
        "it is removed"
    )  # fmt: skip
    shift_days: int | None = Field(
        None, ge=-1, le=1, description="days added to the dates of this source (null = as the modality has it)"
    )

    daily: Literal["sum", "mean", "max", "min"] | None = Field(
        None, description="how values of less than a day in this source become daily (null = as the modality has it)"
    )
    day_start: int | None = Field(
        None, ge=0, le=23, description="hour, UTC, at which a day of this source begins (null = as the modality has it)"
    )
    stamped: Literal["begin", "middle", "end"] | None = Field(
        None, description="what a stamp of this source is of what a value covers (null = as the modality has it)"
    )

    @field_validator("paths", mode="before")
    @classmethod
    def _one_path_is_a_list(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _has_files(self) -> "SourceConfig":
        if not self.paths:
            raise ValueError("a source has no paths; name its files, or take it out with null")
        return self

    @property
    def settings(self) -> dict[str, Any]:
        """The settings in which it differs from the modality, by the keys of the modality."""
        given = self.model_dump(exclude={"id_prefix"})
        return {key: value for key, value in given.items() if value is not None}
