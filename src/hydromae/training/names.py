"""Choosing parts of a model by patterns of their names."""

from collections.abc import Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase

from torch import nn

from hydromae.base.errors import ConfigError


def parameters_like(model: nn.Module, pattern: str, key: str) -> list[str]:
    """Names of the parameters that a pattern chooses, by their own name or by that of a part they belong to.

    Args:
        model: has the parameters.
        pattern: as in a shell, where `*` also stands for dots: precip_encoder, *_encoder, *.norm, *.bias.
        key: key of the configuration, for the message.

    Raises:
        ConfigError: no name matches it.
    """
    names = [name for name, _ in model.named_parameters()]
    chosen = [name for name in names if any(fnmatchcase(part, pattern) for part in _lineage(name))]
    if not chosen:
        all_parts = dict.fromkeys(part for name in names for part in _lineage(name))
        raise ConfigError(f"{key} has {pattern}, which is like no part of the model; {_near(pattern, all_parts)}")
    return chosen


def _lineage(name: str) -> list[str]:
    """A parameter and the parts around it, the outermost first."""
    words = name.split(".")
    return [".".join(words[: i + 1]) for i in range(len(words))]


def _near(pattern: str, names: Iterable[str]) -> str:
    near = get_close_matches(pattern, list(names), n=3, cutoff=0.5)
    if near:
        return f"near to it are {', '.join(near)}"
    return f"the parts are {', '.join(dict.fromkeys(name.split('.')[0] for name in names))}"
