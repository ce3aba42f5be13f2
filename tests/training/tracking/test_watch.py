"""What follows a training neither ends it nor changes it."""

import json
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from hydromae.base.files import sha256
from hydromae.runs.directory import RunDirectory
from hydromae.store.store import Store
from hydromae.training.listener import Listener, Progress
from hydromae.training.loop import Trainer
from hydromae.training.runs import continue_run, is_finished, new_run
from hydromae.training.tracking import watch as watching
from hydromae.training.tracking.pictures import Pictures
from hydromae.training.tracking.watch import Watch, watched
from support.small import small_config
from support.sources import World

Prepared = tuple[World, Store]
ON = {"tensorboard": True, "images": True}


class Broken:
    """A tracker of a server that is down."""

    def __init__(self) -> None:
        self.calls = 0

    def record(self, record: Any) -> None:
        self.fail()

    def picture(self, name: str, picture: Any, step: int) -> None:
        self.fail()

    def close(self) -> None:
        self.fail()

    def fail(self) -> None:
        self.calls += 1
        raise OSError(28, "No space left on device")


class Kept:
    def __init__(self) -> None:
        self.records: list[Any] = []
        self.pictures: dict[int, Any] = {}
        self.closed = False

    def record(self, record: Any) -> None:
        self.records.append(record)

    def picture(self, name: str, picture: Any, step: int) -> None:
        self.pictures[step] = picture

    def close(self) -> None:
        self.closed = True


def stop_at(step: int) -> Callable[[int], Listener]:
    def on_step(progress: Progress) -> None:
        if progress.step == step:
            os.kill(os.getpid(), signal.SIGTERM)

    return lambda total: Listener(on_step)


def validation(step: int) -> dict[str, Any]:
    return {"event": "validation", "step": step, "epoch": 1.0, "loss": 0.5, "losses": {"precip": 0.5}}


