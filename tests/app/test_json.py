"""Tables as JSON, for other programs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from rich.table import Table

from hydromae.app.console import number_or_text, print_table, rows_of
from support.small import small_raw
from support.sources import World

Hydromae = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-0.5", -0.5),
        ("1e-3", 0.001),
        ("09001", "09001"),
        ("", ""),
        ("nan", "nan"),
        ("1 km", "1 km"),
        ("+4", "+4"),
    ],
)
def test_what_is_a_number_is_one_and_an_id_keeps_its_zeros(text: str, value: object) -> None:
    made = number_or_text(text)
    assert made == value and type(made) is type(value)


def test_a_table_is_a_list_of_its_rows(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("station", "area")
    table.add_row("09001", "[120]")
    table.add_row("b" * 300, "4.5")
    print_table(table, as_json=True)
    assert json.loads(capsys.readouterr().out) == [
        {"station": "09001", "area": "[120]"},
        {"station": "b" * 300, "area": 4.5},
    ]
    assert rows_of(["a,b\n1,x\n", "c\n0.5\n"]) == [{"a": 1, "b": "x"}, {"c": 0.5}]


def test_commands_that_print_tables_print_json(hydromae: Hydromae) -> None:
    models = json.loads(hydromae("models", "--json")[1])
    assert models[0]["model"] == "gb" and models[0]["stations"] == 604
    keys = json.loads(hydromae("config", "training.lr", "--json")[1])
    assert keys[0]["key"] == "training.lr" and isinstance(keys[0]["default"], float)
    assert {"base", "gb", "haduk"} <= {
        row["example"] for row in json.loads(hydromae("config", "--examples", "--json")[1])
    }


def test_a_check_is_json_with_its_exit_code(hydromae: Hydromae, world: World) -> None:
    path = world.root.parent / "small.yaml"
    path.write_text(yaml.safe_dump(small_raw(world, world.root.parent / "run")))
    code, output, _ = hydromae("check", path, "--json")
    report = json.loads(output)
    assert report["exit_code"] == code
    assert {row["name"] for row in report["modalities"]} == {"precip", "soil", "evap", "riverflow"}
    assert all(problem["severity"] in ("error", "warning", "note") for problem in report["problems"])


def test_quiet_says_nothing_but_results_and_errors(hydromae: Hydromae, world: World) -> None:
    path = world.root.parent / "small.yaml"
    path.write_text(yaml.safe_dump(small_raw(world, world.root.parent / "run")))
    _, usual, progress = hydromae("check", path)
    _, output, errors = hydromae("-q", "check", path)
    assert "Checking" in progress and errors == "" and output == usual
    assert hydromae("-q", "check", Path("absent.yaml"))[2].startswith("error: absent.yaml: is neither")
