"""What `hydromae config` prints: every key with its type, default and meaning."""

import difflib
import re
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from hydromae.base.errors import ConfigError
from hydromae.config import PRESETS, Config
from hydromae.config.renamed import current_key

ANY_NAME = "<name>"


@dataclass(frozen=True)
class Key:
    """One key of the configuration, as `training.lr`."""

    name: str
    type: str
    default: str
    meaning: str


def all_keys() -> list[Key]:
    """Every key of the configuration, in order."""
    return list(_walk(Config, ()))


def find_keys(prefix: str) -> list[Key]:
    """The key of that name, or all below it.

    Raises:
        ConfigError: there is no such key; the message suggests similar ones.
    """
    prefix = current_key(prefix)
    generic = _generic(prefix)
    keys = [k for k in all_keys() if k.name == generic or k.name.startswith(generic + ".")]
    if keys:
        return keys if generic == prefix else [_of_modality(k, prefix.split(".")[2]) for k in keys]
    names = [k.name for k in all_keys()]
    near = difflib.get_close_matches(prefix, names, n=3, cutoff=0.4)
    near += [n for n in names if n.endswith("." + prefix.split(".")[-1]) and n not in near]
    raise ConfigError(f"no configuration key {prefix}; near ones: {', '.join(near) or 'none, see hydromae config'}")


def is_key(name: str) -> bool:
    """Whether `find_keys` finds anything of that name."""
    generic = _generic(current_key(name))
    return any(k.name == generic or k.name.startswith(generic + ".") for k in all_keys())


def section_at(location: Sequence[int | str]) -> type[BaseModel]:
    """The section that holds the keys at a location, as ("data", "modalities", "precip")."""
    section: type[BaseModel] = Config
    for part in location:
        field = section.model_fields.get(str(part))
        section = (_section_of(field) or section) if field else section
    return section


def _generic(name: str) -> str:
    """data.modalities.precip.units -> data.modalities.<name>.units, and the same for the name of a source."""
    parts = name.split(".")
    if parts[:2] == ["data", "modalities"] and len(parts) > 2:
        parts[2] = ANY_NAME
        if parts[3:4] == ["sources"] and len(parts) > 4:
            parts[4] = ANY_NAME
    return ".".join(parts)


def _of_modality(key: Key, modality: str) -> Key:
    """A key of every modality as the key of one modality, with the default of its preset."""
    preset = {} if key.name.count(ANY_NAME) > 1 else PRESETS.get(modality, {})
    default = preset.get(key.name.rsplit(".", 1)[-1], key.default)
    return replace(key, name=key.name.replace(ANY_NAME, modality, 1), default=str(default))


def _section_of(field: FieldInfo) -> type[BaseModel] | None:
    candidates = (field.annotation, *typing.get_args(field.annotation))
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)


def _walk(section: type[BaseModel], path: tuple[str, ...]) -> Iterator[Key]:
    for name, field in section.model_fields.items():
        here = (*path, name)
        inner = _section_of(field)
        if inner is None or typing.get_origin(field.annotation) is dict:
            yield Key(".".join(here), _type_name(field), _default(field), field.description or "")
        if inner is not None:
            yield from _walk(inner, (*here, ANY_NAME) if typing.get_origin(field.annotation) is dict else here)


def _type_name(field: FieldInfo) -> str:
    annotation = field.annotation
    name = annotation.__name__ if isinstance(annotation, type) and not typing.get_args(annotation) else str(annotation)
    name = re.sub(r"\b(typing|datetime|hydromae\.\w+)\.", "", name)
    name = re.sub(r"Annotated\[(\w+), FieldInfo\(.*?\]\)\]", r"\1", name)
    return name.replace("Literal", "").replace("NoneType", "null").replace("None", "null")


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "(required)"
    default = field.default
    if default is None:
        return "null"
    if isinstance(default, tuple):
        return ", ".join(map(str, default)) or "(none)"
    return str(default) if default != "" else "(empty)"
