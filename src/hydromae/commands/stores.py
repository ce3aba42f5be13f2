"""Commands about data before any model: configuration, store, check."""

from pathlib import Path
from typing import Annotated

import typer

from hydromae.commands.options import ConfigFile, Overrides, titled


def check(
    target: Annotated[Path, typer.Argument(help="YAML configuration, or a store.")],
    overrides: Overrides = None,
) -> None:
    """Say before any training what is missing, constant or out of range.

    Exit code 0: fit; 1: something would spoil training; 2: something cannot be read.

    Example: `hydromae check configs/gb.yaml data.root=my_data`
    """
    from hydromae.config_io import load_config
    from hydromae.console import console
    from hydromae.data.check import check as check_sources
    from hydromae.data.check import check_store, render
    from hydromae.data.store import Store

    is_store = target.is_dir()
    report = check_store(Store.open(target)) if is_store else check_sources(load_config(target, overrides or ()))
    console.print(render(report))
    raise typer.Exit(report.exit_code)


def prepare(
    config: ConfigFile,
    overrides: Overrides = None,
    overwrite: Annotated[bool, typer.Option(help="Replace a store that was made otherwise.")] = False,
) -> None:
    """Read the sources and write the store.

    Example: `hydromae prepare configs/gb.yaml data.root=my_data`
    """
    from hydromae.config_io import load_config
    from hydromae.console import Stages, console
    from hydromae.data.prepare import prepare as prepare_store

    loaded = load_config(config, overrides or ())
    with Stages() as shown:
        store = prepare_store(loaded, titled(shown.stage, "Preparing the store"), overwrite=overwrite)
    console.print(f"{store.path}: {store.n_days} days from {store.days[0]}, {', '.join(store.names)}", soft_wrap=True)


def config_keys(
    key: Annotated[
        str | None, typer.Argument(help="A key or the beginning of one, as training or data.window.")
    ] = None,
) -> None:
    """Explain the configuration: every key, its default and meaning.

    Example: `hydromae config training.lr`
    """
    from rich.markup import escape
    from rich.table import Table

    from hydromae.config_help import all_keys, find_keys
    from hydromae.console import console

    table = Table("key", "default", "type", "meaning")
    for found in all_keys() if key is None else find_keys(key):
        table.add_row(*(escape(part) for part in (found.name, found.default, found.type, found.meaning)))
    console.print(table)
