"""Where the cells of the grids lie, for files that do not say it."""

from pydantic import Field, field_validator

from hydromae.config.types import Section, System

Centres = tuple[float, float]


class GridConfig(Section):
    """Where the cells of the grids lie, as far as their files do not say it themselves."""

    crs: System | None = Field(
        None, description="coordinate reference system of y and x, as EPSG:27700 (British National Grid) or EPSG:4326 "
        "(degrees); null = as the files say"
    )  # fmt: skip
    y: Centres | None = Field(
        None, description="centre of the northernmost row and the step to the next, as [1222500, -5000]; null = as the "
        "files say"
    )  # fmt: skip
    x: Centres | None = Field(
        None, description="centre of the westernmost column and the step to the next, as [-197500, 5000]; null = as "
        "the files say"
    )  # fmt: skip

    @field_validator("y")
    @classmethod
    def _rows_run_south(cls, value: Centres | None) -> Centres | None:
        if value is not None and value[1] >= 0:
            raise ValueError(f"rows are counted from the north, so the step of y must be below 0, not {value[1]:g}")
        return value

    @field_validator("x")
    @classmethod
    def _columns_run_east(cls, value: Centres | None) -> Centres | None:
        if value is not None and value[1] <= 0:
            raise ValueError(f"columns are counted from the west, so the step of x must be above 0, not {value[1]:g}")
        return value
