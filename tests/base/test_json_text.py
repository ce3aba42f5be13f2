"""What is written as JSON is JSON: a number that is not finite is null."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from hydromae.base.json_text import json_text, or_null
from hydromae.runs.checked_lines import CHECK
from hydromae.runs.directory import RunDirectory
from hydromae.training.records import Records

PACKAGE = Path(__file__).parents[2] / "src" / "hydromae"
# What is hashed is no file, and must stay as it was: stores and results are known again by it.
HASHED = {"benchmark/run.py": 1, "results/merge.py": 1, "store/description.py": 1, "base/json_text.py": 2,
          "runs/pretrained.py": 1}  # fmt: skip
HANDED_ON = {"readers/zarr_places.py": 3}  # what was read of a Zarr group, given to zarr as it was


def strict(text: str) -> Any:
    def refuse(name: str) -> None:
        raise ValueError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_numbers_that_are_not_finite_are_null_at_any_depth() -> None:
    given = {"a": math.nan, "b": [1.5, -math.inf, {"c": (math.inf, 2)}], "d": "nan", "e": np.float64("nan"), "f": True}
    expected = {"a": None, "b": [1.5, None, {"c": [None, 2]}], "d": "nan", "e": None, "f": True}
    assert strict(json_text(given)) == or_null(given) == expected
    assert strict(json_text(given, indent=1)) == expected


def test_records_and_small_files_of_a_run_hold_null(tmp_path: Path) -> None:
    records = Records(tmp_path / "metrics.jsonl")
    records.on_log({"event": "train", "loss": math.nan, "losses": {"flow": math.inf, "rain": 0.5}})
    written = strict(records.path.read_text())
    assert written.pop(CHECK) and written == {"event": "train", "loss": None, "losses": {"flow": None, "rain": 0.5}}
    RunDirectory(tmp_path).write_json("scores.json", {"mse": math.nan})
    assert strict((tmp_path / "scores.json").read_text())["mse"] is None


def test_nothing_is_written_past_it() -> None:
    found: dict[str, int] = {}
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        count = text.count("json.dump(") + text.count("json.dumps(")
        if count:
            found[path.relative_to(PACKAGE).as_posix()] = count
    assert found == HASHED | HANDED_ON, "what is written as JSON goes through hydromae.base.json_text"
