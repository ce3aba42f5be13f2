"""What the weights of a model were ever trained on, through all trainings that went before its own."""

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
        run: where its weights lay.
        period: first and last day of it.
        stations: that it had; empty of a run without series.
    """

    run: str
    period: Period
    stations: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain texts and lists."""
        return {"run": self.run, "period": [str(day) for day in self.period], "stations": list(self.stations)}

    @classmethod
    def from_json(cls, run: str, known: Mapping[str, Any]) -> "Seen | None":
        """Of what `to_json` gives, or of a model's `trained_on`; None where no period is known."""
        if len(known.get("period", ())) != 2:
            return None
        first, last = (date.fromisoformat(str(day)) for day in known["period"])
        return cls(run, (first, last), tuple(map(str, known.get("stations", ()))))


def ever_seen(path: str | Path, trained_on: Mapping[str, Any]) -> tuple[Seen, ...]:
    """Every training of the weights of a model, the last one first.

    A model of a version that did not write down what went before is read with what the configurations say: that of its
    run names where it started from, that of the run there what went before again, as far as they are at hand.

    Args:
        path: of the model: a run, or a folder of `save_pretrained`.
        trained_on: of the model.
    """
    own = Seen.from_json(str(path), trained_on)
    before = trainings_before(trained_on) if BEFORE in trained_on else tuple(_by_configurations(Path(path)))
    return (*(() if own is None else (own,)), *before)


def trainings_before(known: Mapping[str, Any]) -> tuple[Seen, ...]:
    """The trainings before a model's own, of its `trained_on` or of a run's `start.json`."""
    found = (Seen.from_json(str(one.get("run", "")), one) for one in known.get(BEFORE, ()))
    return tuple(one for one in found if one is not None)


def before_of(run: RunDirectory) -> list[dict[str, Any]]:
    """What `trained_on` of a run that is gone on with says of the trainings before it, wherever these are by now."""
    start = run.path / "start.json"
    known = run.read_json(start.name) if start.is_file() else {}
    found = trainings_before(known) if BEFORE in known else tuple(_by_configurations(run.path))
    return [one.to_json() for one in found]


def _by_configurations(path: Path) -> Iterator[Seen]:
    """The trainings before that of a run, from one configuration to the next."""
    visited = {path.resolve()}
    while True:
        run = next((folder for folder in (path, path.absolute().parent) if (folder / "config.yaml").is_file()), None)
        try:
            origin = None if run is None else RunDirectory.open(run).config().training.start_from
        except HydroMAEError as error:
            logger.warning("%s: what its weights were trained on before is not known (%s)", path, error)
            return
        if origin is None or Path(origin).resolve() in visited:
            return
        try:
            if not Path(origin).is_dir():
                raise FileNotFoundError
            known = read_trained_on(origin)
        except (HydroMAEError, OSError):
            logger.warning(
                "%s: started from %s, which is not at hand, so that the days it was trained on before are not known",
                path,
                origin,
            )
            return
        if (seen := Seen.from_json(str(origin), known)) is not None:
            yield seen
        if BEFORE in known:
            yield from trainings_before(known)
            return
        path = Path(origin)
        visited.add(path.resolve())
