from pathlib import Path

import pytest
import torch

from hydromae.base.errors import ConfigError
from hydromae.config import MaskingConfig
from hydromae.config.masking import STRATEGIES as NAMES
from hydromae.config.read import build_config
from hydromae.masks.registry import STRATEGIES, strategy_of
from hydromae.store.store import Store
from hydromae.windows.windows import WindowReader
from support.batches import BatchMaker
from support.packages import install_package
from support.small import small_config, small_parts
from support.sources import World

Prepared = tuple[World, Store]


def test_the_configuration_knows_the_strategies_that_there_are() -> None:
    assert set(NAMES) == set(STRATEGIES)


def test_an_unknown_strategy_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match="no masking strategy spam; name one of random, span, gap, place, modality"):
        build_config({"masking": {"strategies": {"spam": 1}}})
    with pytest.raises(ConfigError, match="no masking strategy spam"):
        strategy_of("spam")


def test_the_example_of_the_page_on_masks_hides_the_days_of_most_observations(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = Path("docs/masks.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    install_package(tmp_path / "site", "busy_masks", code, "hydromae.strategies", monkeypatch, busy="busy_masks:Busy")
    config = small_config(prepared[0], tmp_path / "run", masking={"strategies": {"busy": 1}})
    model, reader, maker = small_parts(config, prepared[1])
    windows = reader.read([60, 90], 8)
    for batch in (maker.training_batch(windows, 0), maker.evaluation_batch(windows)):
        for name, tokens in batch.tokens.items():
            places = model.shapes[name].places
            observed = tokens.valid.any(-1).unflatten(1, (-1, places)).sum(2)  # [B, slots]
            of_targets = observed.gather(1, tokens.target.index // places)
            of_visible = observed.gather(1, tokens.visible.index // places)
            for sample in range(2):
                real = tokens.target.real[sample], tokens.visible.real[sample]
                assert of_targets[sample][real[0]].min() >= of_visible[sample][real[1]].max()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise KeyError('no')", "cannot be loaded .KeyError"),
        ("bad = 3", "is no hydromae.masks.strategy.Strategy, but a int"),
    ],
)
def test_what_is_wrong_with_a_registered_strategy_names_its_package(
    code: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_package(tmp_path / "site", "bad_masks", code, "hydromae.strategies", monkeypatch, bad="bad_masks:bad")
    with pytest.raises(ConfigError, match=f"the masking strategy bad of the package bad-masks {reason}"):
        strategy_of("bad")


def test_a_strategy_without_an_order_of_its_own_hides_what_random_hides(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "from hydromae.masks.strategy import Strategy\nclass Plain(Strategy): pass\n"
    install_package(
        tmp_path / "site", "plain_masks", code, "hydromae.strategies", monkeypatch, plain="plain_masks:Plain"
    )
    model, reader, _ = small_parts(small_config(prepared[0], tmp_path / "run"), prepared[1])
    store = reader.store
    windows = WindowReader(store, model.shapes).read([60, 90], 8)
    plain, random = (
        BatchMaker(store, model.shapes, MaskingConfig(strategies={name: 1.0})).evaluation_batch(windows)
        for name in ("plain", "random")
    )
    for name, tokens in plain.tokens.items():
        assert torch.equal(tokens.target.index, random.tokens[name].target.index)
