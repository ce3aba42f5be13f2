from typing import Any

import pytest
from rich.console import Console

from hydromae.training.progress import Progress
from hydromae.training.tracking.status import Status, duration


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def train(step: int, **changes: Any) -> dict[str, Any]:
    rates = {"lr": 2.5e-4, "grad_norm": 1.0, "skipped": 0, "windows_per_second": 12.0, "tokens_per_second": 3456.0}
    losses = {"precip": 0.5, "flow": 0.25}
    return {"event": "train", "step": step, "epoch": step / 10, "loss": 0.75, "losses": losses, **rates, **changes}


def validation(step: int, loss: float) -> dict[str, Any]:
    losses = {"precip": loss - 0.125, "flow": 0.125}
    return {"event": "validation", "step": step, "epoch": step / 10, "loss": loss, "losses": losses}


def shown(status: Status) -> str:
    console = Console(width=100)
    with console.capture() as captured:
        console.print(status.table())
    return captured.get()


def cells(text: str, row: str) -> list[str]:
    return [cell.strip() for line in text.splitlines() if f" {row} " in line for cell in line.split("│")[1:-1]]


def test_the_table_holds_the_newest_losses_of_each_modality_in_training_and_validation() -> None:
    status = Status(100)
    assert "step 0 of 100, time left unknown" in shown(status)
    for record in (train(10), validation(10, 0.625), train(20, losses={"precip": 0.375, "flow": 0.0625}, loss=0.4375)):
        status.on_log(record)
    text = shown(status)
    assert cells(text, "together") == ["together", "0.4375", "0.6250"]
    assert cells(text, "precip") == ["precip", "0.3750", "0.5000"]
    assert cells(text, "flow") == ["flow", "0.0625", "0.1250"]
    assert "epoch 2.00" in text and "learning rate 2.50e-04, 12 windows/s, 3,456 tokens/s" in text


def test_skipped_steps_are_added_up_and_named_only_where_there_are_any() -> None:
    status = Status(100)
    status.on_log(train(10))
    assert "skipped" not in shown(status)
    status.on_log(train(20, skipped=2))
    status.on_log(train(30, skipped=1))
    assert "3 steps skipped" in shown(status)


def test_the_lowest_validation_loss_is_that_of_the_whole_run_also_of_one_that_goes_on() -> None:
    status = Status(100)
    status.on_step(Progress(step=41, best_loss=0.5, best_step=20))
    status.on_log(validation(50, 0.625))
    assert "lowest validation loss 0.5000 at step 20" in shown(status)
    status.on_log(validation(60, 0.375))
    assert "lowest validation loss 0.3750 at step 60" in shown(status)


def test_the_time_left_is_that_of_the_remaining_steps_at_the_speed_of_this_process() -> None:
    clock = Clock()
    status = Status(100, clock)
    for step in (61, 62, 63, 64):  # of a run that goes on from step 60
        clock.now += 2.0
        status.on_step(Progress(step=step))
    assert status.seconds_left == pytest.approx(36 * 2.0)
    assert "step 64 of 100, 0:01:12 left" in shown(status)


def test_a_line_holds_what_the_table_does() -> None:
    clock = Clock()
    status = Status(100, clock)
    clock.now = 1.0
    status.on_step(Progress(step=1))
    status.on_log(train(1))
    assert status.line(train(1)) == (
        "epoch 0.10, step 1 of 100: loss 0.7500   precip 0.5000  flow 0.2500   "
        "learning rate 2.50e-04, 12 windows/s, 3,456 tokens/s, 0:01:39 left"
    )
    assert status.line(validation(10, 0.5)) == (
        "epoch 1.00, step 10 of 100: validation 0.5000   precip 0.3750  flow 0.1250"
    )


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.0, "0:00:00"), (59.6, "0:01:00"), (3723.0, "1:02:03"), (360000.0, "100:00:00")]
)
def test_a_duration_is_hours_minutes_and_seconds(seconds: float, words: str) -> None:
    assert duration(seconds) == words
