import json
import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hydromae.base.errors import ConfigError, RunError
from hydromae.runs.checkpoint import load_newest
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import load_pretrained
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.training.build import build_trainer
from hydromae.training.callback import Callbacks
from hydromae.training.loop import Trainer
from hydromae.training.records import Records
from hydromae.training.runs import new_run
from hydromae.windows.station_weights import station_weights
from support.callbacks import OnLog, OnStep
from support.records import records_of
from support.small import small_config
from support.sources import World

Prepared = tuple[World, Store]
CPU = torch.device("cpu")
ONE_EPOCH: dict[str, Any] = {"epochs": 1, "warmup_epochs": 0}


def records(run: RunDirectory, event: str) -> list[dict[str, Any]]:
    every = records_of(run)
    return [record for record in every if record["event"] == event]


def trainer_with_run(config: Any, store: Store) -> Trainer:
    trainer = build_trainer(config, store)
    trainer.run = RunDirectory.create(config.model_copy(update={"model": trainer.model.config}), store)
    trainer.callbacks = Callbacks([Records(trainer.run.metrics)])
    return trainer


def weights(run: RunDirectory) -> dict[str, torch.Tensor]:
    return load_newest(run.checkpoints, CPU)["model"]


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_the_loss_falls(prepared: Prepared, tmp_path: Path) -> None:
    training = {"epochs": 10, "lr": 4e-3}
    run = new_run(small_config(prepared[0], tmp_path / "run", training=training), prepared[1])
    losses = [record["loss"] for record in records(run, "train")]
    validation = [record["loss"] for record in records(run, "validation")]
    assert records(run, "train")[-1]["step"] == 30
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5]) and validation[-1] < 0.9 * validation[0]


def test_the_seed_alone_decides_a_run(prepared: Prepared, tmp_path: Path) -> None:
    runs = []
    for i, seed in enumerate((3, 3, 4)):
        config = small_config(prepared[0], tmp_path / str(i), training=ONE_EPOCH).model_copy(update={"seed": seed})
        torch.manual_seed(i)
        runs.append(new_run(config, prepared[1]))
    same_one, same_two, other = map(weights, runs)
    assert same(same_one, same_two)
    assert not any(torch.equal(same_one[n], other[n]) for n in same_one if n.endswith("embedding.weight"))


def test_validation_changes_no_weight_and_no_random_number(prepared: Prepared, tmp_path: Path) -> None:
    trainer = build_trainer(small_config(prepared[0], tmp_path), prepared[1])
    trainer.train_step(next(trainer.batches()), epoch=0)
    before = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
    random, moments = torch.get_rng_state(), trainer.engine.optimizer.state_dict()["state"][0]["exp_avg"].clone()
    first, second = trainer.validate(), trainer.validate()
    assert first == second and first is not None and first["loss"] == pytest.approx(sum(first["losses"].values()))
    assert same(trainer.model.state_dict(), before) and torch.equal(torch.get_rng_state(), random)
    assert torch.equal(trainer.engine.optimizer.state_dict()["state"][0]["exp_avg"], moments)


def test_validation_averages_over_all_hidden_values_whatever_the_batches(prepared: Prepared, tmp_path: Path) -> None:
    found = []
    for size in (1, 3, 8):
        config = small_config(prepared[0], tmp_path, training={"batch_size": size})
        found.append(build_trainer(config, prepared[1]).validate())
    for other in found[1:]:
        assert other["losses"] == pytest.approx(found[0]["losses"], rel=1e-5)


def test_losses_are_weighted_by_task(prepared: Prepared, tmp_path: Path) -> None:
    task_weights = {"soil_loss": 10.0, "evap_loss": 0.0}
    config = small_config(prepared[0], tmp_path / "run", training={**ONE_EPOCH, "task_weights": task_weights})
    run = new_run(config, prepared[1])
    for record in (*records(run, "train"), *records(run, "validation")):
        losses = record["losses"]
        expected = losses["precip"] + 10 * losses["soil"] + losses["riverflow"]
        assert record["loss"] == pytest.approx(expected, rel=1e-5)


def test_stations_count_as_their_weights_say_in_training_and_validation(prepared: Prepared, tmp_path: Path) -> None:
    plain, weighted = (
        build_trainer(small_config(prepared[0], tmp_path / "run", training=training), prepared[1])
        for training in ({}, {"station_weights": ["riverflow"]})
    )
    found = weighted.batcher._weights["riverflow"]
    np.testing.assert_array_equal(found, station_weights(prepared[1], "riverflow"))
    usual, other = plain.validate()["losses"], weighted.validate()["losses"]
    assert {name for name in usual if usual[name] != other[name]} == {"riverflow"}
    # The same weight at each station is a factor of the loss.
    weighted.batcher._weights["riverflow"] = torch.full_like(found, 4.0)
    assert weighted.validate()["losses"]["riverflow"] == pytest.approx(4 * usual["riverflow"], rel=1e-5)


