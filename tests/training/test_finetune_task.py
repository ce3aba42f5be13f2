import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import hydromae as package
from hydromae.base.errors import ConfigError, RunError
from hydromae.batch.batch import Batch
from hydromae.config import Config
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import load_pretrained
from hydromae.store.prepare import prepare
from hydromae.training.build import build_trainer
from hydromae.training.callback import Beginning, Callback
from hydromae.training.finetune import finetune_config, task_names
from hydromae.training.runs import is_finished, new_run
from hydromae.training.start_from import Start
from support.small import small_config
from support.sources import World, make_world

Hydromae = Callable[..., tuple[int, str, str]]
QUIET = {"images": False, "tensorboard": False}
ALL = "forecast,infill,ungauged"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    world = make_world(tmp_path_factory.mktemp("finetune") / "sources")
    config = small_config(world, world.root.parent / "run", training={"epochs": 1}, logging=QUIET)
    return new_run(config, prepare(world.config()))


@pytest.fixture(scope="module")
def trained_by_station(trained: RunDirectory) -> RunDirectory:
    """A run whose windows hold one station each, without grids."""
    known = trained.config()
    raw = known.model_dump(mode="json")
    keys = {"series_patch_size": 1, "series_patch_days": 2, "stations_per_window": 1, "series_position": "none"}
    raw["model"] = {**raw["model"], **keys}
    raw["data"]["stations_per_window"], raw["output"] = 1, str(trained.path.with_name("by_station"))
    return new_run(Config.model_validate(raw), trained.store())


def batches(config: Config, run: RunDirectory) -> list[Batch]:
    trainer = build_trainer(config, run.store())
    return [trainer.batcher.batch(parts[0], trainer.masker.training(0)) for parts in trainer.batches()]


def states(batch: Batch, name: str) -> dict[str, torch.Tensor]:
    """Visible, hidden and present tokens of a modality, [B, tokens]."""
    tokens = batch.tokens[name]

    def chosen(selection: Any) -> torch.Tensor:
        empty = torch.zeros(tokens.valid.shape[:2], dtype=torch.int64)
        return empty.scatter_add(1, selection.index, selection.real.long()) > 0

    return {"seen": chosen(tokens.visible), "hidden": chosen(tokens.target), "there": tokens.valid.any(-1)}


def test_the_command_writes_a_run_of_its_own_and_says_what_was_loaded(
    hydromae: Hydromae, trained: RunDirectory, tmp_path: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in trained.path.rglob("*")}
    output = tmp_path / "tuned"
    code, said, _ = hydromae("finetune", trained.path, "--task", ALL, "-o", output, "training.lr=2e-3")
    assert code == 0 and f"Trained: {output}. Next:\n" in said and f"  hydromae report {output}\n" in said
    assert f"Startfrom{trained.path}" in "".join(said.split()) and "loaded" in said  # the title wraps with its table
    assert {path: path.stat().st_mtime_ns for path in trained.path.rglob("*")} == before
    run = RunDirectory.open(output)
    assert is_finished(run)
    assert {tensor["how"] for tensor in json.loads((output / "start.json").read_text())["tensors"]} == {"loaded"}
    config = run.config()
    # Of the two groups of stations a ratio of 0.4 hides no whole one, so now and then all flow is hidden.
    assert config.masking.strategies == {"forecast": 1.0, "gap": 0.5, "span": 0.5, "modality": 1.0}
    assert config.masking.targets == {"modality": ("riverflow",)}
    assert (config.training.lr, config.training.start_from) == (2e-3, str(trained.path))
    old, new = (load_pretrained(path).state_dict() for path in (trained.path, output))
    assert old.keys() == new.keys() and not torch.equal(old["norm_shared.weight"], new["norm_shared.weight"])


@pytest.mark.slow
def test_the_command_adds_quantiles_and_refuses_a_directory_that_holds_a_run(
    hydromae: Hydromae, trained: RunDirectory, tmp_path: Path
) -> None:
    arguments = ("finetune", trained.path, "--task", "forecast", "-o", tmp_path / "tuned")
    code, said, _ = hydromae(*arguments, "model.quantiles=[0.1,0.5,0.9]")
    assert code == 0 and "there was no such part" in said
    assert load_pretrained(tmp_path / "tuned").config.quantiles == (0.1, 0.5, 0.9)
    code, _, error = hydromae(*arguments)
    assert code == 2 and "already holds a run" in error


