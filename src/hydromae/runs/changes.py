"""The settings that a configuration would change in a run to be continued."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from hydromae.base.errors import ConfigError
from hydromae.base.secret_values import concealed
from hydromae.base.shell import command
from hydromae.config import Config
from hydromae.config.read import with_absolute_paths
from hydromae.config.renamed import current_key

if TYPE_CHECKING:
    from hydromae.runs.directory import RunDirectory

# Folders, and who reads files, may change; a store of other data is refused by its fingerprint.
_PLACES: Final = ("output", "data.root", "data.store", "data.dask")
# What is printed and how the machine is used: they change what is learnt by rounding errors at most.
_OUTWARD: Final = (
    "name",
    "logging",
    "data.cache",
    "data.verify",
    "training.device",
    "training.engine",
    "training.threads",
    "training.workers",
)
_SHOWN: Final = 6
# The run's configuration holds the values of these that its data decided.
_DECIDED_BY_DATA: Final = (
    "modalities",
    "grid_height",
    "grid_width",
    "patch_size",
    "stations_per_window",
    "static_attr_dim",
    "coordinate_attrs",
    "series_position",
)


def refuse_changes(run: "RunDirectory", config: Config) -> None:
    """Refuse to continue a run with another configuration than it was begun with.

    Raises:
        ConfigError: keys differ; the message lists them with both values.
    """
    open_keys = [f"model.{key}" for key in _DECIDED_BY_DATA if key not in config.model.model_fields_set]
    left = (*_PLACES, *open_keys)
    placed = (with_absolute_paths(made).model_dump(mode="json") for made in (run.config(), config))
    begun, given = (dict(_leaves(raw, left)) for raw in placed)
    if changed := listed_changes(begun, given):
        raise ConfigError(
            f"{run.path}: the configuration is not the one the run was begun with: {changed}; continue it as it "
            f"was with `{command('resume', run.path)}`, or give another output= for a new run"
        )


def settings_that_matter(config: Config) -> dict[str, Any]:
    """Key -> JSON value of all settings that decide what a run learns; a checkpoint records them."""
    return dict(_leaves(concealed(config.model_dump(mode="json")), (*_PLACES, *_OUTWARD)))


def with_later_keys(then: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a checkpoint under today's keys, with the defaults of keys added since."""
    defaults = dict(_defaults("", Config(), Config().model_dump(mode="json")))
    return {key: defaults[key] for key in now.keys() & defaults.keys()} | {
        current_key(key): value for key, value in then.items()
    }


def listed_changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The keys that differ, with both values; empty where none does."""
    then, now = concealed(dict(then)), concealed(dict(now))
    changed = [key for key in sorted(then.keys() | now.keys()) if then.get(key) != now.get(key)]
    listed = ", ".join(f"{key} ({then.get(key)} in the run, now {now.get(key)})" for key in changed[:_SHOWN])
    return listed + (f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else "")


def _defaults(prefix: str, section: BaseModel, raw: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Keys of the sections; not the entries of a key that is a mapping, since those have no defaults."""
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from _defaults(f"{prefix}{name}.", value, raw[name])
        elif not isinstance(value, Mapping):
            yield f"{prefix}{name}", raw[name]


def _leaves(raw: Mapping[str, Any], without: Sequence[str]) -> Iterator[tuple[str, Any]]:
    for key, value in _flat("", raw):
        if not any(key == left or key.startswith(f"{left}.") for left in without):
            yield key, value


def _flat(prefix: str, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", value
