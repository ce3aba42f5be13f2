"""Commands that prepare data before any model: configuration, store, check."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from hydromae.app.commands.options import (
    AsJson,
    ConfigFile,
    Overrides,
    OverwriteOwn,
    Span,
    dates,
    listed,
    noted,
    print_notes,
    titled,
)
from hydromae.base.errors import ConfigError


def init(
    folder: Annotated[
        Path, typer.Argument(help="Folder with grids, series, attributes, a land mask, or some of them.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="YAML file to write.")],
    overwrite: OverwriteOwn = False,
) -> None:
    """Look at a folder of data and write a commented configuration for it.

    Every file is looked at: of grids only the headers, of tables the dates and ids. The configuration gives the reason
    for each decision.

    Example: `hydromae init my_data -o my.yaml`, then `hydromae check my.yaml`
    """
    from rich.table import Table

    from hydromae.app.console import Stages, console
    from hydromae.app.next_steps import after_init
    from hydromae.init import init as look
    from hydromae.init import write_config
    from hydromae.results.target import CONFIGURATIONS, check_target

    check_target(output, overwrite, suffixes=CONFIGURATIONS)
    with Stages() as stages:
        result = look(folder, titled(stages.stage, "Looking"))
    table = Table("file", "taken for", "reader", "why", title=str(result.folder), title_justify="left")
    for row in result.rows:
        table.add_row(row.path, row.taken_for, row.reader, row.reason)
    console.print(table)
    written = write_config(result, output, overwrite)
    console.print(after_init(written, result.to_do), soft_wrap=True, markup=False, highlight=False)


def check(
    target: Annotated[Path, typer.Argument(help="YAML configuration, or a store.")],
    overrides: Overrides = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Also write a page with every finding and pictures (HTML).")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Look at every day of the grids, not at a sample.")] = False,
    root: Annotated[
        Path | None, typer.Option(help="For a store: where its sources lie now, if they were moved.", metavar="FOLDER")
    ] = None,
    overwrite: OverwriteOwn = False,
    as_json: AsJson = False,
) -> None:
    """Report, before any training, what is missing, constant, out of range, duplicated or in another unit.

    For a store, every byte is verified, and its sources are compared with those it was made from.
    Exit code 0: fit; 1: something would spoil training; 2: something cannot be read.

    Example: `hydromae check configs/gb.yaml data.root=my_data -o check.html`
    """
    from hydromae.app.console import Stages, console, print_json
    from hydromae.app.next_steps import before_training, said
    from hydromae.check.any_target import check_any
    from hydromae.check.report import render
    from hydromae.config.read import load_config
    from hydromae.results.target import PAGES, check_target

    if output is not None:
        check_target(output, overwrite, [target], PAGES)
    if not target.exists():
        raise ConfigError(f"{target}: is neither a configuration nor a store; give the path of one")
    config = None if target.is_dir() else load_config(target, overrides or ())
    with Stages() as stages:
        progress = titled(stages.stage, "Checking")
        report = check_any(config or target, root=root, full=full, on_progress=progress)
    if output is not None:
        from hydromae.check.page import write_check_page

        write_check_page(report, output, overwrite)
    if as_json:
        print_json(report.to_dict())
        raise typer.Exit(report.exit_code)
    console.print(render(report))
    if output is not None:
        console.print(f"The page: {output}", soft_wrap=True)
    if config is not None and report.exit_code == 0 and (steps := before_training(target, config, overrides or ())):
        console.print(said("Fit to train on.", steps), soft_wrap=True, markup=False, highlight=False)
    raise typer.Exit(report.exit_code)


def prepare(
    config: ConfigFile,
    overrides: Overrides = None,
    overwrite: Annotated[
        bool, typer.Option(help="Replace a store that was made with other settings or files.")
    ] = False,
    append: Annotated[
        bool, typer.Option(help="Add new days to the existing store, without fitting its scalers anew.")
    ] = False,
) -> None:
    """Read the sources and write the store; after an interruption it goes on where it stopped.

    The last line repeats what `hydromae check` would call an error in the store.

    Example: `hydromae prepare configs/gb.yaml data.root=my_data`
    """
    from hydromae.app.console import Stages, console
    from hydromae.app.next_steps import before_training, said
    from hydromae.base.shell import command
    from hydromae.check.check import check_store
    from hydromae.config.read import load_config
    from hydromae.store.prepare import ALREADY
    from hydromae.store.prepare import prepare as prepare_store

    loaded, notes = load_config(config, overrides or ()), set[str]()
    with Stages() as stages:
        progress = noted(titled(stages.stage, "Preparing the store"), notes)
        store = prepare_store(loaded, progress, overwrite=overwrite, append=append)
        report = check_store(store, verify=False, page=False, on_progress=titled(stages.stage, "Checking the store"))
    print_notes(store.provenance.notes)
    made = f"{store.path}: {store.n_days} days from {store.days[0]}, {', '.join(store.names)}"
    made += f" ({ALREADY})" if ALREADY in notes else ""
    errors = [problem.text for problem in report.problems if problem.severity == "error"]
    steps = [] if append or errors else before_training(config, loaded, overrides or ())
    console.print(made, soft_wrap=True)
    if steps:
        console.print(said("Prepared.", steps), soft_wrap=True, markup=False, highlight=False)
    if errors:
        verdict = f"error: {report.verdict} " + "; ".join(errors)
        console.print(
            f"{verdict}. `{command('check', config, *(overrides or ()))}` says more", soft_wrap=True, markup=False
        )


def export(
    store: Annotated[Path, typer.Argument(help="Store, the output of `hydromae prepare`; with --fews a forecast.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help=".nc (netCDF-4) or .zarr (Zarr v3, also at an address as s3://...); .csv or .parquet for series; "
            "a folder with --caravan.",
        ),
    ],
    names: Annotated[str | None, typer.Option(help="Modalities; all by default.", metavar="A,B,...")] = None,
    period: Span = None,
    stations: Annotated[str | None, typer.Option(help="Stations, by id; all by default.", metavar="A,B,...")] = None,
    caravan: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="Write series and attributes as Caravan has them, a file a gauge named SOURCE_<id>, for "
            "neuralhydrology and others.",
        ),
    ] = None,
    fews: Annotated[
        bool,
        typer.Option("--fews", help="Write one issue time of a forecast (.nc, .zarr) as netCDF for Delft-FEWS."),
    ] = False,
    issue_time: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="--fews: the day; default: the last.")
    ] = None,
    overwrite: OverwriteOwn = False,
) -> None:
    """Write a store, or part of it, to one file that other tools open, or to the folders of Caravan.

    Example: `hydromae export stores/gb -o gb.nc --names precip,riverflow --period 2010-01-01 2010-12-31`

    Example: `hydromae export stores/gb -o caravan_gb --caravan mygb`

    With the extra `cloud`: `hydromae export stores/gb -o s3://bucket/gb.zarr`

    A forecast for Delft-FEWS: `hydromae export today.nc -o fews.nc --fews`
    """
    from hydromae.app.console import Stages, console
    from hydromae.results.caravan import export_caravan
    from hydromae.results.export import export as export_store

    if fews and (caravan is not None or names is not None or period is not None):
        raise ConfigError("--fews writes one issue time of a forecast; leave --caravan, --names and --period out")
    if issue_time is not None and not fews:
        raise ConfigError("--issue-time is of a forecast that is written with --fews; name that, too")
    if fews:
        from hydromae.results.fews import export_fews

        day = None if issue_time is None else issue_time.date()
        console.print(f"Written: {export_fews(store, output, day, listed(stations), overwrite)}", soft_wrap=True)
        return
    said: set[str] = set()
    with Stages() as stages:
        chosen = (listed(names), dates(period), listed(stations), overwrite)
        report = noted(titled(stages.stage, "Exporting"), said)
        if caravan is None:
            written = export_store(store, output, *chosen, report)
        else:
            written = export_caravan(store, output, caravan, *chosen, report)
    print_notes([what for what in said if what.startswith("leaving out")])
    console.print(f"Written: {written}", soft_wrap=True)
