"""What the sections of the configuration are made of."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["grid", "series"]
Ratio = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Weight = Annotated[float, Field(ge=0)]
Place = Annotated[int, Field(ge=0)]
Period = tuple[date, date]


class Section(BaseModel):
    """A part of the configuration: unknown keys are errors, values cannot change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
