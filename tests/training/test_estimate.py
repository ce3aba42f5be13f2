"""What a step takes is known before it is tried, and what does not fit is refused with keys that make it fit."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from hydromae.base.errors import ConfigError
from hydromae.config import Config
from hydromae.config.read import build_config
from hydromae.models.cost import StepCost
from hydromae.models.summary import summary_table
from hydromae.store.store import Store
from hydromae.training import estimate as estimating
from hydromae.training.dry_run import dry_run
from hydromae.training.estimate import estimate, refuse_too_large
from hydromae.training.loop import Trainer
from hydromae.training.runs import new_run
from hydromae.training.setup import build_model
from support.small import small_config, small_raw
from support.sources import World

Prepared = tuple[World, Store]
CPU = torch.device("cpu")
# So large that the step is nearly all of what the process needs.
LARGE: dict[str, Any] = {
    "model": {"d_model": 64, "nhead": 4, "grid_encoder_layers": 2, "decoder_dim": 64, "series_patch_size": 4},
    "data": {"window": 40, "stride": 1},
    "training": {"batch_size": 48},
}
_MEASURE = """
import sys
from pathlib import Path
import yaml
from hydromae.config.read import build_config
from hydromae.store.store import Store
from hydromae.training.dry_run import dry_run
config = build_config(yaml.safe_load(Path(sys.argv[1]).read_text()))
found = []
trial = dry_run(config, Store.open(config.store_path), found.append)
print(found[0].memory, trial.memory)
"""


@pytest.fixture
def large(prepared: Prepared, tmp_path: Path) -> Config:
    return small_config(prepared[0], tmp_path / "run", **LARGE)


@pytest.mark.slow
def test_the_estimate_is_near_what_a_step_needs(prepared: Prepared, tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_text(yaml.safe_dump(small_raw(prepared[0], tmp_path / "run", **LARGE)))
    done = subprocess.run([sys.executable, "-c", _MEASURE, str(path)], capture_output=True, text=True, check=True)
    estimated, measured = map(int, done.stdout.split())
    assert measured > 4.5e8 and 0.75 * measured < estimated < 1.15 * measured, (estimated, measured)


def test_the_estimate_knows_parameters_and_tokens(prepared: Prepared, large: Config) -> None:
    found = estimate(large, prepared[1], CPU)
    model = build_model(large, prepared[1])
    assert found.parameters == sum(p.numel() for p in model.parameters())
    # 40 days of 4 patches, or of one group of stations; 40 % hidden.
    assert found.tokens["precip"] == (160, 96, 64) and found.tokens["evap"] == (40, 24, 16)
    assert found.every_token == 400 and found.windows == 48 and found.seconds > 0 and found.fits


def test_a_model_that_forecasts_from_every_issue_day_is_estimated_too(prepared: Prepared, tmp_path: Path) -> None:
    model = {"series_patch_size": 1, "recurrent_dim": 8, "rolling": ["riverflow"]}
    masking = {"strategies": {"rolling_forecast": 1}, "forecast": ["riverflow"], "horizon": 2}
    config = small_config(prepared[0], tmp_path / "run", model=model, masking=masking)
    found = estimate(config, prepared[1], CPU)
    assert found.parameters == sum(p.numel() for p in build_model(config, prepared[1]).parameters())
    assert found.tokens["precip"] == (32, 32, 0) and found.seconds > 0


@pytest.mark.slow
def test_model_estimate_and_trial_count_the_same_tokens(prepared: Prepared, tmp_path: Path) -> None:
    config = small_config(prepared[0], tmp_path / "run", model={"grid_patch_days": 3})
    model, trial = build_model(config, prepared[1]), dry_run(config, prepared[1])
    cells = summary_table(model, config).columns
    listed = dict(zip(cells[0]._cells, cells[1]._cells, strict=True))
    for name, (every, _, hidden) in estimate(config, prepared[1], CPU).tokens.items():
        assert listed[f"{name}: tokens in 8 days (hidden)"] == f"{every:,} ({hidden:,})"
        assert trial.tokens[name][0] == every == model.shapes[name].tokens(8)


@pytest.mark.slow
def test_forecast_masks_are_estimated_with_the_weather_that_they_show(prepared: Prepared, tmp_path: Path) -> None:
    masking = {"strategies": {"forecast": 1}, "forcing": 1.0, "horizon": 1}
    found = estimate(small_config(prepared[0], tmp_path / "run", masking=masking), prepared[1], CPU)
    assert found.tokens["precip"] == (32, 32, 0) and found.tokens["riverflow"] == (16, 14, 2)


@pytest.mark.slow
def test_the_memory_of_a_step_follows_its_windows_and_is_below_the_rule_of_thumb(
    prepared: Prepared, large: Config, tmp_path: Path
) -> None:
    few = small_config(prepared[0], tmp_path / "run", **{**LARGE, "training": {"batch_size": 6}})
    found, fewer = (estimate(config, prepared[1], CPU) for config in (large, few))
    assert found.saved == pytest.approx(8 * fewer.saved, rel=0.05)
    assert found.memory < estimating._at_most(large, prepared[1])


def test_other_patches_than_the_store_has_can_be_estimated(prepared: Prepared, large: Config) -> None:
    smaller = estimating._changed(large, "model", patch_size=1)
    assert estimate(smaller, prepared[1], CPU, patches=100).tokens["precip"][0] == 100 * 40


def only(monkeypatch: pytest.MonkeyPatch, config: Config, store: Store, room: float) -> None:
    """Let the machine have what the process and the weights need, and a share of what the forward pass keeps."""
    monkeypatch.setattr(estimating, "used_memory", lambda device="cpu": 3 * 10**8)  # which grows as tests are run
    found = estimate(config, store, CPU, timed=False)
    there = found.memory - (1 - room) * found.saved
    monkeypatch.setattr(estimating, "machine_memory", lambda device: int(there))


def test_what_does_not_fit_is_refused_and_every_key_that_is_named_makes_it_fit(
    prepared: Prepared, large: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, large, prepared[1], room=0.4)
    monkeypatch.setattr(Trainer, "train_step", lambda *_: pytest.fail("a step was tried"))
    told: list[Any] = []
    with pytest.raises(ConfigError, match="more than this machine's memory of") as refused:
        dry_run(large, prepared[1], told.append)
    assert len(told) == 1 and not told[0].fits
    remedies = re.search(r"each of these would fit: (.*)", str(refused.value))
    assert remedies is not None
    named = [one for one in remedies[1].split(", ") if "=" in one]
    assert [one.split("=")[0] for one in named] == [
        "training.batch_size",
        "model.grid_patch_days",
        "data.window",
        "model.d_model",
    ]
    for overrides in named:
        raw = small_raw(prepared[0], tmp_path / "run", **LARGE)
        assert estimate(build_config(raw, overrides.split()), prepared[1], CPU, timed=False).fits, overrides


@pytest.mark.slow
def test_a_training_is_refused_likewise_and_leaves_no_run_behind(
    prepared: Prepared, large: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, large, prepared[1], room=0.4)
    with pytest.raises(ConfigError, match=r"a training step needs about .* training\.batch_size=\d"):
        new_run(large, prepared[1])
    assert not Path(large.output_path).exists()


def test_where_the_weights_do_not_fit_no_single_key_is_promised(
    prepared: Prepared, large: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whatever is changed; what a step really takes is in the tests above.
    monkeypatch.setattr(estimating, "step_cost", lambda *_: StepCost(parameters=10**7, saved=10**7, operations=0))
    monkeypatch.setattr(estimating, "machine_memory", lambda device: 10**6)
    with pytest.raises(ConfigError, match=r"no key does by itself: lower several of training\.batch_size"):
        refuse_too_large(large, prepared[1], CPU)
