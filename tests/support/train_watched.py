"""`train_mae.py` whose events are told on standard output, and in which things can go wrong on purpose.

Called with faults as JSON and the arguments of `train_mae.py` (or `resume` and a run, or `steps` and the arguments of
worker.py), or with --nursery, which forks such a process for each line of standard input.
"""

import gc
import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch._dynamo  # as the other modules that are not named below: so that what is forked has it
import worker  # beside this script

import hydromae.app.console
import hydromae.store.prepare
import hydromae.training.dry_run
import hydromae.training.runs
from hydromae.app.commands import launch, runs
from hydromae.base import files
from hydromae.base.errors import HydroMAEError
from hydromae.batch.batch import Batch
from hydromae.batch.batcher import Batcher
from hydromae.masks.masker import Masker
from hydromae.runs import checkpoint
from hydromae.training.loop import Trainer
from hydromae.windows.windows import Windows


def rank() -> int:
    return int(os.environ.get("RANK", "0"))


def before(owner: Any, name: str, act: Callable[..., None]) -> None:
    """Have `act` called with the same arguments before each call."""
    original = getattr(owner, name)

    def called(*arguments: Any, **named: Any) -> Any:
        act(*arguments)
        return original(*arguments, **named)

    setattr(owner, name, called)


def tell(event: str, pause: float = 0.0) -> None:
    if rank() == 0:
        print(f"@{event}", flush=True)
    time.sleep(pause)


def save_in_halves(seconds: float) -> None:
    """Leave half a checkpoint on disk for some time."""
    save = torch.save

    def save_slowly(content: Any, file: Any, **named: Any) -> None:
        if not (isinstance(content, dict) and "progress" in content):  # messages between processes are saved as well
            save(content, file, **named)
            return
        whole = io.BytesIO()
        save(content, whole)
        half = len(whole.getvalue()) // 2
        file.write(whole.getvalue()[:half])
        file.flush()
        tell("half saved", seconds)
        file.write(whole.getvalue()[half:])

    torch.save = save_slowly


def slow_disk(seconds: float) -> None:
    """Take that long before and after a file gets its name."""
    quick = files.atomic_path

    @contextmanager
    def slow(path: Path) -> Iterator[Path]:
        with quick(path) as temporary:
            yield temporary
            time.sleep(seconds)
        time.sleep(seconds)

    for module in list(sys.modules.values()):
        if getattr(module, "atomic_path", None) is quick:
            module.atomic_path = slow  # type: ignore[attr-defined]


def spoil(fault: dict[str, Any]) -> None:
    """Put a number that no store holds among the values of some batches of one process."""
    original = Batcher.batch

    def spoilt_batch(self: Batcher, windows: Windows, mask: Any) -> Batch:
        batch = original(self, windows, mask)
        epoch = getattr(mask, "keywords", {}).get("epoch")  # none in validation
        if rank() != fault["rank"] or [epoch, windows.number] not in fault["batches"]:
            return batch
        tokens = batch.tokens[fault["modality"]]
        spoilt = replace(tokens, values=torch.full_like(tokens.values, float(fault["value"])))
        return replace(batch, tokens={**batch.tokens, fault["modality"]: spoilt})

    Batcher.batch = spoilt_batch  # type: ignore[method-assign]


def die(fault: dict[str, Any]) -> None:
    """End one process without a word before a step, the first time it gets there."""

    def act(trainer: Trainer, *arguments: Any) -> None:
        marker = Path(fault["marker"])
        if rank() == fault["rank"] and trainer.progress.step == fault["step"] and not marker.exists():
            marker.touch()
            os._exit(1)

    before(Trainer, "train_step", act)


FAULTS: dict[str, Callable[[Any], None]] = {"halves": save_in_halves, "slow": slow_disk, "spoil": spoil, "die": die}


def main(faults: dict[str, Any], arguments: list[str]) -> None:
    torch.set_num_threads(1)
    if arguments[0] == "steps":
        config, output, steps, precision = arguments[1:]
        return worker.main(config, output, int(steps), precision == "double")
    pause = faults.pop("pause", 0.0)
    before(Trainer, "train_step", lambda trainer, *_: tell(f"step {trainer.progress.step}", pause))
    before(Masker, "evaluation", lambda *_: tell("validating", pause))
    before(checkpoint, "write_text", lambda *_: tell("sealing", pause))
    for name, setting in faults.items():
        FAULTS[name](setting)
    if arguments[0] != "resume":
        return launch.main(arguments)
    try:
        runs.resume(Path(arguments[1]))
    except HydroMAEError as error:
        hydromae.app.console.fail(str(error))


def nursery() -> None:
    """For each line a process is forked, whose number is the answer, or waited for, and its exit code is."""
    gc.freeze()  # what is imported is shared with those that are forked, who would copy it all to look for cycles
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            _, status = os.waitpid(request["wait"], 0)
            print(os.waitstatus_to_exitcode(status), flush=True)
            continue
        child = os.fork()
        if child == 0:
            os.setsid()
            for name, stream in (("out", sys.stdout), ("errors", sys.stderr)):
                os.dup2(os.open(request[name], os.O_WRONLY | os.O_APPEND), stream.fileno())
            os.environ.update(request["world"])
            return main(request["faults"], request["arguments"])
        print(child, flush=True)


if __name__ == "__main__":
    nursery() if sys.argv[1] == "--nursery" else main(json.loads(sys.argv[1]), sys.argv[2:])
