import math
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import load_pretrained
from hydromae.store.store import Store
from hydromae.training.build import build_trainer
from hydromae.training.ema import MovingAverage
from hydromae.training.progress import Progress
from hydromae.training.runs import continue_run, new_run
from support.callbacks import OnStep
from support.equal import assert_equal_runs, newest, records
from support.processes import Nursery
from support.small import small_config, small_raw
from support.sources import World as Sources

Prepared = tuple[Sources, Store]
TRAINING = {"ema": 0.8, "epochs": 3}
QUIET = {"images": False, "tensorboard": False}


def average_of(path: list[torch.Tensor], decay: float) -> torch.Tensor:
    """The definition, in float64: `path` begins with the first weights."""
    average = path[0].double()
    for n, weight in enumerate(path[1:], start=1):
        keep = min(decay, (1 + n) / (10 + n))
        average = keep * average + (1 - keep) * weight.double()
    return average


@pytest.mark.parametrize("decay", [0.05, 0.3, 0.9])
def test_the_average_is_as_defined_over_the_steps_that_were_taken(decay: float) -> None:
    torch.manual_seed(0)
    model = torch.nn.Linear(5, 3)
    path = [model.weight.detach().clone()]
    average = MovingAverage(model, decay)
    for step in range(30):
        bad = step in (4, 5, 20)
        if not bad:
            torch.nn.init.normal_(model.weight)
            path.append(model.weight.detach().clone())
        average.update(torch.tensor(float(bad)))
    last = model.weight.detach().clone()
    with average.in_place_of_weights():
        torch.testing.assert_close(model.weight.detach().double(), average_of(path, decay), rtol=1e-5, atol=1e-6)
        with average.in_place_of_weights():
            assert not torch.equal(model.weight, last)
    assert torch.equal(model.weight, last)


def test_an_error_meanwhile_gives_the_weights_back() -> None:
    model = torch.nn.Linear(2, 2)
    average = MovingAverage(model, 0.5)
    with torch.no_grad():
        model.weight.add_(1)
    before = model.weight.detach().clone()
    with pytest.raises(KeyError), average.in_place_of_weights():
        raise KeyError
    assert torch.equal(model.weight, before)


def test_a_skipped_step_leaves_average_and_weights_bit_for_bit(prepared: Prepared, tmp_path: Path) -> None:
    trainer = build_trainer(small_config(prepared[0], tmp_path, training=TRAINING), prepared[1])
    batches = trainer.batches()
    trainer.train_step(next(batches), epoch=0)
    before = [tensor.clone() for tensor in trainer.engine.ema.average]
    trainer.model.norm_shared.weight.register_hook(lambda gradient: gradient * math.nan)
    trainer.train_step(next(batches), epoch=0)
    assert all(torch.equal(a, b) for a, b in zip(before, trainer.engine.ema.average, strict=True))
    assert trainer.engine.ema.steps == 1


def test_the_average_is_what_is_validated_and_kept(prepared: Prepared, tmp_path: Path) -> None:
    config = small_config(prepared[0], tmp_path / "run", training=TRAINING, logging=QUIET)
    run = new_run(config, prepared[1])
    state, kept = newest(run), load_pretrained(run.path).state_dict()
    validations = {record["step"]: record["loss"] for record in records(run) if record["event"] == "validation"}
    assert min(validations, key=validations.__getitem__) == 9  # it fell to the end, so the last checkpoint is the best
    assert all(torch.equal(state["ema"]["model"][name], kept[name]) for name in kept)
    assert not torch.equal(state["model"]["norm_shared.weight"], kept["norm_shared.weight"])
    trainer = build_trainer(config, prepared[1])
    trainer.restore(state)
    averaged = trainer.validate()
    trainer.engine.ema = None
    raw = trainer.validate()
    assert averaged["loss"] == validations[9] != raw["loss"]


def test_training_itself_is_the_same_with_and_without_an_average(prepared: Prepared, tmp_path: Path) -> None:
    states = []
    for name, training in (("with", {**TRAINING, "epochs": 1}), ("without", {**TRAINING, "epochs": 1, "ema": 0.0})):
        config = small_config(prepared[0], tmp_path / name, training=training, logging=QUIET)
        states.append(newest(new_run(config, prepared[1])))
    assert "ema" not in states[1]
    assert all(torch.equal(states[0]["model"][name], states[1]["model"][name]) for name in states[1]["model"])


@pytest.mark.slow
def test_a_run_that_was_killed_and_continued_has_the_same_average(prepared: Prepared, tmp_path: Path) -> None:
    logging = {**QUIET, "checkpoint_minutes": 1e-9}
    runs = [RunDirectory(tmp_path / name) for name in ("whole", "killed")]

    def kill(progress: Progress) -> None:
        if progress.step == 5:
            raise KeyboardInterrupt

    configs = [small_config(prepared[0], run.path, training=TRAINING, logging=logging) for run in runs]
    new_run(configs[0], prepared[1])
    with pytest.raises(KeyboardInterrupt):
        new_run(configs[1], prepared[1], [OnStep(kill)])
    continue_run(runs[1])
    assert_equal_runs(runs[1], runs[0], n_records=9)
    averages = [newest(run)["ema"] for run in runs]
    assert averages[0]["steps"] == averages[1]["steps"] == 9
    assert all(torch.equal(averages[0]["model"][name], averages[1]["model"][name]) for name in averages[0]["model"])


def run_of(prepared: Prepared, nursery: Nursery, folder: Path, processes: int, engine: str = "ddp") -> RunDirectory:
    training: dict[str, Any] = {"engine": engine, "batch_size": 4 // processes, "epochs": 2, "ema": 0.8}
    raw = small_raw(prepared[0], folder / "run", model={"dropout": 0.0}, training=training, logging=QUIET)
    raw["data"] = {**raw["data"], "store": str(prepared[1].path)}
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(raw))
    with nursery.train(["--config", config], folder, processes) as training_run:
        assert training_run.wait() == [0] * processes, training_run.said[-3000:]
    return RunDirectory(folder / "run")


def kept(run: RunDirectory) -> dict[str, torch.Tensor]:
    return load_pretrained(run.path).state_dict()


@pytest.fixture(scope="module")
def alone(prepared: Prepared, nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return run_of(prepared, nursery, tmp_path_factory.mktemp("alone"), processes=1)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["ddp", "fsdp"])
def test_two_processes_keep_the_average_that_one_keeps(
    prepared: Prepared, tmp_path: Path, nursery: Nursery, alone: RunDirectory, engine: str
) -> None:
    two = run_of(prepared, nursery, tmp_path, 2, engine)
    for a, b in ((newest(alone)["ema"]["model"], newest(two)["ema"]["model"]), (kept(alone), kept(two))):
        assert a.keys() == b.keys() and len(a) > 100
        worst = max(float((a[name].double() - b[name].double()).abs().max()) for name in a if "qkv.bias" not in name)
        assert worst < 1e-4
    # What the checkpoint holds is the average that was validated and kept, not the weights.
    assert all(torch.equal(newest(two)["ema"]["model"][name], tensor) for name, tensor in kept(two).items())
    assert not torch.equal(newest(two)["model"]["norm_shared.weight"], kept(two)["norm_shared.weight"])
