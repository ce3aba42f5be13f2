"""What a page asks, checked before any model is called."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hydromae.base.errors import DataError

Name = Annotated[str, Field(min_length=1, max_length=200)]
# What the model knows after the issue day: nothing, the weather, or all that is not hidden by hand.
After = Literal["none", "perfect", "all"]


class Question(BaseModel):
    """One question of a page: a station, a day, and a mask.

    Attributes:
        page: a random name of the page, which counts its questions.
        number: of this question.
        station: its id.
        day: the issue day, the last one of which the model knows all that is not hidden.
        horizon: days after it.
        after: what the model knows of these.
        series: the one that is predicted; None is the first that the run forecasts.
        hidden_days: first and last day of spans on which the station's series is hidden.
        hidden_modalities: hidden wholly, at every station and on every day.
        hidden_station: whether the station's series is hidden on every day, as if it were ungauged.
        hidden_patches: numbers of patches of which all grids are hidden.
        grid: the modality whose map is wanted, too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    page: Annotated[str, Field(pattern="^[0-9a-f-]{8,40}$")]
    number: Annotated[int, Field(ge=0, lt=2**53)]
    station: Name
    day: date
    horizon: Annotated[int, Field(ge=1, le=366)] = 7
    after: After = "none"
    series: Name | None = None
    hidden_days: Annotated[tuple[tuple[date, date], ...], Field(max_length=400)] = ()
    hidden_modalities: Annotated[tuple[Name, ...], Field(max_length=100)] = ()
    hidden_station: bool = False
    hidden_patches: Annotated[frozenset[Annotated[int, Field(ge=0, lt=2**31)]], Field(max_length=9000)] = frozenset()
    grid: Name | None = None


@dataclass(frozen=True)
class Known:
    """What a question may name.

    Attributes:
        stations: ids.
        days: the first and the last.
        series: those that may be predicted, or looked at where there is no model.
        modalities: all.
        grids: those among them.
        patches: numbers.
    """

    stations: Collection[str]
    days: tuple[date, date]
    series: Collection[str]
    modalities: Collection[str]
    grids: Collection[str]
    patches: Collection[int]


class BadQuestion(DataError):
    """A question that cannot be asked, in one sentence; `malformed` where it is not even JSON of the right kind."""

    def __init__(self, sentence: str, malformed: bool = False) -> None:
        super().__init__(sentence)
        self.malformed = malformed


def read_question(body: bytes, known: Known) -> Question:
    """The question in a request.

    Raises:
        BadQuestion: it is malformed, or names what does not exist.
    """
    try:
        question = Question.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the question"
        raise BadQuestion(f"{where}: {first['msg']}", malformed=first["type"] == "json_invalid") from None
    if question.station not in known.stations:
        raise BadQuestion(f"there is no station {question.station!r}; choose one of {_some(known.stations)}")
    if not known.days[0] <= question.day <= known.days[1]:
        raise BadQuestion(
            f"{question.day} is not within the data; choose a day from {known.days[0]} to {known.days[1]}"
        )
    for first_day, last_day in question.hidden_days:
        if last_day < first_day:
            raise BadQuestion(f"the hidden days end ({last_day}) before they begin ({first_day}); exchange them")
    for what, named, there in (
        ("series", [question.series], known.series),
        ("modality", question.hidden_modalities, known.modalities),
        ("grid", [question.grid], known.grids),
        ("patch", sorted(question.hidden_patches), known.patches),
    ):
        for name in named:
            if name is not None and name not in there:
                raise BadQuestion(f"there is no {what} {name!r}; choose one of {_some(there) or 'none'}")
    return question


def _some(names: Collection[object]) -> str:
    shown = [str(name) for name in list(names)[:5]]
    return ", ".join(shown) + (", ..." if len(names) > len(shown) else "")
