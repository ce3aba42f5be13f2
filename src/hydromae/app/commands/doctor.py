"""The command that looks at the machine."""

from pathlib import Path
from typing import Annotated

import typer

from hydromae.app.commands.options import AsJson


def doctor(
    folder: Annotated[Path, typer.Argument(help="Where results would be written.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Look at versions, threads, device, memory and disk, and say what would get in the way, and what to do.

    Exit code 0: nothing would; 1: something would.

    Example: `hydromae doctor`, or `hydromae doctor --json` for a report of a fault
    """
    from rich.table import Table

    from hydromae.app.console import print_table
    from hydromae.app.doctor import examined
    from hydromae.base.errors import DataError

    if not folder.is_dir():
        raise DataError(f"{folder}: is no folder; name one, or leave it out")
    findings = examined(folder.resolve())
    table = Table("what", "found", "remedy")
    for finding in findings:
        table.add_row(finding.what, finding.found, finding.remedy)
    print_table(table, as_json)
    raise typer.Exit(1 if any(finding.remedy for finding in findings) else 0)
