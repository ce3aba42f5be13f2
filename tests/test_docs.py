"""Settings that the documentation gives can be used as they stand."""

import re
from pathlib import Path

import pytest

from hydromae.config.read import load_config

ROOT = Path(__file__).parents[1]
BENCHMARK = ROOT / "src/hydromae/benchmark/gb_flow_7.yaml"
STRATEGIES = {
    "infill": {"forecast": 1.0, "gap": 1.0, "span": 0.5, "place": 1.0},
    "ungauged": {"forecast": 0.0, "modality": 1.0},
}


@pytest.mark.parametrize("page", STRATEGIES)
def test_settings_on_top_of_the_benchmarks_make_a_configuration(page: str, tmp_path: Path) -> None:
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    blocks = [block for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "of the benchmark's" in block]
    assert len(blocks) == 1
    (tmp_path / "own.yaml").write_text(f"extends: {BENCHMARK}\n{blocks[0]}", encoding="utf-8")
    config = load_config(tmp_path / "own.yaml")
    assert config.masking.strategies == STRATEGIES[page] and config.masking.forecast == ("riverflow",)
    assert config.model.recurrent_dim > 0 and config.model.max_time_steps >= config.data.window
