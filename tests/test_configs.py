"""The experiments in `configs/`: what each is, and that it says no more than that."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from hydromae.app.demo import sample_config
from hydromae.config import Config
from hydromae.config.read import build_config, load_config
from hydromae.sample.sizes import sample_in

Hydromae = Callable[..., tuple[int, str, str]]
CONFIGS = Path(__file__).parents[1] / "configs"
NAMES = (
    "base",
    "crossmae",
    "crossmae_wfm",
    "demo",
    "exp1",
    "exp2",
    "gb",
    "gb_flow",
    "gb_pretrained",
    "gb_small",
    "haduk",
)


@pytest.fixture(autouse=True)
def _without_folders_of_one_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HYDROMAE_DATA", raising=False)


def load(name: str) -> Config:
    return load_config(CONFIGS / f"{name}.yaml")


def differing(one: Config, other: Config) -> dict[str, Any]:
    """Key -> value in `one`, of all that `other` has otherwise; names and folders aside."""
    flat = [leaves(config.model_dump(mode="json")) for config in (one, other)]
    aside = ("name", "output", "data.store")
    return {key: value for key, value in flat[0].items() if flat[1].get(key, ...) != value and key not in aside}


def leaves(value: Any, name: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {key: leaf for part in value for key, leaf in leaves(value[part], f"{name}.{part}".strip(".")).items()}
    return {name: value}


def test_the_named_experiments_are_there_and_no_other() -> None:
    assert sorted(path.stem for path in CONFIGS.iterdir()) == sorted(NAMES)


@pytest.mark.parametrize("name", sorted({*NAMES} - {"base"}))  # which says all that the first user set
def test_an_experiment_repeats_nothing_of_what_it_builds_on(name: str) -> None:
    path = CONFIGS / f"{name}.yaml"
    raw = yaml.safe_load(path.read_text())
    own = raw.pop("extends", None)
    base = load_config(path.parent / own) if own else Config()
    written, changed = leaves(raw).keys(), differing(load(name), base)
    assert written - changed.keys() - {"data.store", "output"} == set()


def test_what_sets_the_first_user_s_experiments_apart() -> None:
    assert differing(load("exp1"), load("base")) == {"data.window": 90}
    assert differing(load("exp2"), load("base")) == {"model.use_weighted_fm": True}
    assert differing(load("crossmae_wfm"), load("crossmae")) == {"model.use_weighted_fm": True}
    assert load("exp1").store_path == load("exp2").store_path == load("base").store_path
    assert len({load(name).output_path for name in NAMES}) == len(NAMES)


def test_base_holds_the_first_user_s_settings() -> None:
    config = load("base")
    data, training, logging = config.data, config.training, config.logging
    assert [str(day) for period in (data.train, data.val) for day in period] == [
        "1989-01-01",
        "2010-12-31",
        "2011-01-01",
        "2015-12-30",
    ]
    assert (data.window, data.stride, training.batch_size, training.epochs, training.warmup_epochs) == (
        30,
        20,
        16,
        10,
        5,
    )
    assert (training.min_lr, training.eps, training.lr, training.weight_decay) == (0, 1e-8, 1e-4, 0.05)
    assert (training.betas, training.clip_norm, training.precision, training.workers) == ((0.9, 0.95), 1, "auto", 12)
    assert training.task_weights == {
        "precip_loss": 100,
        "soil_loss": 10,
        "temp_loss": 10,
        "evap_loss": 1,
        "riverflow_loss": 1,
    }
    assert (logging.checkpoint_every, logging.checkpoint_minutes, logging.keep, logging.log_every) == (10, 15, 10, 10)
    assert config.output_path == "output/multimodal_mae"


def test_the_demo_s_configuration_is_what_the_demo_trains_on_a_small_sample() -> None:
    made = build_config(sample_config(sample_in(Path("sample"), "small"), "small", Path()))
    assert differing(load("demo"), made) == differing(made, load("demo")) == {}


@pytest.mark.slow
def test_the_demo_s_configuration_trains_on_the_sample(
    hydromae: Hydromae, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # The tiny sample takes seconds; its files have other names, which is all that is changed.
    assert hydromae("data", "sample", "sample", "--size", "tiny")[0] == 0
    tiny = sample_config(sample_in(Path("sample"), "tiny"), "tiny", Path())["data"]
    keys = ("grid", "land_mask", "train", "val", *(f"modalities.{name}.paths" for name in tiny["modalities"]))
    changes = [f"data.{key}={yaml.safe_dump(value_at(tiny, key), default_flow_style=True).strip()}" for key in keys]
    changes = [change.removesuffix("\n...") for change in changes]
    told = hydromae("train", CONFIGS / "demo.yaml", *changes, "data.stride=150", "training.epochs=1")
    assert told[0] == 0 and "output/demo. Next:" in told[1], told


def value_at(values: dict[str, Any], key: str) -> Any:
    for part in key.split("."):
        values = values[part]
    return values
