"""When two runs are equal."""

from typing import Any

import torch

from hydromae.runs.directory import RunDirectory
from hydromae.training.runs import is_finished
from support.records import records_of

CLOCK = ("windows_per_second", "tokens_per_second")  # of records: what no two runs share


def newest(run: RunDirectory) -> dict[str, Any]:
    return torch.load(sorted(run.checkpoints.glob("*.pt"))[-1], weights_only=True)


def flat(value: Any, name: str = "") -> dict[str, Any]:
    if isinstance(value, dict | list | tuple):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {key: leaf for k, item in items for key, leaf in flat(item, f"{name}.{k}").items()}
    return {name: value}


def records(run: RunDirectory) -> list[dict[str, Any]]:
    lines = records_of(run)
    return [{key: value for key, value in line.items() if key not in CLOCK} for line in lines]


def assert_equal_runs(found: RunDirectory, expected: RunDirectory, n_records: int) -> None:
    """Weights, optimizer, schedule, random states, place in the order, metrics and kept model, bit for bit."""
    a, b = flat(newest(found)), flat(newest(expected))
    assert a.keys() == b.keys() and {".model.norm_shared.weight", ".random.0.cpu", ".progress.step"} <= a.keys()
    assert sum(name.startswith(".optimizer.state") for name in a) > 100
    for name in a.keys() - {".progress.seconds"}:
        equal = torch.equal(a[name], b[name]) if isinstance(a[name], torch.Tensor) else a[name] == b[name]
        assert equal, name
    assert records(found) == records(expected) and len(records(found)) == n_records
    for file in ("model.safetensors", "config.json"):
        assert (found.model / file).read_bytes() == (expected.model / file).read_bytes()
    assert is_finished(found)


def largest_difference(found: RunDirectory, expected: RunDirectory) -> float:
    """Of the last weights, but for the biases of attention, which no loss depends on."""
    a, b = (newest(run)["model"] for run in (found, expected))
    assert a.keys() == b.keys()
    return max(float((a[n].double() - b[n].double()).abs().max()) for n in a if not is_attention_bias(n))


def is_attention_bias(name: str) -> bool:
    return name.endswith(("qkv.bias", "kv.bias", "key.bias"))
