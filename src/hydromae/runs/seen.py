"""Everything that a model's weights were ever trained on, in its own training and all before it."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from hydromae.base.errors import HydroMAEError
from hydromae.config import Period
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import read_trained_on

logger = logging.getLogger(__name__)

BEFORE = "before"  # key of a model's `trained_on`: the trainings before its own, as `Seen.to_json` has them


@dataclass(frozen=True)
class Seen:
    """One training.

    Attributes:
        run: the folder of its weights.
        period: first and last day of it.
        stations: ids in its data; empty for a run without series.
    """

    run: str
    period: Period
    stations: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain texts and lists."""
        return {"run": self.run, "period": [str(day) for day in self.period], "stations": list(self.stations)}

    @classmethod
    def from_json(cls, run: str, record: Mapping[str, Any]) -> "Seen | None":
        """A training from what `to_json` returns, or from a model's `trained_on`; None where no period is known."""
        if len(record.get("period", ())) != 2:
            return None
        first, last = (date.fromisoformat(str(day)) for day in record["period"])
        return cls(run, (first, last), tuple(map(str, record.get("stations", ()))))


def ever_seen(path: str | Path, trained_on: Mapping[str, Any]) -> tuple[Seen, ...]:
    """Every training of the weights of a model, the last one first.

    Models of older versions do not record the trainings before their own. Those are then found by configurations: that
    of a model's run names the run it started from, and so on, as far as their folders exist.

    Args:
        path: of the model: a run, or a folder of `save_pretrained`.
        trained_on: of the model.
    """
    own = Seen.from_json(str(path), trained_on)
    before = trainings_before(trained_on) if BEFORE in trained_on else tuple(_by_configurations(Path(path)))
    return (*(() if own is None else (own,)), *before)


def trainings_before(record: Mapping[str, Any]) -> tuple[Seen, ...]:
    """The trainings before a model's own, from its `trained_on` or a run's `start.json`."""
    trainings = (Seen.from_json(str(training.get("run", "")), training) for training in record.get(BEFORE, ()))
    return tuple(training for training in trainings if training is not None)


def before_of(run: RunDirectory) -> list[dict[str, Any]]:
    """The earlier trainings of a run that is continued, for its `trained_on`; their folders may be missing by now."""
    start = run.path / "start.json"
    record = run.read_json(start.name) if start.is_file() else {}
    trainings = trainings_before(record) if BEFORE in record else tuple(_by_configurations(run.path))
    return [training.to_json() for training in trainings]


def _by_configurations(path: Path) -> Iterator[Seen]:
    """The trainings before that of a run, from one configuration to the next."""
    visited = {path.resolve()}
    while True:
        run = next((folder for folder in (path, path.absolute().parent) if (folder / "config.yaml").is_file()), None)
        try:
            start = None if run is None else RunDirectory.open(run).config().training.start_from
        except HydroMAEError as error:
            logger.warning("%s: what its weights were trained on before is not known (%s)", path, error)
            return
        if start is None or Path(start).resolve() in visited:
            return
        try:
            if not Path(start).is_dir():
                raise FileNotFoundError
            trained_on = read_trained_on(start)
        except (HydroMAEError, OSError):
            logger.warning(
                "%s: started from %s, which is missing, so that the days it was trained on before are not known",
                path,
                start,
            )
            return
        if (seen := Seen.from_json(str(start), trained_on)) is not None:
            yield seen
        if BEFORE in trained_on:
            yield from trainings_before(trained_on)
            return
        path = Path(start)
        visited.add(path.resolve())
