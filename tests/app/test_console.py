import io
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from hydromae.app.console import Stages, fail, score_table
from hydromae.app.output import Output
from hydromae.base.errors import RunError
from hydromae.config import LoggingConfig
from hydromae.evaluation.scores import Scores
from hydromae.training.callback import Beginning
from hydromae.training.progress import Progress

GRID = {"kind": "grid", "measure": "land cells", "values": 10}
SCORES = Scores.model_validate(
    {
        "split": "val",
        "period": ["2009-01-01", "2010-12-31"],
        "windows": 3,
        "modalities": {
            "precip": {**GRID, "units": "mm/d", "mse": {"model": 2.0, "mean": 4.0, "nearest_day": 1.0}},
            "soil": {**GRID, "units": "1", "mse": {"model": 1.0, "mean": 8.0, "nearest_day": 4.0}},
            "evap": {**GRID, "units": "mm/d", "mse": {"model": None, "mean": None, "nearest_day": None}},
        },
    }
)


def test_the_table_says_what_is_gained_and_what_is_lost_on_each_fill() -> None:
    console = Console(width=120)
    with console.capture() as captured:
        console.print(score_table(SCORES))
    precip = next(line for line in captured.get().splitlines() if "precip" in line)
    assert [cell.strip() for cell in precip.split("│")[1:-1]] == [
        "precip",
        "(mm/d)²",
        "2",
        "4",
        "1",
        "+50 %",
        "-100 %",
    ]


def test_an_error_is_printed_whole_with_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    message = f"[bold]{'a long path/' * 30}file.h5: wrong"
    with pytest.raises(SystemExit) as ended:
        fail(message)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


LINES = [
    "Preparing",
    "Training: 4 steps",
    "epoch 1.00, step 2 of 4: loss 0.5000   precip 0.5000   learning rate 1.00e-03, 5 windows/s, 60 tokens/s",
    "warning: [bold] is no markup",
    "epoch 2.00, step 4 of 4: validation 0.2500   precip 0.2500",
]


def record(event: str, step: int, loss: float) -> dict[str, Any]:
    speeds = {"lr": 1e-3, "skipped": 0, "windows_per_second": 5.0, "tokens_per_second": 60.0}
    return {"event": event, "step": step, "epoch": step / 2, "loss": loss, "losses": {"precip": loss}} | (
        speeds if event == "train" else {}
    )


def trained(monkeypatch: pytest.MonkeyPatch, terminal: bool, speaks: bool = True, **settings: Any) -> str:
    """What is written to the console by a command that trains."""
    written = io.StringIO()
    shown = Output(file=written, force_terminal=terminal, width=160, _environ={})
    monkeypatch.setattr("hydromae.app.console.messages", shown)
    with Stages(LoggingConfig(**settings), speaks) as stages:
        stages.stage("Preparing: a file", 0.5)
        stages.stage("Preparing", 1.0)
        stages.on_start(Beginning(step=0, total_steps=4))
        stages.on_step(Progress(step=2))
        stages.on_log(record("train", 2, 0.5))
        logging.getLogger("hydromae.anything").warning("%s is no markup", "[bold]")
        stages.on_step(Progress(step=4))
        stages.on_log(record("validation", 4, 0.25))
    return written.getvalue()


def plain_lines(text: str) -> list[str]:
    return [re.sub(r", \d+:\d\d:\d\d left$", "", line) for line in text.splitlines()]


def test_a_terminal_shows_one_table_that_changes_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    text = trained(monkeypatch, terminal=True)
    assert "loss 0.5000" not in text and text.count("\x1b[1A\x1b[2K") > 10  # up a line and erase it
    last = re.split(r"(?:\x1b\[(?:1A|2K))+", text)[-1]
    assert last.count("step 4 of 4") == 1 and "0.5000" in last and "0.2500" in last and "60 tokens/s" in last
    assert "validation 0.2500" not in text.replace("lowest validation loss", "")
    assert "warning: [bold] is no markup" in text


@pytest.mark.parametrize(("terminal", "console"), [(False, "live"), (False, "lines"), (True, "lines")])
def test_elsewhere_and_where_asked_for_each_record_is_a_line(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, console: str
) -> None:
    text = trained(monkeypatch, terminal, console=console)
    assert plain_lines(text) == LINES and "\x1b" not in text


@pytest.mark.parametrize("terminal", [False, True])
def test_quiet_says_nothing_but_errors(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], terminal: bool
) -> None:
    assert trained(monkeypatch, terminal, console="quiet") == ""
    monkeypatch.undo()
    with pytest.raises(SystemExit):
        fail("wrong")
    captured = capsys.readouterr()
    assert "error: wrong" in captured.err and captured.err.count("\n") == 1


@pytest.mark.parametrize("console", ["live", "lines", "quiet"])
def test_the_log_file_gets_every_line_with_its_time_and_is_added_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, console: str
) -> None:
    path = tmp_path / "log.txt"
    for _ in range(2):
        trained(monkeypatch, True, console=console, log_file=str(path))
    found = [re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (.*)", line) for line in path.read_text().splitlines()]
    assert plain_lines("\n".join(match[1] if match else "no time" for match in found)) == LINES * 2


def test_the_log_file_says_what_ended_a_command(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    with pytest.raises(RunError), Stages(LoggingConfig(log_file=str(path), console="quiet")):
        raise RunError("run: the loss is no number")
    assert path.read_text().endswith("ended by RunError: run: the loss is no number\n")


def test_a_process_beside_the_first_says_nothing_and_writes_no_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "log.txt"
    assert trained(monkeypatch, terminal=False, speaks=False, log_file=str(path)) == ""
    assert not path.exists()


def test_warnings_are_said_by_others_once_a_command_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    before = list(logging.getLogger("hydromae").handlers)
    trained(monkeypatch, terminal=False)
    assert logging.getLogger("hydromae").handlers == before
