"""What a configuration would change about a run that is to be continued."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hydromae.config import Config
from hydromae.errors import ConfigError
from hydromae.training.run_directory import RunDirectory

# Where things lie may change; a store of other data is refused by its fingerprint.
_PLACES: Final = ("output", "data.root", "data.store")
_SHOWN: Final = 6
# The run's configuration holds what its data made of these.
_DECIDED_BY_DATA: Final = (
    "modalities",
    "image_height",
    "image_width",
    "patch_size",
    "num_catchments",
    "static_attr_dim",
    "coordinate_attrs",
    "series_position",
)


def refuse_changes(run: RunDirectory, config: Config) -> None:
    """Refuse to continue a run with another configuration than it was begun with.

    Raises:
        ConfigError: keys differ; the message lists them with both values.
    """
    begun, given = dict(_leaves(run.config())), dict(_leaves(config))
    open_keys = {f"model.{key}" for key in _DECIDED_BY_DATA if key not in config.model.model_fields_set}
    changed = [
        key
        for key in sorted(begun.keys() | given.keys())
        if begun.get(key) != given.get(key)
        and not any(key == place or key.startswith(f"{place}.") for place in (*_PLACES, *open_keys))
    ]
    if changed:
        listed = ", ".join(f"{key} ({begun.get(key)} in the run, now {given.get(key)})" for key in changed[:_SHOWN])
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        raise ConfigError(
            f"{run.path}: the configuration is not the one the run was begun with: {listed}{more}; continue it as it "
            f"was with `hydromae resume {run.path}`, or give another output= for a new run"
        )


def _leaves(config: Config) -> Iterator[tuple[str, Any]]:
    yield from _flat("", config.model_dump(mode="json"))


def _flat(prefix: str, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", value
