"""How data.window_mix, exclude_dates, event_share and cache reach a training."""

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hydromae.runs.directory import RunDirectory
from hydromae.store.store import Store
from hydromae.training.build import build_trainer
from hydromae.training.progress import Progress
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

    def stop(progress: Progress) -> None:
        if progress.step == 5:
            stopped_at.append(progress.batch)
            os.kill(os.getpid(), signal.SIGTERM)

    whole = new_run(small_config(prepared[0], tmp_path / "whole", **MIXED), prepared[1])
    stopped = new_run(small_config(prepared[0], tmp_path / "stopped", **MIXED), prepared[1], [OnStep(stop)])
    assert stopped_at and stopped_at[0] > 0  # within an epoch
    assert_equal_runs(continue_run(RunDirectory(stopped.path)), whole, n_records=len(records(whole)))


def test_batches_of_a_training_have_the_configured_lengths_and_their_numbers(
    prepared: Prepared, tmp_path: Path
) -> None:
    trainer = build_trainer(small_config(prepared[0], tmp_path, **MIXED), prepared[1])
    lengths = set()
    for epoch in range(6):
        trainer.order.epoch = epoch
        batches = list(trainer.loader)
        assert [windows.number for windows in batches] == list(range(len(trainer.order)))
        lengths |= {windows.values["soil"].shape[1] for windows in batches}
    assert lengths == {5, 11}
    assert trainer.validation is not None
    assert {(w.values["soil"].shape[1], w.number) for w in trainer.validation} == {(8, 0)}


@pytest.mark.parametrize(("cache", "files"), [("memory", 0), ("none", 4)])
def test_a_training_reads_no_file_of_values_where_they_are_held_in_memory(
    prepared: Prepared, tmp_path: Path, cache: str, files: int
) -> None:
    config = small_config(prepared[0], tmp_path / "run", data={"cache": cache})
    trainer = build_trainer(config, Store.open(prepared[1].path))
    values = [trainer.reader.store.values(name) for name in trainer.store.names]
    assert sum(isinstance(array, np.memmap) for array in values) == files
    assert all(loader.reader is trainer.reader for loader in (trainer.loader, trainer.validation) if loader)


def test_a_run_is_the_same_whether_its_values_are_held_in_memory_or_read_from_the_store(
    prepared: Prepared, tmp_path: Path
) -> None:
    whole, held = (
        new_run(small_config(prepared[0], tmp_path / cache, data={"cache": cache}), prepared[1])
        for cache in ("none", "memory")
    )
    assert_equal_runs(held, whole, n_records=len(records(whole)))
