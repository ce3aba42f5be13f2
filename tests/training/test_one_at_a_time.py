from pathlib import Path

import pytest

from hydromae.base.errors import RunError
from hydromae.runs.directory import RunDirectory
from hydromae.store.store import Store
from hydromae.training.progress import Progress
from hydromae.training.runs import continue_run, is_finished, new_run
from support.callbacks import OnStep
from support.small import small_config
from support.sources import World

Prepared = tuple[World, Store]


def test_a_second_training_into_a_run_directory_is_refused_while_the_first_is_in_it(
    prepared: Prepared, tmp_path: Path
) -> None:
    config = small_config(prepared[0], tmp_path / "run")
    other = small_config(prepared[0], tmp_path / "run", training={"lr": 0.5})
    tried = []

    def meanwhile(progress: Progress) -> None:
        if progress.step == 1:  # before there is a checkpoint that would stand in the way
            for second in (lambda: new_run(other, prepared[1]), lambda: continue_run(RunDirectory.open(config.output))):
                with pytest.raises(RunError, match="run: another process trains there; wait for its end, or give"):
                    second()
                tried.append(progress.step)

    run = new_run(config, prepared[1], [OnStep(meanwhile)])
    assert tried == [1, 1] and is_finished(run) and run.config().training.lr == config.training.lr
    assert not list(tmp_path.glob(".*"))
