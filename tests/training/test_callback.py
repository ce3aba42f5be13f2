"""What follows a training neither ends it nor changes it."""

import logging
import os
import signal
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
from hydromae.training.build import build_trainer
from hydromae.training.callback import Beginning, Callback
from hydromae.training.progress import Progress
from hydromae.training.runs import continue_run, is_finished, new_run
from hydromae.training.tracking.configured import tracking
from hydromae.training.tracking.pictures import Pictures
from support.callbacks import OnStep
from support.records import records_of
from support.small import small_config
from support.sources import World

Prepared = tuple[World, Store]
ON = {"tensorboard": True, "images": True}


class Broken(Callback):
    """A tracker of a server that is down."""

    optional = True

    def __init__(self) -> None:
        self.calls = 0

    def on_log(self, record: Any) -> None:
        self.fail()

    def on_picture(self, name: str, picture: Any, step: int) -> None:
        self.fail()

    def on_end(self) -> None:
        self.fail()

    def fail(self) -> None:
        self.calls += 1
        raise OSError(28, "No space left on device")


class Kept(Callback):
    def __init__(self) -> None:
        self.records: list[Any] = []
        self.pictures: dict[int, Any] = {}
        self.ended = False

    def on_log(self, record: Any) -> None:
        self.records.append(record)

    def on_picture(self, name: str, picture: Any, step: int) -> None:
        self.pictures[step] = picture

    def on_end(self) -> None:
        self.ended = True


def stop_at(step: int) -> list[OnStep]:
    def on_step(progress: Progress) -> None:
        if progress.step == step:
            os.kill(os.getpid(), signal.SIGTERM)

    return [OnStep(on_step)]


