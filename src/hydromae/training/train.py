"""Training from a configuration: its store is prepared, then its model is trained."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from hydromae.config import Config
from hydromae.config.read import as_config
from hydromae.runs.changes import refuse_changes
from hydromae.runs.directory import RunDirectory
from hydromae.store.prepare import prepare
from hydromae.training.callback import Callback
from hydromae.training.launched import launched
from hydromae.training.runs import continue_run, new_run


def train(
    config: Config | str | Path | Mapping[str, Any],
    overrides: Iterable[str] = (),
    *,
    go_on: bool = False,
    callbacks: Iterable[Callback] = (),
    on_progress: Callable[[str, float], None] | None = None,
) -> RunDirectory:
    """Pretrain a model, and prepare its store first where there is none, as `hydromae train` does.

    Args:
        config: the experiment: a configuration, its file or nested mappings.
        overrides: keys to change, as `training.lr=1e-4`.
        go_on: continue the run if it exists already.
        callbacks: take part in the training, in their order.
        on_progress: called while the store is prepared with what is being done and the share that is done.

    Returns:
        The run; `is_finished` in `hydromae.training.runs` says whether training reached its end.

    Raises:
        ConfigError: a key is wrong, or the configuration does not fit the data.
        DataError: the store cannot be made.
        RunError: the output directory already holds a run, or one that was begun otherwise, or the loss is no longer a
            number.
    """
    settings = as_config(config, overrides)
    run = RunDirectory(settings.output_path)
    here = launched()
    # Launchers and batch systems say when they start a job again.
    if going_on := (go_on or here.restarts > 0) and run.config_file.is_file():
        refuse_changes(run, settings)
    elif here.rank == 0:
        run.refuse_taken()
    store = prepare(settings, on_progress)
    return continue_run(run, callbacks) if going_on else new_run(settings, store, callbacks)
