import os
import signal
from pathlib import Path
from typing import Any

import pytest

from hydromae.base.errors import ConfigError
from hydromae.runs.directory import RunDirectory
from hydromae.store.store import Store
from hydromae.training.build import build_trainer
from hydromae.training.early_stopping import note_validation, out_of_patience
from hydromae.training.progress import Progress
from hydromae.training.runs import continue_run, is_finished, new_run
from support.callbacks import OnStep
from support.equal import assert_equal_runs, newest
from support.records import records_of
from support.small import small_config
from support.sources import World

Prepared = tuple[World, Store]
# So low a learning rate that no weight changes: the first epoch's loss is never undercut.
TRAINING = {"epochs": 6, "patience": 2, "lr": 1e-30}
LOGGING = {"images": False, "tensorboard": False, "log_every": 3}


def config_of(prepared: Prepared, path: Path, **training: Any) -> Any:
    return small_config(prepared[0], path, training={**TRAINING, **training}, logging=LOGGING)


def validations(run: RunDirectory) -> list[float]:
    every = records_of(run)
    return [record["loss"] for record in every if record["event"] == "validation"]


@pytest.fixture(scope="module")
def stopped(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return new_run(config_of(prepared, tmp_path_factory.mktemp("stopped") / "run"), prepared[1])


def test_epochs_are_counted_since_the_lowest_loss() -> None:
    progress = Progress()
    lowest = [note_validation(progress, loss) for loss in (3.0, 2.0, 2.0, 2.5)]
    assert lowest == [True, True, False, False] and progress.waited == 2 and progress.best_loss == 2.0
    assert out_of_patience(progress, 2) and not out_of_patience(progress, 3) and not out_of_patience(progress, None)
    assert note_validation(progress, 1.0) and progress.waited == 0


def test_training_ends_after_patience_epochs_without_a_lower_loss(stopped: RunDirectory) -> None:
    # The last checkpoint is of before the last validation.
    losses, progress = validations(stopped), newest(stopped)["progress"]
    assert len(losses) == 3 == len([loss for loss in losses if loss == losses[0]])
    assert progress["waited"] == 1 and progress["epoch"] == 3 and is_finished(stopped)
    assert progress["best_step"] == 3 and progress["step"] == 9
    assert stopped.read_json("summary.json")["stopped"] == "patience"


def test_without_patience_training_goes_on(prepared: Prepared, tmp_path: Path) -> None:
    run = new_run(config_of(prepared, tmp_path / "run", patience=None, epochs=4), prepared[1])
    assert len(validations(run)) == 4 and newest(run)["progress"]["stopped"] is None


@pytest.mark.slow
@pytest.mark.parametrize("steps_before", [1, 4])
def test_a_run_that_was_interrupted_ends_where_it_would_have(
    prepared: Prepared, stopped: RunDirectory, tmp_path: Path, steps_before: int
) -> None:
    last = newest(stopped)["progress"]["step"]

    def ask(progress: Progress) -> None:
        if progress.step == last - steps_before:
            os.kill(os.getpid(), signal.SIGTERM)

    run = RunDirectory(tmp_path / "run")
    new_run(config_of(prepared, run.path), prepared[1], [OnStep(ask)])
    assert not is_finished(run)
    continue_run(run)
    assert_equal_runs(run, stopped, n_records=2 * len(validations(stopped)))


def test_a_run_killed_after_its_last_checkpoint_trains_no_more(
    prepared: Prepared, stopped: RunDirectory, tmp_path: Path
) -> None:
    run = RunDirectory(tmp_path / "run")
    new_run(config_of(prepared, run.path), prepared[1])
    (run.path / "summary.json").unlink()
    before = newest(run)["progress"]["step"]
    continue_run(run)
    assert is_finished(run) and newest(run)["progress"]["step"] == before
    assert_equal_runs(run, stopped, n_records=2 * len(validations(stopped)))


def test_patience_without_a_validation_period_is_refused(prepared: Prepared, tmp_path: Path) -> None:
    config = config_of(prepared, tmp_path / "run")
    config = config.model_copy(update={"data": config.data.model_copy(update={"val": None})})
    with pytest.raises(
        ConfigError, match=r"training\.patience is 2, but there is no validation period; give data\.val"
    ):
        build_trainer(config, prepared[1])