def test_from_python_and_from_scratch_all_is_the_same_but_the_start(trained: RunDirectory, tmp_path: Path) -> None:
    told: list[Start] = []

    class Told(Callback):
        def on_start(self, beginning: Beginning) -> None:
            told.extend([beginning.start] if beginning.start else [])

    tuned = package.finetune(trained.path, ["forecast"], output=tmp_path / "a", callbacks=[Told()])
    scratch = package.finetune(trained.path, "forecast", output=tmp_path / "b", from_scratch=True, callbacks=[Told()])
    assert len(told) == 1 and told[0].count("loaded") == len(told[0].tensors)
    assert not (scratch.path / "start.json").exists()
    one, other = (run.config().model_dump() for run in (tuned, scratch))
    assert one["training"].pop("start_from") == str(trained.path) and other["training"].pop("start_from") is None
    for own in ("name", "output"):
        assert one.pop(own) != other.pop(own)
    assert one == other


def test_defaults_are_slower_and_shorter_than_the_run_and_go_before_what_is_given(trained: RunDirectory) -> None:
    known, config = trained.config(), finetune_config(trained, "forecast")
    assert config.training.lr == pytest.approx(0.3 * known.training.lr)
    assert config.training.epochs == 1 and config.training.warmup_epochs == pytest.approx(0.1)
    assert config.output == str(trained.path.with_name("run_forecast")) and config.name == "small_forecast"
    given = ("training.epochs=30", "training.lr=1", "masking.horizon=3", "masking.strategies.forecast=4")
    changed = finetune_config(trained, "forecast,infill", given)
    assert (changed.training.epochs, changed.training.lr, changed.masking.horizon) == (30, 1.0, 3)
    assert changed.training.warmup_epochs == 1.0  # the run's, which is less than a tenth of 30
    assert changed.masking.strategies == {"forecast": 4.0, "gap": 0.5, "span": 0.5}


def test_tuning_waits_for_a_better_validation_unless_there_is_none(trained: RunDirectory) -> None:
    assert trained.config().training.patience is None and trained.config().data.val is not None
    assert finetune_config(trained, "forecast").training.patience == 3
    assert finetune_config(trained, "forecast", ["training.patience=null"]).training.patience is None
    assert finetune_config(trained, "forecast", ["data.val=null"]).training.patience is None


def test_weights_that_tuning_only_makes_worse_are_kept(trained: RunDirectory, tmp_path: Path) -> None:
    tuned = package.finetune(trained.path, "forecast", ["training.lr=10", "training.epochs=2"], tmp_path / "worse")
    old, new = (load_pretrained(path).state_dict() for path in (trained.path, tuned.path))
    assert all(torch.equal(old[name], new[name]) for name in old)
    first, *later = [
        record["loss"]
        for record in map(json.loads, tuned.metrics.read_text().splitlines())
        if record["event"] == "validation"
    ]
    assert later and first < min(later)


def test_a_run_that_knows_the_masks_is_anchored_and_one_that_does_not_is_free(
    trained: RunDirectory, tmp_path: Path
) -> None:
    assert finetune_config(trained, "forecast").training.lr_scale == {}
    known = package.finetune(trained.path, "forecast", output=tmp_path / "known")
    config = finetune_config(known, "forecast", output=tmp_path / "anchored")
    assert config.training.lr_scale == {"*_encoder": 0.1, "norm_shared": 0.1, "blocks_shared": 0.1}
    assert (
        finetune_config(known, "forecast", ["training.lr_scale={soil_encoder: 0.5}"]).training.lr_scale["soil_encoder"]
        == 0.5
    )
    assert finetune_config(known, "forecast,infill").training.lr_scale == {}
    assert finetune_config(known, "forecast", from_scratch=True).training.lr_scale == {}
    rates = {group["lr"] for group in build_trainer(config, known.store()).engine.optimizer.param_groups}
    assert len(rates) <= 2  # every pattern names a part


