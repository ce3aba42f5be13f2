"""Data that a command is given as a folder: `init` looks at it, and a store is prepared as it decides."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from hydromae.base.errors import ConfigError, DataError
from hydromae.base.shell import command
from hydromae.config.read import load_config
from hydromae.init import init, write_config
from hydromae.store.prepare import prepare
from hydromae.store.refresh import refreshed
from hydromae.store.store import Store


def newest_data(given: Path | None, on_progress: Callable[[str, float], None]) -> Path | Store | None:
    """What `--data` names with every row that its files have now, for `--append`; see `refreshed` and `data_in`.

    Args:
        given: a configuration or a folder, whose store is made or brought up to date.
        on_progress: called with what is being done and the share that is done.

    Raises:
        ConfigError: it is neither, or cannot be used.
        DataError: a file is wrong.
    """
    if given is None or (given / "store.json").is_file():
        what = "--append" if given is None else f"{given}: is a store, which knows no new files; --append"
        raise ConfigError(f"{what} needs the configuration that names the files, or their folder: --data my.yaml")
    if given.is_dir():
        return data_in(given, on_progress)
    return refreshed(load_config(given), on_progress)


def data_in(given: Path | None, on_progress: Callable[[str, float], None]) -> Path | Store | None:
    """What `--data` names: a store or a configuration as it is, a folder of data as a store that is prepared of it.

    The store lies where a configuration of the folder's name would have it, in `stores/`, and is made anew when files
    in the folder have changed.

    Args:
        given: a store, a configuration or a folder; None is nothing.
        on_progress: called with what is being done and the share that is done.

    Raises:
        ConfigError: the folder needs a configuration of its own, since `init` leaves something to do or fails.
        DataError: it holds nothing of use.
    """
    if given is None or not given.is_dir() or (given / "store.json").is_file():
        return given
    result = init(given, on_progress)
    written = f"write a configuration with `{command('init', given, '-o', 'my.yaml')}`"
    if keys := result.to_do:
        renamed = ", or say the units in the names of the columns, as rain_mm, temp_c or flow_m3s"
        raise ConfigError(
            f"{given}: its files do not say all that is needed; {written}, set {', '.join(keys)} in it and give "
            f"--data my.yaml{renamed if any(key.endswith('.units') for key in keys) else ''}"
        )
    remedy = f"{written}, correct it, and give --data my.yaml"
    try:
        with TemporaryDirectory(prefix="hydromae_") as temporary:
            name = f"{result.folder.name or 'data'}_as_found"
            config = load_config(write_config(result, Path(temporary) / f"{name}.yaml"))
        try:
            return prepare(config, on_progress)
        except DataError:
            if not Path(config.store_path).exists():
                raise
            # It is of what lay in the folder before, and of nothing else.
            return prepare(config, on_progress, overwrite=True)
    except ConfigError as error:
        raise ConfigError(f"{given}: cannot be used as it was found ({error}); {remedy}") from None
