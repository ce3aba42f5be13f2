"""Data that a command is given as a folder: `init` looks at it, and a store is prepared as it decides."""

from collections.abc import Callable
from pathlib import Path

import yaml

from hydromae.app.console import console
from hydromae.base.errors import ConfigError, DataError
from hydromae.config.read import build_config
from hydromae.init import config_text, init
from hydromae.store.prepare import prepare
from hydromae.store.store import Store


def data_in(given: Path | None, on_progress: Callable[[str, float], None]) -> Path | Store | None:
    """What `--data` names: a store or a configuration as it is, a folder of data as a store that is prepared of it.

    The store lies where a configuration of the folder's name would have it, in `stores/`, and is made anew when files
    in the folder have changed. What `init` could not know is said.

    Args:
        given: a store, a configuration or a folder; None is nothing.
        on_progress: called with what is being done and the share that is done.

    Raises:
        ConfigError: the folder needs a configuration of its own.
        DataError: it holds nothing of use.
    """
    if given is None or not given.is_dir() or (given / "store.json").is_file():
        return given
    result = init(given, on_progress)
    name = f"{result.folder.name or 'data'}_as_found"
    text = config_text(result, name)
    for line in text.splitlines():
        if "TODO: the file does not say" in line:
            console.print(f"note: {_modality_of(text, line)} has no units in its files; taken as {_units_of(line)}")
    remedy = f"write a configuration with `hydromae init {given} -o my.yaml`, correct it, and give --data my.yaml"
    try:
        config = build_config({"name": name, **yaml.safe_load(text)})
        try:
            return prepare(config, on_progress)
        except DataError:
            if not Path(config.store_path).exists():
                raise
            # It is of what lay in the folder before, and of nothing else.
            return prepare(config, on_progress, overwrite=True)
    except ConfigError as error:
        raise ConfigError(f"{given}: cannot be used as it was found ({error}); {remedy}") from None


def _units_of(line: str) -> str:
    return line.split("#")[0].split(":", 1)[1].strip()


def _modality_of(text: str, line: str) -> str:
    """The key above a line of a modality."""
    before = text[: text.index(line)].splitlines()
    return next(
        above.strip().rstrip(":") for above in reversed(before) if above.startswith("    ") and above[4] not in " #"
    )
