"""Reading a configuration: YAML, `extends`, `${VARIABLE}` and `key=value`, with errors that say which key is wrong."""

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from hydromae.base.errors import ConfigError
from hydromae.base.files import absolute
from hydromae.base.secret_values import concealed, remember_secret
from hydromae.config import Config
from hydromae.config.explain import is_key, section_at
from hydromae.config.renamed import with_current_names
from hydromae.config.yaml_file import parse_yaml, read_yaml, why_no_value

Given = Config | str | Path | Mapping[str, Any]  # a configuration in any form

# Weights that only mean anything together: what is given whole stands in place of what it builds on.
_MIXTURES = {("masking", "strategies"), ("data", "window_mix")}

_MOST_EXTENDED = 20

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def load_config(path: str | Path, overrides: Iterable[str] = ()) -> Config:
    """Read a configuration file and apply `key=value` overrides.

    Args:
        path: YAML file; its key `extends` names another one, relative to it, whose values it builds on. A mixture of
            strategies or window lengths replaces the other's.
        overrides: as `training.lr=3e-4`; the value is read as YAML. `masking.strategies.gap=1` adds to the mixture,
            `masking.strategies={gap: 1}` replaces it.

    Raises:
        ConfigError: the file, a key or a value is wrong; the message names it and the nearest right one.
    """
    return build_config(read_raw(path), overrides, where=str(path))


def as_config(given: Given, overrides: Iterable[str] = ()) -> Config:
    """A configuration that is given as one, as a file or as nested mappings, with overrides; see `load_config`.

    Raises:
        ConfigError: a file, a key or a value is wrong.
    """
    if isinstance(given, str | os.PathLike):
        return load_config(Path(given), overrides)
    if isinstance(given, Config):
        return build_config(given.model_dump(mode="json"), overrides) if overrides else given
    return build_config(given, overrides)


def read_raw(path: str | Path) -> dict[str, Any]:
    """The keys and values of a configuration file and of those that it extends, as they stand there.

    Raises:
        ConfigError: a file cannot be used.
    """
    return _read(Path(path), seen=())


def build_config(raw: Mapping[str, Any], overrides: Iterable[str] = (), where: str = "configuration") -> Config:
    """Build a typed configuration from nested mappings; see `load_config`."""
    raw = _current(raw, where)
    merged: dict[str, Any] = _merge({"name": Path(where).stem} if where.endswith((".yaml", ".yml")) else {}, raw)
    for override in [overrides] if isinstance(overrides, str) else overrides:
        merged = _merge(merged, _current(_parse_override(override), repr(override)))
    try:
        return Config.model_validate(_expand(merged, where))
    except ValidationError as error:
        raise ConfigError(f"{where}: {_explain(error)}") from None


def with_absolute_paths(config: Config) -> Config:
    """The same configuration with paths relative to the current folder made absolute, for use from another folder.

    `training.start_from` is as in `with_absolute_start`.
    """
    data, log = config.data, config.logging.log_file
    places = {"root": str(absolute(data.root)), "store": str(absolute(config.store_path))}
    changed: dict[str, Any] = {
        "output": str(absolute(config.output_path)),
        "data": data.model_copy(update=places),
        "logging": config.logging.model_copy(update={"log_file": None if log is None else str(absolute(log))}),
    }
    return with_absolute_start(config).model_copy(update=changed)


def with_absolute_start(config: Config) -> Config:
    """The same configuration with `training.start_from` absolute, unless no file lies there: it may be a hub name."""
    start = config.training.start_from
    if start is None or not os.path.lexists(start):
        return config
    training = config.training.model_copy(update={"start_from": str(absolute(start))})
    return config.model_copy(update={"training": training})


def dump_config(config: Config) -> str:
    """The whole configuration as YAML, every key written out; `${NAME}` of a secret stays as it is."""
    return yaml.safe_dump(concealed(config.model_dump(mode="json")), sort_keys=False, allow_unicode=True)


def _read(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    if path.suffix == ".py":
        raise ConfigError(f"{path}: configurations are YAML; use {path.with_suffix('.yaml')} (see hydromae config)")
    if path.resolve() in seen:
        raise ConfigError(f"{path}: extends itself; break the circle")
    if len(seen) >= _MOST_EXTENDED:
        raise ConfigError(
            f"{path}: is one of more than {_MOST_EXTENDED} files that extend each other; join some of them"
        )
    raw = read_yaml(path)
    if not isinstance(raw, dict) or not all(isinstance(key, str) for key in raw):
        raise ConfigError(f"{path}: must be a mapping of keys to values, as `training: {{epochs: 10}}`")
    raw = _current(raw, str(path))
    base = raw.pop("extends", None)
    if base is None:
        return raw
    inherited = _read(path.parent / str(base), (*seen, path.resolve()))
    # An experiment built on another must not write where the other does.
    for own in ("name", "output"):
        inherited.pop(own, None)
    return _merge(inherited, raw)


def _current(raw: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The same values under today's keys, so that an old name in one place and the new one in another are one key."""
    try:
        return with_current_names(raw)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None


def _parse_override(text: str) -> dict[str, Any]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise ConfigError(f"{text!r} is not key=value; write for example training.lr=3e-4")
    try:
        nested: Any = parse_yaml(value)
    except yaml.YAMLError:
        raise ConfigError(f"{text!r}: the value is not valid YAML; quote it") from None
    except ValueError as error:
        raise ConfigError(f"{text!r}: {why_no_value(error)}; correct it") from None
    for part in reversed(key.split(".")):
        nested = _Within({part: nested})
    return nested


class _Within(dict[str, Any]):
    """A mapping that an override's key leads into; it does not stand for all that is there."""


def _merge(base: Mapping[str, Any], over: Mapping[str, Any], place: tuple[str, ...] = ()) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old, here = merged.get(key), (*place, key)
        if here in _MIXTURES and not isinstance(value, _Within):
            merged[key] = value
        else:
            merged[key] = _merge(old, value, here) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _expand(value: Any, where: str) -> Any:
    """Replace ${NAME} and ${NAME:-default} in every string."""
    if isinstance(value, Mapping):
        return {key: _expand(item, where) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, where) for item in value]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        value = os.environ.get(match[1])
        if value is not None:
            remember_secret(match[1], value)
            return value
        if (value := match[2]) is None:
            raise ConfigError(f"{where}: the environment variable {match[1]} is not set; set it, or override the key")
        return value

    return _VARIABLE.sub(replace, value)


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known_keys = _known_keys(first["loc"][:-1])
        near = difflib.get_close_matches(str(first["loc"][-1]), known_keys, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known keys there: {', '.join(known_keys)}"
        return f"unknown key {key}; {hint}"
    given = "" if isinstance(first.get("input"), Mapping | BaseModel) else f" (given: {first.get('input')!r})"
    reason = first["msg"].removeprefix("Value error, ")
    if not key:
        return reason
    prefixes = (".".join(map(str, first["loc"][:i])) for i in range(len(first["loc"]), 0, -1))
    explained = next((prefix for prefix in prefixes if is_key(prefix)), "")
    return f"{key}: {reason}{given}; `hydromae config {explained}` explains it"


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    return list(section_at(location).model_fields)
