from pathlib import Path

import pytest

from hydromae.base.errors import ConfigError
from hydromae.config.examples import example_files, example_text, meaning_of
from hydromae.config.read import load_config

CONFIGS = Path(__file__).parents[2] / "configs"


@pytest.mark.parametrize("name", sorted(example_files()))
def test_an_example_by_itself_is_the_configuration_of_its_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.yaml"
    path.write_text(example_text(name), encoding="utf-8")
    assert "extends" not in path.read_text()
    assert load_config(path) == load_config(CONFIGS / f"{name}.yaml")
    assert meaning_of(example_files()[name]).endswith((".", "name gb"))


def test_an_example_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"there is no example bse; there are base, crossmae, .*haduk"):
        example_text("bse")
