"""How data.window_mix, exclude_dates, event_share and cache reach a training."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from hydromae.runs.directory import RunDirectory
from hydromae.store import cache
from hydromae.store.store import Store
from hydromae.training.loop import Listener, Progress, Trainer
from hydromae.training.runs import continue_run, new_run
from support.equal import assert_equal_runs, records
from support.small import small_config
from support.sources import World

Prepared = tuple[World, Store]

MIXED: dict[str, Any] = {
    "data": {
        "window_mix": {5: 1.0, 11: 2.0},
        "exclude_dates": ["2001-02-11", ["2001-06-20", "2001-06-22"]],
        "event_share": 0.4,
        "event_modality": "riverflow",
    },
    "masking": {"strategies": {"random": 1.0, "span": 1.0}},
    "training": {"epochs": 3, "workers": 2},
    "logging": {"log_every": 2, "keep": 2},
}


@pytest.mark.slow
def test_a_resumed_run_with_mixed_lengths_events_and_workers_equals_an_uninterrupted_one(
    prepared: Prepared, tmp_path: Path
) -> None:
    stopped_at: list[int] = []

    def stop(total: int) -> Listener:
        def on_step(progress: Progress) -> None:
            if progress.step == 5:
                stopped_at.append(progress.batch)
                os.kill(os.getpid(), signal.SIGTERM)

        return Listener(on_step)

    whole = new_run(small_config(prepared[0], tmp_path / "whole", **MIXED), prepared[1])
    stopped = new_run(small_config(prepared[0], tmp_path / "stopped", **MIXED), prepared[1], stop)
    assert stopped_at and stopped_at[0] > 0  # within an epoch
    assert_equal_runs(continue_run(RunDirectory(stopped.path)), whole, n_records=len(records(whole)))


def test_batches_of_a_training_have_the_configured_lengths_and_their_numbers(
    prepared: Prepared, tmp_path: Path
) -> None:
    trainer = Trainer(small_config(prepared[0], tmp_path, **MIXED), prepared[1], None)
    lengths = set()
    for epoch in range(6):
        trainer.order.epoch = epoch
        batches = list(trainer.loader)
        assert [windows.number for windows in batches] == list(range(len(trainer.order)))
        lengths |= {windows.values["soil"].shape[1] for windows in batches}
    assert lengths == {5, 11}
    assert trainer.validation is not None
    assert {(w.values["soil"].shape[1], w.number) for w in trainer.validation} == {(8, 0)}


@pytest.mark.parametrize("wanted", ["auto", "none"])
def test_a_training_reads_from_shared_memory_if_wanted_and_leaves_nothing_there(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    folder, read = tmp_path / "shm", []
    folder.mkdir()
    monkeypatch.setattr(cache, "SHARED_MEMORY", folder)
    config = small_config(prepared[0], tmp_path / "run", data={"cache": wanted})
    trainer = Trainer(config, Store.open(prepared[1].path), None)
    whole = config.model_copy(update={"model": trainer.model.config})
    trainer.run = RunDirectory.create(whole, prepared[1])

    def on_step(progress: Progress) -> None:
        read.append(str(trainer.loader.reader.store.values("precip").filename))

    trainer.listener = Listener(on_step)
    original = trainer.loader.reader.store
    assert trainer.fit()
    assert len(read) == 6 and all(name.startswith(str(folder)) == (wanted == "auto") for name in read)
    assert trainer.loader.reader.store is original and list(folder.iterdir()) == []
