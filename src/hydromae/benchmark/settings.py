"""The settings that come with the package."""

from importlib.resources import files
from typing import Any

import yaml


def packaged_settings() -> dict[str, Any]:
    """What `hydromae benchmark gb-flow-7` trains: section -> its keys, without paths."""
    text = files("hydromae.benchmark").joinpath("gb_flow_7.yaml").read_text(encoding="utf-8")
    raw: dict[str, Any] = yaml.safe_load(text)
    return raw
