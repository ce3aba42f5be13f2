"""The command that simulates ungauged stations."""

from pathlib import Path
from typing import Annotated

import typer

from hydromae.app.commands.options import OverwriteOwn, Runs, Span, dates, listed, titled


def ungauged(
    runs: Runs,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File: .nc, .zarr, .csv or .parquet; default: ungauged.nc in the RUN."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Data of the stations, flow may be missing: a folder, a configuration (.yaml) or a store."),
    ] = None,
    period: Span = None,
    stations: Annotated[str | None, typer.Option(help="Ids; default: all.", metavar="A,B,...")] = None,
    donors: Annotated[
        bool, typer.Option("--donors", help="Show the model the flow of the other stations in its windows.")
    ] = False,
    target: Annotated[str | None, typer.Option(help="The series to simulate; default: the river flow.")] = None,
    overwrite: OverwriteOwn = False,
) -> None:
    """Simulate daily flow from weather and attributes; the stations' own flow is never seen.

    Example: `hydromae ungauged output/my_fold0 --data stores/my --stations 39001,9002 -o ungauged.nc`

    Example: `hydromae ungauged output/seed_0 output/seed_1 --data stores/my`
    """
    from hydromae.app.console import Stages, console
    from hydromae.app.folder_data import data_in
    from hydromae.results.target import check_target
    from hydromae.tasks.ungauged import ungauged as simulate

    if output is not None:
        check_target(output, overwrite, [] if data is None else [data])  # before a folder of data is read
    with Stages() as stages:
        simulated = simulate(
            runs,
            output,
            data_in(data, titled(stages.stage, "Preparing")),
            dates(period),
            listed(stations),
            donors,
            target,
            lambda done: stages.stage("Simulating", done),
            overwrite,
        )
    console.print(f"{simulated.sizes['station']} stations, {simulated.sizes['time']} days")
    simulated.close()
    console.print(f"Written: {output or Path(runs[0]) / 'ungauged.nc'}", soft_wrap=True)