def test_a_tracker_that_fails_is_told_of_once_and_the_run_ends_as_it_would(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken, kept = Broken(), Kept()
    monkeypatch.setattr(watching, "make_trackers", lambda *arguments: [broken, kept])
    with caplog.at_level(logging.WARNING):
        run = new_run(small_config(prepared[0], tmp_path / "run", logging={"images": True}), prepared[1])
    assert is_finished(run) and broken.calls > 3 and kept.closed
    assert [record.getMessage() for record in caplog.records] == [
        "Broken: [Errno 28] No space left on device; the training goes on"
    ]
    assert kept.records == [json.loads(line) for line in run.metrics.read_text().splitlines()]
    assert list(kept.pictures) == [3, 6]


def test_a_picture_that_cannot_be_drawn_or_written_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    def draw(step: int) -> np.ndarray:
        raise OSError("disk full")

    kept = Kept()
    watch = Watch([kept], draw)
    with caplog.at_level(logging.WARNING):
        for step in (1, 2):
            watch.on_record(validation(step))
    assert [record["step"] for record in kept.records] == [1, 2] and not kept.pictures
    assert len(caplog.records) == 1 and "disk full" in caplog.text


def test_a_tracker_that_cannot_begin_is_left_out(
    prepared: Prepared, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = small_config(prepared[0], tmp_path / "run", logging={"tensorboard": True}, training={"epochs": 1})

    def block(total: int) -> Listener:
        (tmp_path / "run" / "tensorboard").write_text("in the way")
        return Listener()

    with caplog.at_level(logging.WARNING):
        run = new_run(config, prepared[1], block)
    assert is_finished(run) and "TensorBoard cannot begin" in caplog.text


@pytest.mark.slow
def test_a_run_that_is_followed_equals_one_that_is_not_bit_for_bit_also_when_it_was_stopped(
    prepared: Prepared, tmp_path: Path
) -> None:
    def trained(name: str, changes: dict[str, Any], step: int | None) -> RunDirectory:
        config = small_config(prepared[0], tmp_path / name, logging=changes)
        if step is None:
            return new_run(config, prepared[1])
        new_run(config, prepared[1], stop_at(step))
        return continue_run(RunDirectory.open(tmp_path / name))

    plain, followed, stopped = trained("a", {}, None), trained("b", ON, None), trained("c", ON, 4)
    newest = [torch.load(sorted(run.checkpoints.glob("*.pt"))[-1], weights_only=True) for run in (plain, followed)]
    assert torch.equal(newest[0]["random"][0]["cpu"], newest[1]["random"][0]["cpu"])
    assert len({sha256(run.model / "model.safetensors") for run in (plain, followed, stopped)}) == 1
    assert not (plain.path / "tensorboard").exists() and not (plain.path / "images").exists()
    names = ["step_00000003.png", "step_00000006.png"]
    for run in (followed, stopped):
        assert sorted(path.name for path in (run.path / "images").iterdir()) == names
        events = EventAccumulator(str(run.path / "tensorboard")).Reload()
        written = [json.loads(line) for line in run.metrics.read_text().splitlines()]
        for event in ("train", "validation"):
            expected = [(r["step"], pytest.approx(r["losses"]["soil"])) for r in written if r["event"] == event]
            assert [(e.step, e.value) for e in events.Scalars(f"{event}/soil")] == expected
        assert [image.step for image in events.Images("reconstruction")] == [3, 6]
    for name in names:
        pictures = [np.asarray(Image.open(run.path / "images" / name)) for run in (followed, stopped)]
        assert np.array_equal(*pictures)
    assert not np.array_equal(*(np.asarray(Image.open(followed.path / "images" / name)) for name in names))


def test_pictures_draw_no_random_number_and_leave_the_model_as_it_was(prepared: Prepared, tmp_path: Path) -> None:
    trainer = Trainer(small_config(prepared[0], tmp_path), prepared[1], None)
    pictures = Pictures.of(trainer, tmp_path)
    assert pictures is not None
    for training in (True, False):
        trainer.model.train(training)
        before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
        weights = {name: value.clone() for name, value in trainer.model.state_dict().items()}
        first, second = pictures.draw(3), pictures.draw(3)
        assert np.array_equal(first, second) and first.std() > 10
        assert torch.equal(torch.get_rng_state(), before)
        assert np.array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002
        assert trainer.model.training is training
        assert all(torch.equal(value, weights[name]) for name, value in trainer.model.state_dict().items())
        assert all(parameter.grad is None for parameter in trainer.model.parameters())


def test_a_run_that_goes_on_deletes_the_pictures_of_later_steps_alone(prepared: Prepared, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for name in ("step_00000003.png", "step_00000006.png", "step_mine.png", "mine.png"):
        (images / name).touch()
    trainer = Trainer(small_config(prepared[0], tmp_path / "run"), prepared[1], None)
    trainer.progress.step = 5
    Pictures.of(trainer, tmp_path)
    assert sorted(path.name for path in images.iterdir()) == ["mine.png", "step_00000003.png", "step_mine.png"]


def test_the_window_lies_in_the_validation_period_without_excluded_days(prepared: Prepared, tmp_path: Path) -> None:
    world, store = prepared
    period = store.period_slice("val")
    first = store.days[period.start].item()
    for exclude in ([], [str(store.days[period.start + 20])]):
        config = small_config(world, tmp_path, data={"exclude_dates": exclude})
        pictures = Pictures.of(Trainer(config, store, None), tmp_path)
        assert pictures is not None and pictures.days == 8
        days = {str(day) for day in store.days[pictures.start : pictures.start + pictures.days]}
        assert len(days) == 8 and min(days) >= str(first) and max(days) <= str(store.days[period.stop - 1])
        assert not days & set(exclude)
    without = small_config(world, tmp_path).model_copy(
        update={"data": small_config(world, tmp_path).data.model_copy(update={"val": None})}
    )
    assert Pictures.of(Trainer(without, store, None), tmp_path) is None


def test_only_the_first_process_follows_a_run(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "make_trackers", lambda *arguments: pytest.fail("a tracker beside the first process"))
    trainer = Trainer(small_config(prepared[0], tmp_path, logging=ON), prepared[1], RunDirectory(tmp_path))
    object.__setattr__(trainer.world, "rank", 1)
    shown = Listener()
    with watched(trainer, shown) as listener:
        assert listener is shown
    assert not any(tmp_path.iterdir())


def test_with_a_model_that_is_spread_there_are_no_pictures_and_that_is_said(
    prepared: Prepared, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trainer = Trainer(small_config(prepared[0], tmp_path), prepared[1], None)
    trainer.engine.spread = True
    with caplog.at_level(logging.WARNING):
        assert Pictures.of(trainer, tmp_path) is None
    assert "fsdp" in caplog.text
