"""An evaluation asked for by its options, as `hydromae.evaluate` takes them."""

from collections.abc import Sequence
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from hydromae.base.errors import ConfigError
from hydromae.base.given import as_names
from hydromae.config import Config
from hydromae.prediction.known_data import data_of
from hydromae.store.store import Store
from hydromae.tasks.evaluate import Evaluation, OnStage, Question
from hydromae.tasks.evaluate import evaluate as evaluate_question

_PATHS: Final = ("data", "output", "folds")
_LISTS: Final = ("forcing", "stations")


def evaluate(
    runs: str | Path | Sequence[str | Path],
    task: str | Question = "forecast",
    *,
    on_stage: OnStage = lambda what, done: None,
    **options: Any,
) -> Evaluation:
    """Score a task on a held-out period beside simple methods, and write tables and scores.

    Args:
        runs: run directory, or several, as seeds of one training, whose predictions are averaged.
        task: forecast, infill, ungauged, modalities, flood or drought.
        on_stage: called with what is being done and the share that is done.
        options: `split`, `data`, `output`, `every`, `horizon`, `forcing` and the other attributes of
            `hydromae.tasks.evaluate.Question`. Such a question may also be given whole: `evaluate(task, question)`.

    Returns:
        The tables, a verdict in a sentence, and the folder with the written files.

    Raises:
        RunError: a run, its data or its model cannot be used.
        ConfigError: the task or an option is unknown, or does not fit the run; or a run was trained on the days.
        DataError: nothing can be scored, the disk refuses, or scores are in the folder already.
    """
    if isinstance(task, Question):
        return evaluate_question(str(runs), task, on_stage)
    known = [field.name for field in fields(Question) if field.name != "runs"]
    for name in options:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise ConfigError(f"evaluate has no option {name}; {hint}")
    data = options.get("data")
    if isinstance(data, Config | dict):
        options["data"] = data_of(data)
    elif not isinstance(data, str | Path | Store | None):
        raise ConfigError(f"data cannot be a {type(data).__name__} here; give a store or a configuration")
    several = (runs,) if isinstance(runs, str | Path) else tuple(runs)
    places = {name: Path(options[name]) for name in _PATHS if isinstance(options.get(name), str)}
    lists = {name: tuple(as_names(options[name]) or ()) for name in _LISTS if options.get(name) is not None}
    return evaluate_question(task, Question(several, **{**options, **places, **lists}), on_stage)
