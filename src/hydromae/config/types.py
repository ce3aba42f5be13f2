"""Types that the sections of the configuration share."""

from datetime import date
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from hydromae.config.renamed import RENAMED, renamed

Kind = Literal["grid", "series"]
Ratio = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Weight = Annotated[float, Field(ge=0)]
Verify = Literal["first", "always", "never"]
Place = Annotated[int, Field(ge=0)]
Period = tuple[date, date]
# Days in a list may be named one by one or as [first, last].
Days = tuple[date | Period, ...]


def _known_system(value: str) -> str:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        CRS.from_user_input(value)
    except CRSError:
        raise ValueError(f"{value!r} is no coordinate reference system; give one as EPSG:27700") from None
    return value


System = Annotated[str, AfterValidator(_known_system)]  # a coordinate reference system that pyproj knows


class Section(BaseModel):
    """A part of the configuration: unknown keys are errors, values cannot change once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False)
    section: ClassVar[str] = ""  # its name in the configuration, for keys that have had another name

    @model_validator(mode="before")
    @classmethod
    def _old_names(cls, values: Any) -> Any:
        return renamed(cls.section, values) if isinstance(values, dict) else values

    def __getattr__(self, name: str) -> Any:
        """The value of a key under its old name."""
        current = RENAMED.get(type(self).section, {}).get(name)
        if current is None:
            raise AttributeError(f"{type(self).__name__} has no {name}")
        return getattr(self, current)


def ordered_days(days: Days) -> Days:
    """The days as they are; ValueError where a span ends before it begins."""
    for span in days:
        if isinstance(span, tuple) and span[1] < span[0]:
            raise ValueError(f"the span {span[0]} to {span[1]} ends before it begins")
    return days
