"""Speeds count what was done in the time that was measured, and cost nothing."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from hydromae.store.store import Store
from hydromae.training.build import build_trainer
from hydromae.training.history import History
from hydromae.training.runs import new_run
from hydromae.training.tracking.status import Status
from support.small import small_config
from support.sources import World

Prepared = tuple[World, Store]


def test_a_step_counts_the_windows_and_the_visible_and_hidden_tokens_of_its_batch(
    prepared: Prepared, tmp_path: Path
) -> None:
    trainer = build_trainer(small_config(prepared[0], tmp_path, training={"accumulate": 2}), prepared[1])
    for parts in trainer.batches():
        batches = [trainer.batcher.batch(part, trainer.masker.training(0)) for part in parts if not part.idle]
        expected = sum(
            int(selection.real.sum())
            for batch in batches
            for tokens in batch.tokens.values()
            for selection in (tokens.visible, tokens.target)
        )
        trainer.train_step(parts, 0)
        step = trainer.history.steps[-1]
        assert step.windows == sum(batch.size for batch in batches) and step.tokens == expected > 0
    assert sum(step.windows for step in trainer.history.steps) == 9


def test_speeds_do_not_count_steps_that_were_made_before_the_run_went_on(prepared: Prepared, tmp_path: Path) -> None:
    trainer = build_trainer(small_config(prepared[0], tmp_path), prepared[1])
    parts = next(trainer.batches())
    trainer.train_step(parts, 0)
    state = trainer.history.state(trainer.world)
    trainer.state.history = History.restored(state, trainer.world)
    trainer.train_step(parts, 0)
    record = trainer._training_record(2.0)
    assert record["windows_per_second"] == 4 / 2.0


def test_records_hold_tokens_a_second(prepared: Prepared, tmp_path: Path) -> None:
    run = new_run(small_config(prepared[0], tmp_path / "run"), prepared[1])
    records = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    for record in (record for record in records if record["event"] == "train"):
        assert record["tokens_per_second"] > record["windows_per_second"] > 0


def test_nothing_asks_the_device_for_a_number_in_a_step(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = build_trainer(small_config(prepared[0], tmp_path), prepared[1])
    status = Status(trainer.total_steps)
    batches = list(trainer.batches())
    trainer.train_step(batches[0], 0)  # the optimizer makes its state

    def asked(self: torch.Tensor, *arguments: Any) -> Any:
        pytest.fail("a step waits for the device")

    for name in ("item", "tolist", "numpy", "cpu", "__bool__", "__float__", "__int__"):
        monkeypatch.setattr(torch.Tensor, name, asked)
    for parts in batches[1:]:
        trainer.train_step(parts, 0)
        status.on_step(trainer.progress)
        status.table()
