"""A disk that refuses an operation ends a command with one sentence, and damages nothing.

`pytest -m slow -s tests/attacks -k disk` has every operation of every command fail once, and prints the trials.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
import yaml

from hydromae.app import cli
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.training.runs import new_run
from support.callbacks import OnStep
from support.disk_faults import ERRORS, Fault, Outcome, run, unavailable
from support.small import small_config, small_raw
from support.sources import World, make_world
from support.untrained import ONE, untrained_run

pytestmark = pytest.mark.skipif(bool(unavailable()), reason=unavailable())

SHORT = "--period 2001-06-01 2001-06-20"
ISSUED = "--issue-time 2001-07-01 --horizon 3"
COMMANDS = {
    "prepare": "prepare {g}/my.yaml data.store={g}/new",
    "prepare --overwrite": "prepare {g}/my.yaml --overwrite",
    "train": "train {g}/my.yaml output={g}/new training.epochs=1",
    "resume": "resume {g}/stopped",
    "finetune": "finetune {g}/run --task infill -o {g}/new training.epochs=1 logging.log_every=20",
    "forecast .nc": f"forecast {{g}}/run {ISSUED} -o {{g}}/old.nc --overwrite",
    "forecast .csv": f"forecast {{g}}/run {ISSUED} -o {{g}}/new.csv",
    "forecast .parquet": f"forecast {{g}}/run {ISSUED} -o {{g}}/new.parquet",
    "forecast .zarr": f"forecast {{g}}/run {ISSUED} -o {{g}}/new.zarr",
    "infill": f"infill {{g}}/run {SHORT} -o {{g}}/new.csv",
    "ungauged": f"ungauged {{g}}/run {SHORT} -o {{g}}/new.nc",
    "reconstruct": f"reconstruct {{g}}/run {SHORT} -o {{g}}/new.nc",
    "evaluate": "evaluate {g}/run --task modalities --windows 2 -o {g}/new",
    "evaluate, forecasts": "evaluate {g}/run --horizon 2 --every 20 --min-pairs 2 --baselines persistence -o {g}/new",
    "check": "check {g}/my.yaml -o {g}/new.html",
    "report": "report {g}/run -o {g}/new.html",
    "plot": "plot {g}/old.nc -o {g}/new.png",
    "export .nc": "export {g}/store --names riverflow,precip -o {g}/new.nc",
    "export .zarr": "export {g}/store --names riverflow,precip -o {g}/old.zarr --overwrite",
    "export .parquet": "export {g}/store -o {g}/new.parquet",
    "init": "init {g}/sources -o {g}/new.yaml",
    "data folds": "data folds {g}/store --count 2 --config {g}/my.yaml -o {g}/new.csv",
    "data patches": "data patches {g}/my.yaml -o {g}/new.csv",
    "data sample": "data sample {g}/new --size tiny",
    "data merge": "data merge {g}/sources/precip_train.h5 {g}/sources/precip_val.h5 -o {g}/new.h5",
}
# What a training may lose, and what says nothing of a result.
CHANGES = ("create", "write", "mkdir", "truncate", "fsync", "close", "rename")
LOGS = re.compile(r"metrics\.jsonl|faults\.jsonl|log\.txt|events\.out\.tfevents|/tensorboard$|/images(/|$)|\.lock$")


def commanded(*arguments: Any) -> Callable[[], None]:
    def work() -> None:
        sys.argv = ["hydromae", *map(str, arguments)]
        torch.set_num_threads(1)
        cli.main()

    return work


class Ground:
    """A folder with data, a store, runs and results, which each trial finds as they were."""

    def __init__(self, folder: Path) -> None:
        self.path, self._kept = folder / "ground", folder / "kept"
        world = make_world(self.path / "sources")
        attributes = pd.read_csv(world.root / "attributes.csv")
        attributes.assign(longitude=-attributes.index / 2).to_csv(world.root / "attributes.csv", index=False)
        world.raw["data"]["attributes"]["columns"].append("longitude")
        store = prepare(world.config())
        self._runs(world, store)
        for arguments in (
            f"forecast {{g}}/run {ISSUED} -o {{g}}/old.nc",
            "export {g}/store --names evap -o {g}/old.zarr",
        ):
            outcome = run(commanded(*arguments.format(g=self.path).split()), self.path)
            assert outcome.code == 0, outcome.err
        shutil.copytree(self.path, self._kept)
        self.before = tree(self.path)
        self._whole: dict[str, Outcome] = {}
        self._after: dict[str, dict[str, str]] = {}

    def _runs(self, world: World, store: Store) -> None:
        logging = {"log_file": str(self.path / "log.txt"), "tensorboard": True, "images": True}
        raw = small_raw(world, self.path / "out", logging=logging)
        (self.path / "my.yaml").write_text(yaml.safe_dump(raw, sort_keys=False))
        untrained_run(world, store, self.path / "run", **ONE)

        def stop(progress: Any) -> None:
            if progress.step == 5:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            new_run(small_config(world, self.path / "stopped", logging=logging), store, [OnStep(stop)])

    def arguments(self, command: str) -> list[str]:
        return COMMANDS[command].format(g=self.path).split()

    def whole(self, command: str) -> tuple[Outcome, dict[str, str]]:
        """How a command ends on a sound disk, and all files then."""
        if command not in self._whole:
            self.restore()
            self._whole[command] = run(commanded(*self.arguments(command)), self.path)
            self._after[command] = tree(self.path)
            assert self._whole[command].code in (0, 1) and "Traceback" not in self._whole[command].err, self._whole
        return self._whole[command], self._after[command]

    def restore(self) -> None:
        shutil.rmtree(self.path)
        shutil.copytree(self._kept, self.path)

    def trial(self, command: str, fault: Fault) -> list[str]:
        """What is wrong with how a command ends when an operation fails."""
        for _ in range(5):
            self.restore()
            outcome = run(commanded(*self.arguments(command)), self.path, fault)
            if outcome.failed:
                break
            # Threads of Zarr that make one folder at once make it twice: one run has more operations than another.
            fault = replace(fault, at=len(outcome.operations))
        else:
            return ["the operation was not reached"]
        found = tree(self.path)
        wrong = said_wrong(outcome)
        lost = [name for name, content in self.before.items() if found.get(name) != content and not LOGS.search(name)]
        if command == "check" and outcome.code == 2 and "new.html" in found:  # what cannot be read is what it reports
            return [] if said(outcome, fault) else ["reports nothing unreadable"]
        if outcome.code != 2:  # an operation that nothing depends on
            whole, after = self.whole(command)
            told = said(outcome, fault) or (
                command == "check" and "cannot be opened" in (self.path / "new.html").read_text()
            )
            wrong += [line for line in different(found, after) if not (told and line.startswith("other content"))]
            wrong += [] if outcome.code == whole.code else [f"ended with {outcome.code}"]
            return wrong
        if command == "resume":  # which may have got as far as a better model
            lost = [name for name in lost if found.get(name) != self.whole(command)[1].get(name)]
        wrong += [f"not what it was: {name}" for name in lost]
        if "was written whole" in outcome.err:  # and the next call finds it there
            return wrong + different(found, self.whole(command)[1])
        if found.keys() != self.before.keys():
            wrong += self._next_call(command)
        return [f"{line}: {outcome.err[-900:]}" for line in wrong]

    def _next_call(self, command: str) -> list[str]:
        """What is wrong with the files once the same command has run again, as it has to where something was left."""
        left = set(tree(self.path)) - set(self.before)
        arguments = self.arguments(command)
        if (self.path / "new" / "config.yaml").is_file():
            arguments = ["resume", str(self.path / "new")]
        again = run(commanded(*arguments), self.path)
        found = tree(self.path)
        if again.code not in (0, 1):
            return [f"left {left}, with which the next call fails: {again.err.strip()[-300:]}"]
        return [f"after the next call {line}" for line in different(found, self.whole(command)[1])]


def said(outcome: Outcome, fault: Fault) -> bool:
    """Whether a command names the error, wherever its lines break."""
    return os.strerror(getattr(errno, fault.error)) in " ".join((outcome.out + outcome.err).split())


def said_wrong(outcome: Outcome) -> list[str]:
    """What is wrong with what a command says of an error of the disk."""
    wrong = []
    sentences = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
    if outcome.code == 2 and (len(sentences) != 1 or ";" not in sentences[0]):
        wrong.append("not one sentence with a remedy")
    if re.search(r"Traceback|HDF5-DIAG|Exception ignored|^\w*Error\b", outcome.err, re.MULTILINE):
        wrong.append("a traceback")
    if re.search(r"damaged|anew|differs", outcome.err):
        wrong.append("says that something is damaged")
    return wrong


def different(found: dict[str, str], expected: dict[str, str]) -> list[str]:
    """What is not as it should be, logs aside."""
    names = {name for name in found.keys() | expected.keys() if not LOGS.search(name)}
    wrong = [f"left: {name}" for name in sorted(names - expected.keys())]
    wrong += [f"absent: {name}" for name in sorted(names - found.keys())]
    return wrong + [f"other content: {name}" for name in sorted(names) if found.get(name) != expected.get(name)][:3]


def tree(folder: Path) -> dict[str, str]:
    """The content of every file below a folder, without the times in it."""
    return {
        str(path.relative_to(folder)): digest_of(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() or not any(path.iterdir())
    }


def digest_of(path: Path) -> str:
    if path.is_dir():
        return "an empty folder"
    if path.suffix == ".nc":
        with xr.open_dataset(path, engine="h5netcdf") as data:
            return hashlib.sha256(repr(data.load().drop_attrs().to_dict()).encode()).hexdigest()
    if path.parent.name == "checkpoints" or path.suffix == ".h5":
        return "holds times" if path.stat().st_size > 50 else "cut short"
    content = path.read_bytes()
    if path.name == "summary.json":
        content = json.dumps(sorted(json.loads(content))).encode()
    content = re.sub(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|\+00:00)?", b"TIME", content)
    return hashlib.sha256(content).hexdigest()


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return Ground(tmp_path_factory.mktemp("disk"))


def faults_of(operations: list[tuple[str, str]]) -> list[Fault]:
    """An error for each operation, all kinds in turn: of one that needs room a full disk from there on, too."""
    faults = []
    for number, (kind, _) in enumerate(operations, 1):
        error = ERRORS[number % (5 if kind in ("open", "create", "look") else 4)]
        if kind == "look":
            error = ("EMFILE", "ESTALE", "EIO")[number % 3]
        faults.append(Fault(number, error, lasting=error in ("ENOSPC", "EDQUOT")))
    return faults


SPREAD = 5  # more of each command, evenly among those that change the disk
# Operations of three commands from the first to the last: what is done, to which path, and the error.
FEW = {
    "prepare": [("create", r"new\.lock$", "ESTALE"), ("write", r"store\.json$", "EDQUOT"), ("rename", r"new$", "EIO")],
    "forecast .zarr": [("look", r"store/values/riverflow\.npy$", "EIO"), ("write", r"zarr\.\w+\.partial$", "ENOSPC")],
    "export .zarr": [("mmap", r"store/values/riverflow\.npy$", "ENOSPC"), ("rename", r"old\.zarr\.retired$", "ESTALE")],
}


@pytest.mark.parametrize("command", FEW)
def test_a_disk_that_refuses_ends_a_command_in_a_sentence_and_damages_nothing(ground: Ground, command: str) -> None:
    operations = ground.whole(command)[0].operations
    for done, path, error in FEW[command]:
        at = next(i for i, (kind, name) in enumerate(operations, 1) if kind == done and re.search(path, name))
        assert ground.trial(command, Fault(at, error, lasting=error in ("ENOSPC", "EDQUOT"))) == [], (done, path)
    changing = [fault for fault, (kind, _) in zip(faults_of(operations), operations, strict=True) if kind in CHANGES]
    for place in np.linspace(0, len(changing) - 1, SPREAD).astype(int):
        assert ground.trial(command, changing[place]) == [], (changing[place], operations[changing[place].at - 1])


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("command", COMMANDS)
def test_no_operation_of_a_command_damages_anything_where_the_disk_refuses_it(ground: Ground, command: str) -> None:
    operations = ground.whole(command)[0].operations
    wrong = {}
    for fault in faults_of(operations):
        if found := ground.trial(command, fault):
            wrong[fault] = (operations[fault.at - 1], found)
            print(f"\n{command}: {fault}: {wrong[fault]}", flush=True)
    print(f"\n| {command} | {len(operations)} | {len(wrong)} |", flush=True)
    assert not wrong, "\n".join(f"{fault}: {found}" for fault, found in wrong.items())
