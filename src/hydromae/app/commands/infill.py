"""The command that fills gaps."""

from pathlib import Path
from typing import Annotated

import typer

from hydromae.app.commands.options import OverwriteOwn, Runs, Span, dates, listed, titled


def infill(
    runs: Runs,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="File: .nc or .zarr; .csv or .parquet for series. Default: infilled.nc in the RUN."
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Other data than the run's: a folder, a configuration (.yaml) or a store.")
    ] = None,
    period: Span = None,
    stations: Annotated[str | None, typer.Option(help="Ids; default: all.", metavar="A,B,...")] = None,
    modalities: Annotated[str | None, typer.Option(help="Default: all series.", metavar="A,B,...")] = None,
    grids: Annotated[bool, typer.Option("--grids", help="Fill the grids too, on land.")] = False,
    overwrite: OverwriteOwn = False,
) -> None:
    """Fill the gaps of every series from what the model sees around them in time, in space and in the other modalities.

    Observed values are returned unchanged; a flag says which are observed, filled or still missing.

    Example: `hydromae infill output/gb_small -o infilled.nc`

    Example: `hydromae infill output/gb_small --stations 39001,9002 --period 2005-01-01 2009-12-31 -o infilled.csv`
    """
    from hydromae.app.console import Stages, console
    from hydromae.app.folder_data import data_in
    from hydromae.results.target import check_target
    from hydromae.tasks.infill import infill as infill_run

    if output is not None:
        check_target(output, overwrite, [] if data is None else [data])  # before a folder of data is read
    with Stages() as stages:
        filled = infill_run(
            runs,
            output,
            data_in(data, titled(stages.stage, "Preparing")),
            dates(period),
            listed(stations),
            listed(modalities),
            grids,
            lambda done: stages.stage("Filling", done),
            overwrite,
        )
    for name in [str(name).removesuffix("_flag") for name in filled.data_vars if str(name).endswith("_flag")]:
        flags = filled[f"{name}_flag"]
        console.print(f"{name}: {int((flags == 1).sum()):,} of {flags.size:,} values filled")
    filled.close()
    console.print(f"Written: {output or Path(runs[0]) / 'infilled.nc'}", soft_wrap=True)
