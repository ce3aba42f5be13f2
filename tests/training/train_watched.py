"""`train_mae.py` whose events are told on standard output, and in which things can go wrong on purpose.

The first argument is JSON, of what shall go wrong; the others are those of `train_mae.py`, or `resume` and a run.
"""

import io
import json
import math
import os
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from hydromae.commands import launch, runs
from hydromae.data.collate import Collator
from hydromae.training import checkpoint
from hydromae.training.loop import Trainer

RANK = int(os.environ.get("RANK", "0"))
torch.set_num_threads(1)


def tell(event: str) -> None:
    print(f"@{event}", flush=True)


def before(owner: Any, name: str, act: Callable[..., None]) -> None:
    """Have `act` called with the same arguments before each call."""
    original = getattr(owner, name)

    def called(*arguments: Any, **named: Any) -> Any:
        act(*arguments, **named)
        return original(*arguments, **named)

    setattr(owner, name, called)


def save_in_halves(seconds: float) -> None:
    """Write checkpoints so slowly that a process is often killed while half of one is on disk."""
    save = torch.save

    def save_slowly(content: Any, path: Path) -> None:
        whole = io.BytesIO()
        save(content, whole)
        half = len(whole.getvalue()) // 2
        with Path(path).open("wb") as file:
            file.write(whole.getvalue()[:half])
            file.flush()
            tell("half saved")
            time.sleep(seconds)
            file.write(whole.getvalue()[half:])

    checkpoint.torch.save = save_slowly


def pause_in_files(seconds: float) -> None:
    """A disk that takes its time, before and after a file gets its name."""
    from hydromae import files

    quick = files.atomic_path

    @contextmanager
    def slow(path: Path) -> Any:
        with quick(path) as temporary:
            time.sleep(seconds)
            yield temporary
        time.sleep(seconds)

    for module in list(sys.modules.values()):
        if getattr(module, "atomic_path", None) is quick:
            module.atomic_path = slow  # type: ignore[attr-defined]


def spoil(fault: dict[str, Any]) -> None:
    """Put a number that no store holds among the values of one batch of one process."""
    original = Collator.training_batch

    def training_batch(self: Collator, windows: Any, epoch: int) -> Any:
        batch = original(self, windows, epoch)
        if (RANK, epoch, windows.number) != (fault["rank"], fault["epoch"], fault["batch"]):
            return batch
        tokens = batch.tokens[fault["modality"]]
        values = torch.full_like(tokens.values, float(fault["value"]))
        return replace(batch, tokens={**batch.tokens, fault["modality"]: replace(tokens, values=values)})

    Collator.training_batch = training_batch  # type: ignore[method-assign]


def die(fault: dict[str, Any]) -> None:
    """End this process without a word in one step, once."""

    def act(trainer: Trainer, *arguments: Any) -> None:
        marker = Path(fault["marker"])
        if RANK == fault["rank"] and trainer.progress.step == fault["step"] and not marker.exists():
            marker.touch()
            os._exit(1)

    before(Trainer, "train_step", act)


def main(faults: dict[str, Any], arguments: list[str]) -> None:
    before(Trainer, "train_step", lambda trainer, *_: (tell(f"step {trainer.progress.step}"), time.sleep(faults.get("pause", 0))))
    before(Trainer, "validate", lambda trainer: None)
    before(Collator, "evaluation_batch", lambda *_: (tell("validating"), time.sleep(faults.get("pause", 0))))
    before(checkpoint, "write_text", lambda *_: tell("sealing"))
    before(checkpoint, "load_newest", lambda *_: tell("loading"))
    for key, act in (("halves", save_in_halves), ("slow", pause_in_files), ("spoil", spoil), ("die", die)):
        if key in faults:
            act(faults[key])
    if arguments[0] == "resume":
        runs.resume(Path(arguments[1]))
    else:
        launch.main(arguments)


if __name__ == "__main__":
    assert math.isfinite(time.monotonic())
    main(json.loads(sys.argv[1]), sys.argv[2:])
