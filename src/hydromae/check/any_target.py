"""Checks whatever is given: a configuration in any form, or a store."""

from collections.abc import Iterable
from pathlib import Path

from hydromae.base.errors import ConfigError
from hydromae.check.check import check
from hydromae.check.progress import Progress
from hydromae.check.report import CheckReport
from hydromae.check.stored import check_store
from hydromae.config.read import Given, as_config
from hydromae.store.store import Store


def check_any(
    target: Given | Store,
    overrides: Iterable[str] = (),
    *,
    full: bool = False,
    root: str | Path | None = None,
    on_progress: Progress | None = None,
) -> CheckReport:
    """Report, before any training, what is missing, constant, out of range, duplicated or in another unit.

    Args:
        target: a configuration, its file or nested mappings, whose sources are looked at; or a store or its directory,
            of which also every byte is verified.
        overrides: keys of the configuration to change, as `data.root=my_data`.
        full: look at every day of the grids, not at a sample.
        root: for a store: where its sources lie now, if they were moved.
        on_progress: called with what is being done and the share that is done.

    Returns:
        What was found; `verdict` says it in a sentence, and `problems` lists it. What is wrong with the data is
        gathered, not raised.

    Raises:
        ConfigError: the configuration itself cannot be used, or there is nothing at that path.
        DataError: the store cannot be opened.
    """
    if isinstance(target, str | Path):
        if not Path(target).exists():
            raise ConfigError(f"{target}: is neither a configuration nor a store; give the path of one")
        if Path(target).is_dir():
            target = Store.open(target)
    if isinstance(target, Store):
        return check_store(target, root=None if root is None else Path(root), full=full, on_progress=on_progress)
    return check(as_config(target, overrides), full=full, on_progress=on_progress)
