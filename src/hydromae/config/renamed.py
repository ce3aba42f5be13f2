"""Keys that have had another name: the old name still works, and a message gives the new one once."""

import logging
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

logger = logging.getLogger(__name__)

# section -> old name -> name
RENAMED: Final[dict[str, dict[str, str]]] = {
    "model": {
        "img_encoder_layers": "grid_encoder_layers",
        "vec_encoder_layers": "series_encoder_layers",
        "image_height": "grid_height",
        "image_width": "grid_width",
        "image_patch_days": "grid_patch_days",
        "vector_patch_size": "series_patch_size",
        "vector_patch_days": "series_patch_days",
        "num_catchments": "stations_per_window",
    },
    "masking": {"image_mask_ratio": "grid_mask_ratio", "vector_mask_ratio": "series_mask_ratio"},
}


def renamed(section: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a section under today's keys.

    Raises:
        ValueError: a value is given under the old and the new name.
    """
    names = RENAMED.get(section, {})
    for old in names.keys() & values.keys():
        if names[old] in values:
            raise ValueError(f"{section}.{old} is the old name of {section}.{names[old]}; give one of them")
    return {names.get(key, key): value for key, value in values.items()}


def with_current_names(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as nested mappings under today's keys; says once which keys have new names.

    Raises:
        ValueError: a value is given under the old and the new name.
    """
    changed = {section: renamed(section, values) for section, values in raw.items() if isinstance(values, Mapping)}
    for section, values in changed.items():
        for old in RENAMED.get(section, {}).keys() & raw[section].keys() - values.keys():
            say_once(section, old)
    return {**raw, **changed}


@cache
def say_once(section: str, old: str) -> None:
    """Tell the new name of a key, the first time that the old one is met."""
    logger.warning("%s.%s is now %s.%s; the old name still works", section, old, section, RENAMED[section][old])


def current_key(key: str) -> str:
    """Today's name of a key such as `model.img_encoder_layers`."""
    section, dot, name = key.partition(".")
    return f"{section}{dot}{RENAMED.get(section, {}).get(name, name)}"
