"""Runs that say what they were trained on."""

import json
from pathlib import Path
from typing import Any

EARLIER = {"run": "first", "period": ["1990-01-01", "1999-12-31"], "stations": ["9", "10"]}


def run_of(path: Path, start: Path | str | None, trained_on: dict[str, Any] | None) -> Path:
    """A run as it lies on disk: its configuration, and what its model says of its training."""
    path.mkdir(parents=True)
    settings = f"training:\n  start_from: {start or 'null'}\n"
    (path / "config.yaml").write_text(f"name: {path.name}\n{settings}", encoding="utf-8")
    if trained_on is not None:
        (path / "model").mkdir()
        content = {"model": {}, "task_weights": {}, "trained_on": trained_on}
        (path / "model" / "config.json").write_text(json.dumps(content), encoding="utf-8")
    return path


def known(first: str, last: str, *stations: str, **more: Any) -> dict[str, Any]:
    return {"period": [first, last], "stations": list(stations), **more}
