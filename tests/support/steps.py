"""Trainings of some steps in one process or several, and what they give."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml

from hydromae.store.store import Store
from support.processes import Nursery
from support.small import small_raw
from support.sources import World

Prepared = tuple[World, Store]


STEPS = 20


@dataclass(frozen=True)
class Result:
    weights: dict[str, torch.Tensor]
    losses: torch.Tensor
    validation: dict[str, Any] | None


def train(nursery: Nursery, raw: dict[str, Any], folder: Path, processes: int, double: bool = True) -> Result:
    """Take some steps with processes that know each other through their environment, as under torchrun."""
    folder.mkdir(parents=True)
    config, output = folder / "config.yaml", folder / "weights.pt"
    config.write_text(yaml.safe_dump(raw))
    arguments = ["steps", config, output, STEPS, "double" if double else "single"]
    with nursery.train(arguments, folder, processes) as training:
        assert training.wait() == [0] * processes, training.said[-3000:]
    numbers = json.loads(output.with_suffix(".json").read_text())
    return Result(
        torch.load(output, weights_only=True),
        torch.tensor(numbers["losses"], dtype=torch.float64),
        numbers["validation"],
    )


def raw_of(prepared: Prepared, folder: Path, **training: Any) -> dict[str, Any]:
    # 9 windows an epoch in batches of 4: the last batch is uneven, and with two processes of parts some are empty.
    # Gaps in the flow make the counts of the windows differ; no dropout, which differs between processes on purpose.
    raw = small_raw(
        prepared[0],
        folder,
        model={"dropout": 0.0, "recurrent_dim": 4, "recurrent_donors": 2},
        training={"batch_size": 4, "station_weights": ["riverflow"], **training},
    )
    raw["data"] = {**raw["data"], "store": str(prepared[1].path), "cache": "none"}
    return raw


def difference(found: Result, expected: Result) -> float:
    assert found.weights.keys() == expected.weights.keys() and found.losses.shape == expected.losses.shape == (STEPS, 4)
    worst = max(float((found.weights[n].double() - expected.weights[n].double()).abs().max()) for n in found.weights)
    return max(worst, float((found.losses - expected.losses).abs().max()))