def test_records_say_step_epoch_rate_and_come_as_often_as_asked(prepared: Prepared, tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []
    config = small_config(prepared[0], tmp_path / "run", training={"min_lr": 1e-4})
    steps: list[int] = []
    run = new_run(config, prepared[1], [OnStep(lambda progress: steps.append(progress.step)), OnLog(seen.append)])
    train = records(run, "train")
    assert steps == [1, 2, 3, 4, 5, 6]
    assert [record["step"] for record in train] == [2, 3, 4, 6]
    assert [record["epoch"] for record in train] == pytest.approx([2 / 3, 1, 4 / 3, 2])
    assert [record["step"] for record in records(run, "validation")] == [3, 6]
    assert train[1]["lr"] == pytest.approx(1e-3) and train[-1]["lr"] == pytest.approx(1e-4)
    assert all(record["windows_per_second"] > 0 and record["grad_norm"] > 0 for record in train)
    assert seen == records_of(run)


def test_a_finished_run_holds_what_the_report_reads(prepared: Prepared, tmp_path: Path) -> None:
    run = new_run(small_config(prepared[0], tmp_path / "run"), prepared[1])
    summary = run.read_json("summary.json")
    model = load_pretrained(run.path)
    assert summary["steps"] == 6 and summary["device"] == "cpu" and summary["seconds"] > 0
    assert summary["parameters"] == sum(p.numel() for p in model.parameters())
    assert not [path for path in run.path.rglob(".*")]


def test_the_model_that_is_kept_is_the_one_with_the_lowest_validation_loss(prepared: Prepared, tmp_path: Path) -> None:
    training = {"epochs": 4, "lr": 0.5, "warmup_epochs": 0}  # so high that the loss rises and falls
    run = new_run(small_config(prepared[0], tmp_path / "run", training=training, logging={"keep": 6}), prepared[1])
    validation = {record["step"]: record["loss"] for record in records(run, "validation")}
    best = min(validation, key=validation.__getitem__)
    kept = torch.load(run.checkpoints / f"step_{best:08d}.pt", weights_only=True)["model"]
    assert same(load_pretrained(run.path).state_dict(), kept)
    assert len(set(validation.values())) > 1


def test_without_a_validation_period_the_last_model_is_kept(world: World, tmp_path: Path) -> None:
    world.raw["data"].pop("val")
    for name in ("precip", "soil"):
        world.raw["data"]["modalities"][name]["paths"] = [f"{name}_train.h5"]
    store = prepare(world.config())
    run = new_run(small_config(world, tmp_path / "run"), store)
    assert records(run, "validation") == []
    assert same(load_pretrained(run.path).state_dict(), weights(run))


class Spoiler:
    """Makes the loss or the gradient of some steps what they should not be."""

    def __init__(self, trainer: Trainer, steps: Collection[int], what: str) -> None:
        self.steps, self.factor, self.calls = steps, {"nan": math.nan, "inf": math.inf}[what.split()[0]], 0
        if what.endswith("loss"):
            trainer.engine.module.register_forward_hook(self.spoil_loss)
        else:
            trainer.model.norm_shared.weight.register_hook(self.spoil_gradient)

    def spoil_loss(self, module: Any, inputs: Any, output: torch.Tensor) -> torch.Tensor:
        self.calls += module.training
        spoilt = module.training and self.calls in self.steps
        return output * torch.tensor([1.0, self.factor, 1.0, 1.0]) if spoilt else output

    def spoil_gradient(self, gradient: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return gradient + self.factor if self.calls in self.steps else gradient


@pytest.mark.parametrize(
    ("what", "log_every"),
    [
        ("nan loss", 50),
        ("inf gradient", 1),
        pytest.param("inf loss", 1, marks=pytest.mark.slow),
        pytest.param("nan gradient", 50, marks=pytest.mark.slow),
    ],
)
def test_a_step_without_a_finite_gradient_is_skipped_counted_and_written_down(
    prepared: Prepared, tmp_path: Path, what: str, log_every: int
) -> None:
    logging = {"log_every": log_every, "checkpoint_minutes": 1e-9, "keep": 20}
    trainer = trainer_with_run(small_config(prepared[0], tmp_path / "run", logging=logging), prepared[1])
    Spoiler(trainer, {5}, what)
    assert trainer.fit()
    run = trainer.run
    kept = {content["progress"]["step"]: content for content in every_checkpoint(run)}
    assert same(kept[4]["model"], kept[5]["model"]) and not same(kept[5]["model"], kept[6]["model"])
    assert all(tensor.isfinite().all() for content in kept.values() for tensor in content["model"].values())
    assert sum(record["skipped"] for record in records(run, "train")) == 1
    if log_every == 50:
        assert all(math.isfinite(record["loss"]) for record in records(run, "train"))
    (fault,) = [json.loads(line) for line in (run.path / "faults.jsonl").read_text().splitlines()]
    assert fault["step"] == 5 and fault["modalities"] == (["soil"] if what.endswith("loss") else [])
    assert len(fault["windows"]) == 4 and all("2001-01-01" <= first <= "2001-05-20" for first, _ in fault["windows"])


def every_checkpoint(run: RunDirectory) -> list[dict[str, Any]]:
    return [torch.load(path, weights_only=True) for path in sorted(run.checkpoints.glob("*.pt"))]


def test_too_many_skipped_steps_in_a_row_end_the_run_with_a_report(prepared: Prepared, tmp_path: Path) -> None:
    training = {"epochs": 4, "max_skips": 3}
    config = small_config(prepared[0], tmp_path / "run", training=training, logging={"log_every": 1})
    trainer = trainer_with_run(config, prepared[1])
    Spoiler(trainer, {2, 3, 5, 6, 7, 8, 9}, "nan loss")
    with pytest.raises(RunError, match=r"3 steps in a row could not be taken: in step 7 the loss of soil was not fin"):
        trainer.fit()
    assert trainer.progress.step == 7 and len((trainer.run.path / "faults.jsonl").read_text().splitlines()) == 5
    assert all(tensor.isfinite().all() for tensor in trainer.model.state_dict().values())


def test_the_layer_where_numbers_go_wrong_is_named(prepared: Prepared, tmp_path: Path) -> None:
    trainer = trainer_with_run(small_config(prepared[0], tmp_path / "run", training={"max_skips": 1}), prepared[1])
    with torch.no_grad():
        trainer.model.soil_decoder.decoder.head.weight[0, 0] = math.inf
    with pytest.raises(
        RunError, match=r"step \d the loss of soil was not finite, first in layer soil_decoder\.decoder\.head"
    ):
        trainer.fit()


def test_the_gradient_is_clipped_to_its_norm(prepared: Prepared, tmp_path: Path) -> None:
    config = small_config(prepared[0], tmp_path, training={"clip_norm": 0.25})
    trainer = build_trainer(config, prepared[1])
    clipped: list[torch.Tensor] = []
    trainer.engine.optimizer.register_step_pre_hook(
        lambda *_: clipped.extend(p.grad.norm() for p in trainer.model.parameters() if p.grad is not None)
    )
    trainer.train_step(next(trainer.batches()), epoch=0)
    assert torch.stack(clipped).norm() == pytest.approx(0.25, rel=1e-4)
    assert trainer.history.steps[0].norm > 0.25  # the record tells the norm before it was clipped


@pytest.mark.parametrize("fusion", ["full", pytest.param("none", marks=pytest.mark.slow)])
def test_a_modality_that_is_missing_for_years_does_no_harm(world: World, tmp_path: Path, fusion: str) -> None:
    world.series["riverflow"][:100] = np.nan
    world.write_series()
    store = prepare(world.config())
    config = small_config(
        world, tmp_path / "run", model={"fusion": fusion}, training={"batch_size": 1}, logging={"log_every": 1}
    )
    run = new_run(config, store)
    train = records(run, "train")
    flow = [record["losses"]["riverflow"] for record in train]
    assert len(train) == 18 and flow.count(None) >= 9 and any(flow)
    assert all(math.isfinite(record["loss"]) and math.isfinite(record["grad_norm"]) for record in train)
    assert all(tensor.isfinite().all() for tensor in weights(run).values())


def test_bf16_runs_near_single_precision_and_keeps_weights_in_it(prepared: Prepared, tmp_path: Path) -> None:
    losses = {}
    for precision in ("fp32", "bf16"):
        config = small_config(
            prepared[0], tmp_path / precision, model={"dropout": 0.0}, training={**ONE_EPOCH, "precision": precision}
        )
        run = new_run(config, prepared[1])
        losses[precision] = records(run, "validation")[-1]["loss"]
        assert {tensor.dtype for name, tensor in weights(run).items() if name != "valid_patches"} == {torch.float32}
    assert losses["bf16"] != losses["fp32"] and losses["bf16"] == pytest.approx(losses["fp32"], rel=0.05)


def test_what_the_trainer_refuses_leaves_no_run_behind(prepared: Prepared, tmp_path: Path) -> None:
    config = small_config(prepared[0], tmp_path / "run", data={"window": 90})
    with pytest.raises(ConfigError, match="a window of 90 days does not fit a period of 60 days"):
        new_run(config, prepared[1])
    assert not (tmp_path / "run").exists()


def test_a_trial_does_not_train(prepared: Prepared, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a trial has no run directory"):
        build_trainer(small_config(prepared[0], tmp_path), prepared[1]).fit()
