"""The records of a run, as they were given to its callbacks."""

import json
from typing import Any

from hydromae.runs.checked_lines import CHECK
from hydromae.runs.directory import RunDirectory


def records_of(run: RunDirectory) -> list[dict[str, Any]]:
    """Every line of `metrics.jsonl` without its checksum, which covers rates of time as well."""
    lines = map(json.loads, run.metrics.read_text().splitlines())
    return [{key: value for key, value in line.items() if key != CHECK} for line in lines]
