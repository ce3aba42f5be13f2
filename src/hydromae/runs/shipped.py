"""Models that come with the package: runs without data of their own, called by a bare name."""

from pathlib import Path
from typing import Final

from hydromae.base.files import absolute

FOLDER: Final = Path(__file__).resolve().parent.parent / "pretrained"


def shipped_models() -> tuple[str, ...]:
    """Their names, sorted."""
    return tuple(sorted(path.parent.name for path in FOLDER.glob("*/config.yaml")))


def located(path: str | Path) -> Path:
    """The folder of a shipped model where a text is its bare name, as `gb`; else the path itself, as `./gb`."""
    return FOLDER / path if isinstance(path, str) and path in shipped_models() else Path(path)


def is_shipped(path: str | Path) -> bool:
    """Whether a folder is that of a shipped model."""
    return absolute(path).parent == FOLDER
