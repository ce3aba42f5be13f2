import pytest
from rich.console import Console

from hydromae.console import fail, score_table
from hydromae.evaluation.scores import Scores

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