def test_what_is_optional_and_fails_is_said_once_and_the_run_ends_as_it_would(
    prepared: Prepared, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken, kept = Broken(), Kept()
    config = small_config(prepared[0], tmp_path / "run", logging={"images": True})
    with caplog.at_level(logging.WARNING):
        run = new_run(config, prepared[1], [broken, kept])
    assert is_finished(run) and broken.calls > 3 and kept.ended
    assert [record.getMessage() for record in caplog.records] == [
        "Broken: [Errno 28] No space left on device; the training goes on"
    ]
    assert kept.records == records_of(run)
    assert list(kept.pictures) == [3, 6]


def test_a_picture_that_cannot_be_drawn_is_said_once_and_the_run_goes_on(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def draw(pictures: Pictures, step: int) -> np.ndarray:
        raise OSError("disk full")

    monkeypatch.setattr(Pictures, "draw", draw)
    kept = Kept()
    with caplog.at_level(logging.WARNING):
        run = new_run(small_config(prepared[0], tmp_path / "run", logging={"images": True}), prepared[1], [kept])
    assert is_finished(run) and len(kept.records) == 6 and not kept.pictures
    assert [record.getMessage() for record in caplog.records] == ["Pictures: disk full; the training goes on"]


def test_a_tracker_that_cannot_begin_is_left_out(
    prepared: Prepared, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = small_config(prepared[0], tmp_path / "run", logging={"tensorboard": True}, training={"epochs": 1})

    class Block(Callback):
        def on_start(self, beginning: Beginning) -> None:
            (tmp_path / "run" / "tensorboard").write_text("in the way")

    with caplog.at_level(logging.WARNING):
        run = new_run(config, prepared[1], [Block()])
    assert is_finished(run) and "TensorBoard cannot begin" in caplog.text and len(caplog.records) == 1


def test_an_error_of_a_callback_that_is_not_optional_ends_the_training_and_every_callback_is_told_of_the_end(
    prepared: Prepared, tmp_path: Path
) -> None:
    def fail(progress: Progress) -> None:
        raise ZeroDivisionError

    kept = Kept()
    with pytest.raises(ZeroDivisionError):
        new_run(small_config(prepared[0], tmp_path / "run"), prepared[1], [OnStep(fail), kept])
    assert kept.ended and not kept.records and not is_finished(RunDirectory(tmp_path / "run"))


def test_callbacks_are_called_in_their_order_with_what_is_known_at_the_start(
    prepared: Prepared, tmp_path: Path
) -> None:
    calls: list[Any] = []

    class Noted(Callback):
        def __init__(self, name: str) -> None:
            self.name = name

        def on_start(self, beginning: Beginning) -> None:
            calls.append((self.name, "start", beginning.step, beginning.total_steps, beginning.start))

        def on_step(self, progress: Progress) -> None:
            calls.append((self.name, progress.step))

        def on_end(self) -> None:
            calls.append((self.name, "end"))

    new_run(small_config(prepared[0], tmp_path / "run"), prepared[1], [Noted("a"), Noted("b")])
    starts = [("a", "start", 0, 6, None), ("b", "start", 0, 6, None)]
    steps = [(name, step) for step in range(1, 7) for name in "ab"]
    assert calls == [*starts, *steps, ("a", "end"), ("b", "end")]


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
        written = records_of(run)
        for event in ("train", "validation"):
            expected = [(r["step"], pytest.approx(r["losses"]["soil"])) for r in written if r["event"] == event]
            assert [(e.step, e.value) for e in events.Scalars(f"{event}/soil")] == expected
        assert [image.step for image in events.Images("reconstruction")] == [3, 6]
    for name in names:
        pictures = [np.asarray(Image.open(run.path / "images" / name)) for run in (followed, stopped)]
        assert np.array_equal(*pictures)
    assert not np.array_equal(*(np.asarray(Image.open(followed.path / "images" / name)) for name in names))


def test_pictures_draw_no_random_number_and_leave_the_model_as_it_was(prepared: Prepared, tmp_path: Path) -> None:
    trainer = build_trainer(small_config(prepared[0], tmp_path), prepared[1])
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
    trainer = build_trainer(small_config(prepared[0], tmp_path / "run"), prepared[1])
    pictures = Pictures.of(trainer, tmp_path)
    assert pictures is not None
    pictures.on_start(Beginning(step=5, total_steps=6))
    assert sorted(path.name for path in images.iterdir()) == ["mine.png", "step_00000003.png", "step_mine.png"]


def test_the_window_lies_in_the_validation_period_without_excluded_days(prepared: Prepared, tmp_path: Path) -> None:
    world, store = prepared
    period = store.period_slice("val")
    first = store.days[period.start].item()
    for exclude in ([], [str(store.days[period.start + 20])]):
        config = small_config(world, tmp_path, data={"exclude_dates": exclude})
        pictures = Pictures.of(build_trainer(config, store), tmp_path)
        assert pictures is not None and pictures.days == 8
        days = {str(day) for day in store.days[pictures.start : pictures.start + pictures.days]}
        assert len(days) == 8 and min(days) >= str(first) and max(days) <= str(store.days[period.stop - 1])
        assert not days & set(exclude)
    without = small_config(world, tmp_path).model_copy(
        update={"data": small_config(world, tmp_path).data.model_copy(update={"val": None})}
    )
    assert Pictures.of(build_trainer(without, store), tmp_path) is None


def test_only_the_first_process_follows_a_run(prepared: Prepared, tmp_path: Path) -> None:
    config = small_config(prepared[0], tmp_path, logging=ON)
    trainer = build_trainer(config, prepared[1], RunDirectory(tmp_path))
    assert [type(callback).__name__ for callback in tracking(trainer)] == ["TensorBoard", "Pictures"]
    object.__setattr__(trainer.world, "rank", 1)
    assert tracking(trainer) == []


def test_with_a_model_that_is_spread_there_are_no_pictures_and_that_is_said(
    prepared: Prepared, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trainer = build_trainer(small_config(prepared[0], tmp_path), prepared[1])
    trainer.engine.spread = True
    with caplog.at_level(logging.WARNING):
        assert Pictures.of(trainer, tmp_path) is None
    assert "fsdp" in caplog.text
