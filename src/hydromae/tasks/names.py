"""What the tasks are called."""

from typing import Literal

TaskName = Literal["forecast", "infill", "ungauged"]
