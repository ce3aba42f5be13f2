import json
from pathlib import Path
from typing import Any

import pytest
import torch

from hydromae.config import Config
from hydromae.models.losses import scored_cells
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import load_pretrained
from hydromae.store.store import Store
from hydromae.training.build import build_trainer
from hydromae.training.runs import new_run
from hydromae.training.setup import build_model
from hydromae.training.start_from import start_from
from hydromae.training.tracking.numbers import numbers_of
from support.processes import Nursery
from support.small import small_config
from support.sources import World
from support.steps import difference, raw_of, train

Prepared = tuple[World, Store]
LEVELS = (0.1, 0.5, 0.9)


def config_of(prepared: Prepared, output: Path, levels: tuple[float, ...] = LEVELS, **training: Any) -> Config:
    return small_config(prepared[0], output, model={"quantiles": levels}, training={"epochs": 1, **training})


@pytest.fixture(scope="module")
def trained(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[float, ...], RunDirectory]:
    """A run without quantiles and one with."""
    folder = tmp_path_factory.mktemp("quantiles")
    return {
        levels: new_run(config_of(prepared, folder / str(len(levels)), levels), prepared[1]) for levels in ((), LEVELS)
    }


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["ddp", pytest.param("fsdp", marks=pytest.mark.slow)])
def test_parts_and_processes_do_not_change_the_gradient_of_quantiles(
    nursery: Nursery, prepared: Prepared, tmp_path: Path, engine: str
) -> None:
    raws = [raw_of(prepared, tmp_path), raw_of(prepared, tmp_path, batch_size=1, accumulate=2, engine=engine)]
    for raw in raws:
        raw["model"]["quantiles"] = list(LEVELS)
    alone = train(nursery, raws[0], tmp_path / "alone", processes=1)
    shared = train(nursery, raws[1], tmp_path / "shared", processes=2)
    assert any("quantile_head" in name for name in alone.weights)
    assert difference(shared, alone) < 1e-9


def test_validation_tells_squared_errors_as_without_quantiles_and_pinball_beside_them(
    prepared: Prepared, trained: dict[tuple[float, ...], RunDirectory]
) -> None:
    run = trained[LEVELS]
    (record,) = [r for r in map(json.loads, run.metrics.read_text().splitlines()) if r["event"] == "validation"]
    trainer = build_trainer(run.config(), prepared[1])
    model = trainer.model
    model.load_state_dict(load_pretrained(run.path).state_dict())
    sums, counts = ({name: torch.zeros(2) for name in model.shapes} for _ in range(2))
    assert trainer.validation is not None
    for windows in trainer.validation:
        batch = trainer.batcher.batch(windows, trainer.masker.evaluation)
        with torch.no_grad():
            _, losses = model.eval()(batch)
        for name, tokens in batch.tokens.items():
            n = scored_cells(tokens).sum()
            counts[name] += n
            sums[name] += n * torch.stack([losses[f"{name}_loss"], losses[f"{name}_pinball"]])
    for name in sums:
        squared, pinball = (sums[name] / counts[name]).tolist()
        assert record["losses"][name] == pytest.approx(squared, rel=1e-4)
        assert record["pinball"][name] == pytest.approx(pinball, rel=1e-4)
    assert record["loss"] == pytest.approx(sum(record["losses"].values()))
    assert numbers_of(record)["validation/pinball/evap"] == record["pinball"]["evap"]


def test_a_run_without_quantiles_says_nothing_of_them(trained: dict[tuple[float, ...], RunDirectory]) -> None:
    assert "pinball" not in trained[()].metrics.read_text()


def test_training_lowers_the_pinball_loss(prepared: Prepared, tmp_path: Path) -> None:
    trainer = build_trainer(config_of(prepared, tmp_path / "run", epochs=12, lr=3e-3), prepared[1])
    before = trainer.validate()
    for epoch in range(12):
        trainer.order.epoch = epoch
        for parts in trainer.batches():
            trainer.train_step(parts, epoch)
    after = trainer.validate()
    assert before is not None and after is not None
    assert sum(after["pinball"].values()) < 0.9 * sum(before["pinball"].values())


def test_the_head_of_the_mean_is_carried_over_to_a_model_with_quantiles(
    prepared: Prepared, trained: dict[tuple[float, ...], RunDirectory], tmp_path: Path
) -> None:
    model = build_model(config_of(prepared, tmp_path), prepared[1])
    start = start_from(model, trained[()].path, prepared[1])
    old = load_pretrained(trained[()].path).state_dict()
    for tensor in start.tensors:
        if "quantile_head" in tensor.name:
            assert (tensor.how, tensor.why) == ("new", "there was no such part")
        else:
            assert tensor.how == "loaded" and torch.equal(model.get_parameter(tensor.name), old[tensor.name])
    assert start.count("new") == 2 * len(model.shapes)


def test_quantiles_carry_over_where_the_levels_are_the_same(
    prepared: Prepared, trained: dict[tuple[float, ...], RunDirectory], tmp_path: Path
) -> None:
    for levels in (LEVELS, (0.05, 0.5, 0.95), ()):
        model = build_model(config_of(prepared, tmp_path, levels), prepared[1])
        start = start_from(model, trained[LEVELS].path, prepared[1])
        told = {(tensor.how, tensor.why) for tensor in start.tensors if "quantile_head" in tensor.name}
        assert told == {
            LEVELS: {("loaded", "")},
            (): {("left out", "this model has no such part")},
        }.get(levels, {("new", "the quantiles were 0.1, 0.5, 0.9, now 0.05, 0.5, 0.95")})
        assert {tensor.how for tensor in start.tensors if "quantile_head" not in tensor.name} == {"loaded"}