def test_a_model_that_can_is_tuned_on_forecasts_from_every_issue_day(trained_by_station: RunDirectory) -> None:
    rolling = ["model.rolling=[riverflow]"]
    assert finetune_config(trained_by_station, "forecast", rolling).masking.strategies == {"rolling_forecast": 1.0}
    assert finetune_config(trained_by_station, "forecast").masking.strategies == {"forecast": 1.0}


def test_of_ungauged_stations_all_flow_is_hidden_and_all_weather_seen(trained: RunDirectory) -> None:
    config = finetune_config(trained, "ungauged", ["masking.series_mask_ratio=0.5"])
    assert config.masking.strategies == {"place": 1.0}
    hidden_groups = 0
    for batch in batches(config, trained):
        for name in ("precip", "soil", "evap"):
            found = states(batch, name)
            # A training batch is cut to its smallest counts, so some are ignored; none is hidden.
            assert not found["hidden"].any() and found["seen"].any(1).all()
        flow = states(batch, "riverflow")
        assert not (flow["seen"] & flow["hidden"]).any()
        by_group = {key: value.unflatten(1, (-1, 2)) for key, value in flow.items()}  # [B, days, groups of 2 stations]
        hidden, seen = by_group["hidden"].any(1), by_group["seen"].any(1)  # [B, groups]
        hidden_groups += int((hidden & ~seen).sum())
        assert (hidden & ~seen).any(1).sum() >= 1
    assert hidden_groups > 5


def test_the_one_station_of_a_window_is_ungauged_as_a_whole(trained_by_station: RunDirectory) -> None:
    config = finetune_config(trained_by_station, "ungauged")
    assert config.masking.strategies == {"modality": 1.0}
    assert config.masking.targets == {"modality": ("riverflow",)}
    scored = 0
    for batch in batches(config, trained_by_station):
        flow = states(batch, "riverflow")
        scored += int(flow["hidden"].sum())
        if flow["hidden"].any():
            assert not flow["seen"].any() and torch.equal(flow["hidden"], flow["there"])
            for name in ("precip", "soil", "evap"):
                assert not states(batch, name)["hidden"].any()
    assert scored > 0


def test_settings_of_data_may_change_and_the_store_is_found(trained: RunDirectory, tmp_path: Path) -> None:
    tuned = package.finetune(trained.path, "infill", ["data.window=6"], tmp_path / "tuned")
    assert is_finished(tuned) and tuned.config().data.window == 6
    assert Path(tuned.config().store_path) == trained.store().path


def test_a_model_without_flow_says_how_to_name_what_ungauged_stations_lack(
    trained: RunDirectory,
) -> None:
    lacking = ["data.modalities.riverflow.units=mm/d", "data.modalities.riverflow.per_area=false"]
    with pytest.raises(
        ConfigError, match=r"hides a series in m3/s, .*; name what it shall hide with masking\.forecast"
    ):
        finetune_config(trained, "ungauged", lacking)
    config = finetune_config(trained, "ungauged", [*lacking, "masking.forecast=[evap]"])
    assert config.masking.targets == {"modality": ("evap",)}


@pytest.mark.parametrize("task", ["forecasts", "forecast,", "", []])
def test_a_task_that_is_not_known_is_refused(task: str | list[str]) -> None:
    with pytest.raises(ConfigError, match="one or several of forecast, infill, ungauged"):
        task_names(task)


def test_tasks_may_be_named_with_spaces_and_twice() -> None:
    assert task_names("forecast, infill,forecast") == ("forecast", "infill")


def test_what_is_no_run_or_was_not_trained_is_refused(trained: RunDirectory, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is not a run directory"):
        package.finetune(tmp_path, "forecast")
    begun = tmp_path / "begun"
    begun.mkdir()
    for name in ("config.yaml", "data.json"):
        (begun / name).write_text((trained.path / name).read_text())
    with pytest.raises(RunError, match="holds no trained model"):
        package.finetune(begun, "forecast", output=tmp_path / "tuned")
    assert not (tmp_path / "tuned").exists()


@pytest.mark.parametrize(
    ("targets", "expected"),
    [({"span": ["flow"]}, "masking.targets.span names flow, which is none of"), ({"place": []}, "would hide nothing")],
)
def test_targets_that_are_not_there_are_refused(world: World, targets: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        small_config(world, Path("unused"), masking={"targets": targets})
