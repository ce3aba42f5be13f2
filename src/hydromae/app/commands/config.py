"""The command that explains configurations and gives examples of them."""

from typing import Annotated

import typer

from hydromae.app.commands.options import AsJson


def config_keys(
    key: Annotated[
        str | None, typer.Argument(help="A key or the beginning of one, as training or data.window.")
    ] = None,
    example: Annotated[
        str | None, typer.Option(metavar="NAME", help="Print an example instead, a whole configuration.")
    ] = None,
    examples: Annotated[bool, typer.Option("--examples", help="List the examples.")] = False,
    as_json: AsJson = False,
) -> None:
    """Explain the configuration: every key, its default and meaning; or print an example.

    Example: `hydromae config training.lr`

    Begin with an example: `hydromae config --example base > my.yaml`
    """
    from rich.table import Table

    from hydromae.app.console import print_table
    from hydromae.config.examples import example_files, example_text, meaning_of
    from hydromae.config.explain import all_keys, find_keys

    if example is not None:
        typer.echo(example_text(example).rstrip())
        return
    if examples:
        table = Table("example", "for")
        for name, path in sorted(example_files().items()):
            table.add_row(name, meaning_of(path))
    else:
        table = Table("key", "default", "type", "meaning")
        for entry in all_keys() if key is None else find_keys(key):
            table.add_row(entry.name, entry.default, entry.type, entry.meaning)
    print_table(table, as_json)
