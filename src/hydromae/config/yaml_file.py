"""YAML from files that may come from anybody: bounded in size, depth and aliases, read without running anything."""

import re
import stat
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

from hydromae.base.errors import ConfigError
from hydromae.base.permissions import refused

LARGEST: Final = 4 * 2**20  # bytes
DEEPEST: Final = 40  # lists and mappings within each other
MOST: Final = 200_000  # values, each alias counted as what it stands for

_OCTAL = re.compile(r"[-+]?0[0-9_]+")


class _TooMuchError(yaml.YAMLError):
    """The text is valid, and yet no configuration."""


class _Loader(yaml.SafeLoader):
    """YAML in which digits after a zero stay text: 01013500 is the id of a station, not a number to the base 8."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise _TooMuchError(f"lists and mappings lie more than {DEEPEST} deep within each other")
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None:
            _count(node, {})
        return node


def _count(node: yaml.Node, counted: dict[int, int | None]) -> int:
    """Number of values in a node, where an alias counts as what it stands for.

    Raises:
        _TooMuchError: there are more than `MOST`, or a value lies within itself.
    """
    known = counted.get(id(node), 0)
    if known is None:
        raise _TooMuchError("an alias (*) stands within what it names")
    if known:
        return known
    counted[id(node)] = None
    parts: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        parts = [part for pair in node.value for part in pair]
    elif isinstance(node, yaml.SequenceNode):
        parts = node.value
    total = 1 + sum(_count(part, counted) for part in parts)
    if total > MOST:
        raise _TooMuchError(f"it stands for more than {MOST:,} values")
    counted[id(node)] = total
    return total


def _whole_number(loader: _Loader, node: yaml.ScalarNode) -> Any:
    return node.value if _OCTAL.fullmatch(node.value) else loader.construct_yaml_int(node)


_Loader.add_constructor("tag:yaml.org,2002:int", _whole_number)


@lru_cache(maxsize=16)
def _parsed(text: str) -> Any:
    """Each task opens the configuration of its run several times; what was read is copied, for it may be changed."""
    return yaml.load(text, _Loader)


def parse_yaml(text: str) -> Any:
    """What YAML text holds.

    Raises:
        YAMLError: it is not valid YAML, or beyond the bounds of this module.
        ValueError: a date does not exist, or a number is too long.
    """
    return deepcopy(_parsed(text))


def read_yaml(path: Path) -> Any:
    """What a YAML file holds.

    Raises:
        ConfigError: it is no regular file, too large, or not valid YAML.
    """
    remedy = "give the path of a YAML file"
    if refusal := refused(path):
        raise ConfigError(refusal)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a device or a pipe may never end
            raise ConfigError(f"{path}: is no file; {remedy}")
        if status.st_size > LARGEST:
            raise ConfigError(f"{path}: has {status.st_size / 2**20:.0f} MB, too many for a configuration; {remedy}")
        return parse_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such configuration file; {remedy}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(refused(path, error) or f"{path}: cannot be read ({error}); {remedy}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is not valid YAML: {' '.join(str(error).split())}") from None
    except ValueError as error:
        raise ConfigError(f"{path}: {why_no_value(error)}; correct it") from None


def why_no_value(error: ValueError) -> str:
    """Why a value in YAML has none: Python tells of numbers in words of its own."""
    if "integer string conversion" in str(error):
        return "holds a number of thousands of digits"
    return f"holds a date that does not exist ({error})"
