"""Commands that make and join data, and look at stations."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from hydromae.app.commands.options import AsJson, ConfigFile, Overrides, OverwriteOwn, Seed, Size, titled

data_app = typer.Typer(no_args_is_help=True, help="Make and join data, and look at stations.")


@data_app.command()
def sample(
    directory: Annotated[Path, typer.Argument(help="Where to write; must be empty or absent.")],
    size: Size = "small",
    seed: Seed = 0,
) -> None:
    """Write the synthetic sample in the formats the readers read.

    Example: `hydromae data sample my_sample --size tiny`
    """
    from hydromae.app.console import Stages, console
    from hydromae.sample import write_sample
    from hydromae.sample.sizes import known_size

    with Stages() as stages:
        written = write_sample(directory, known_size(size), seed, titled(stages.stage, "Making the sample"))
    rows, columns = written.shape
    console.print(f"{directory}: {rows} x {columns} cells, {written.n_stations} stations", soft_wrap=True)


@data_app.command()
def patches(
    config: ConfigFile,
    overrides: Overrides = None,
    aggregate: Annotated[
        int | None, typer.Option(min=1, help="Also aggregate the stations to N x N cells.", metavar="N")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="CSV file of the stations' groups.")] = None,
    overwrite: OverwriteOwn = False,
    as_json: AsJson = False,
) -> None:
    """Say how compact the groups of stations are, as given and in spatial order, and what aggregation would save.

    Example: `hydromae data patches configs/gb.yaml data.root=my_data --aggregate 10 -o patches.csv`
    """
    from hydromae.app.console import console, print_table
    from hydromae.config.read import load_config
    from hydromae.results.target import check_target
    from hydromae.sources.patches_table import station_patches

    if output is not None:
        check_target(output, overwrite, [config], (".csv",))
    groups = station_patches(load_config(config, overrides or ()), aggregate)
    print_table(groups.table(), as_json)
    if groups.grid is not None and not as_json:
        console.print(groups.sentence())
    if output is not None:
        groups.write(output, overwrite)
        if not as_json:
            console.print(f"Written: {output}", soft_wrap=True)


@data_app.command()
def merge(
    paths: Annotated[list[str], typer.Argument(help="Folder of monthly HDF5 files, or files or folders of any grids.")],
    output: Annotated[Path, typer.Option("--output", "-o", help=".h5, .nc (netCDF-4) or .zarr (Zarr v3).")],
    variable: Annotated[str | None, typer.Option(help="Its name in the files, where they hold several.")] = None,
    start: Annotated[
        datetime | None, typer.Option(help="Day of the first map, for HDF5 without dates.", formats=["%Y-%m-%d"])
    ] = None,
    allow_absent_days: Annotated[
        bool, typer.Option("--allow-absent-days", help="Days that no file holds are missing, not an error.")
    ] = False,
    overwrite: OverwriteOwn = False,
) -> None:
    """Write the files of a daily grid as one, verified day by day; after an interruption the same command goes on.

    Example: `hydromae data merge precipitation_processed -o precipitation.h5`
    """
    from hydromae.app.console import Stages, console
    from hydromae.results.merge import merge as merge_files

    with Stages() as stages:
        written = merge_files(
            paths,
            output,
            variable,
            None if start is None else start.date(),
            allow_absent_days=allow_absent_days,
            overwrite=overwrite,
            on_progress=titled(stages.stage, "Merging"),
        )
    console.print(f"Written: {written}", soft_wrap=True)
