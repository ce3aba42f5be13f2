"""Example configurations, which come with the package."""

from importlib.resources import files
from pathlib import Path

import yaml

from hydromae.base.errors import ConfigError
from hydromae.config.read import read_raw


def _folders() -> list[Path]:
    """In a wheel the examples lie in the package, in a checkout beside its `src`."""
    package = Path(str(files("hydromae")))
    return [package / "configs", package.parents[1] / "configs"]


def example_files() -> dict[str, Path]:
    """The file of each example, by name; `hydromae demo` writes a configuration of its own."""
    folder = next((folder for folder in _folders() if folder.is_dir()), None)
    return {} if folder is None else {path.stem: path for path in sorted(folder.glob("*.yaml")) if path.stem != "demo"}


def example_text(name: str) -> str:
    """An example as a configuration that stands by itself: what it extends is in it.

    Raises:
        ConfigError: there is none of that name.
    """
    examples = example_files()
    if name not in examples:
        raise ConfigError(f"there is no example {name}; there are {', '.join(sorted(examples))}")
    text = examples[name].read_text(encoding="utf-8")
    if "extends" not in yaml.safe_load(text):
        return text
    head = [line for line in text.split("\nextends:")[0].splitlines() if line.startswith("#")]
    return "\n".join([*head, yaml.safe_dump(read_raw(examples[name]), sort_keys=False, allow_unicode=True)])


def meaning_of(path: Path) -> str:
    """What an example is for: its first comment, up to a line that ends a sentence."""
    words: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#") or (words and words[-1].endswith(".")):
            break
        words.append(line.lstrip("# ").rstrip())
    return " ".join(words)
