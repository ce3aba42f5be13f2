"""What the settings of a modality say about the times in its files."""

from dataclasses import dataclass
from typing import Literal

from hydromae.config import ModalityConfig


@dataclass(frozen=True)
class TimeRules:
    """How a reader takes the times of a file.

    Attributes:
        calendar: in which times are counted; None is as the file says it.
        align_on: how days of a calendar without all real days become real ones; None refuses such a calendar.
        sub_daily: moments are wanted, in order and each once, since they become days later.
    """

    calendar: str | None = None
    align_on: Literal["date", "year"] | None = None
    sub_daily: bool = False

    @classmethod
    def of(cls, settings: ModalityConfig) -> "TimeRules":
        """The rules of a modality."""
        return cls(settings.calendar, settings.align_on, settings.daily is not None)
