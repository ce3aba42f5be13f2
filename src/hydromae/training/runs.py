"""Starting a run and continuing one."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

import torch

from hydromae.base.errors import RunError
from hydromae.base.locks import locked
from hydromae.base.version import VERSION
from hydromae.config import Config
from hydromae.config.read import with_absolute_start
from hydromae.runs.checkpoint import load_newest, taking_up
from hydromae.runs.directory import RunDirectory
from hydromae.runs.seen import BEFORE, before_of
from hydromae.store.store import Store
from hydromae.training.build import build_trainer
from hydromae.training.callback import Callback, Callbacks
from hydromae.training.loop import Trainer
from hydromae.training.records import Records
from hydromae.training.tracking.configured import check_tracking, tracking
from hydromae.training.world import World


def new_run(config: Config, store: Store, callbacks: Iterable[Callback] = ()) -> RunDirectory:
    """Train a new model.

    Args:
        config: the experiment.
        store: its data.
        callbacks: take part in the training, in their order.

    Returns:
        The run directory; `is_finished` says whether training reached its end.

    Raises:
        RunError: the output directory already holds a run, or another process trains in it, or the loss is no longer a
            number.
        ConfigError: the configuration does not fit the data.
    """
    check_tracking(config)
    # Checkpoints hold the same configuration as the run directory.
    config = with_absolute_start(config)
    # The trainer comes first: if it refuses the configuration, no run directory is left behind.
    trainer = build_trainer(config, store, callbacks=callbacks)
    whole = config.model_copy(update={"model": trainer.model.config})
    trainer.run = RunDirectory(config.output_path)
    with _alone_in(trainer.run, trainer.world):
        trainer.world.main_alone(lambda: RunDirectory.create(whole, store))
        return _fit(trainer, trainer.run)


def continue_run(run: RunDirectory, callbacks: Iterable[Callback] = ()) -> RunDirectory:
    """Continue a run from its newest checkpoint, as if it had never stopped; a finished one is left as it is.

    Args:
        run: its directory.
        callbacks: take part in the training, in their order.

    Raises:
        RunError: its data or its checkpoints cannot be used, or another process trains in it.
    """
    if is_finished(run):
        return run
    check_tracking(run.config())
    state = load_newest(run.checkpoints, torch.device("cpu")) if any(run.checkpoints.glob("step_*.pt")) else None
    with taking_up(run.checkpoints):
        batch = None if state is None else int(state["batch"])
    trainer = build_trainer(run.config(), run.store(), run, callbacks=callbacks, batch=batch)
    if state is not None:
        with taking_up(run.checkpoints):
            trainer.restore(state)
        # The run that it started from was read when it began, and may no longer exist.
        trainer.model.trained_on = {**trainer.model.trained_on, BEFORE: before_of(run)}
    with _alone_in(run, trainer.world):
        return _fit(trainer, run)


def is_finished(run: RunDirectory) -> bool:
    """Whether training reached its end."""
    return (run.path / "summary.json").is_file()


@contextmanager
def _alone_in(run: RunDirectory, world: World) -> Iterator[None]:
    """Let no second training into a run directory meanwhile; the lock ends with its process, however that ends.

    Raises:
        RunError: another process trains in it; raised in all processes.
    """

    def refuse() -> None:
        raise RunError(f"{run.path}: another process trains there; wait for its end, or give another output=")

    with ExitStack() as held:
        world.main_alone(lambda: held.enter_context(locked(run.path, refuse)))
        yield


def _fit(trainer: Trainer, run: RunDirectory) -> RunDirectory:
    records = [Records(run.metrics, trainer.progress.lines)] if trainer.world.is_main else []
    trainer.callbacks = Callbacks([*records, *trainer.callbacks.all, *tracking(trainer)])
    if trainer.fit() and trainer.world.is_main:
        parameters = sum(p.numel() for p in trainer.model.parameters())
        run.write_json(
            "summary.json",
            {
                "parameters": parameters,
                "seconds": round(trainer.progress.seconds, 1),
                "steps": trainer.progress.step,
                "stopped": trainer.progress.stopped or "epochs",
                "device": trainer.device.type,
                "processes": trainer.world.size,
                "version": VERSION,
            },
        )
    trainer.world.barrier()
    return run
