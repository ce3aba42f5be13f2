"""The command that forecasts."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from hydromae.app.commands.options import OverwriteOwn, Runs, Together, listed, titled


def forecast(
    runs: Runs,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File: .nc, .zarr, .csv or .parquet, by its name.")
    ] = Path("forecast.nc"),
    issue_time: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="Last day known; default: the last with observations."),
    ] = None,
    to: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="Last of several issue times.")
    ] = None,
    every: Annotated[int, typer.Option(help="Days between issue times.")] = 1,
    horizon: Annotated[int, typer.Option(help="Longest lead time in days.")] = 7,
    forcing: Annotated[
        str,
        typer.Option(
            metavar="none|perfect|FILE",
            help="Weather after the issue time: none, what was observed, or a file (.csv, .parquet, .nc, .zarr) with "
            "series named as the run's modalities over date and station, or maps of them over date, y and x, with "
            "issue_time and member if there are any; or GRIB of a weather service.",
        ),
    ] = "none",
    forcing_day: Annotated[
        int,
        typer.Option(
            metavar="HOUR", help="Hour, UTC, at which a day of the data begins, to which steps of GRIB are joined."
        ),
    ] = 0,
    forcing_regrid: Annotated[
        str | None,
        typer.Option(
            metavar="RULE",
            help="How maps become the grids of a run: nearest, bilinear, conservative, coarsen; default: as its data.",
        ),
    ] = None,
    outlines: Annotated[
        Path | None,
        typer.Option(
            help="GeoJSON of the catchments, over which maps are averaged; default: circles of their area at gauges."
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Other data than the run's: a folder, a configuration (.yaml) or a store.")
    ] = None,
    append: Annotated[
        bool,
        typer.Option(
            "--append", help="First read what the files of the configuration in --data hold now: new rows, late values."
        ),
    ] = False,
    stations: Annotated[str | None, typer.Option(help="Ids, separated by commas; default: all.")] = None,
    together: Together = False,
    overwrite: OverwriteOwn = False,
) -> None:
    """Forecast river flow, or whatever a run was trained to forecast.

    New observations: put them where the configuration's files are, and add `--append`.

    Every morning: `hydromae forecast gb --data my.yaml --append --forcing weather.csv -o today.nc`

    Example: `hydromae forecast output/gb_small --issue-time 2012-10-01 --horizon 7 -o forecast.nc`

    ECMWF or GEFS: `hydromae forecast gb --data my.yaml --forcing ifs.grib2 --outlines catchments.geojson`

    Without a training, with the model that comes with hydromae: `hydromae forecast gb --data my_gauges`

    Example: `hydromae forecast output/gb_small --issue-time 2011-01-01 --to 2011-12-20 --every 5 --forcing perfect`

    Every day of a year, ten times faster: `hydromae forecast gb --issue-time 2010-01-01 --to 2010-12-31 --together`
    """
    import numpy as np

    from hydromae.app.console import Stages, console
    from hydromae.app.folder_data import data_in, newest_data
    from hydromae.base.errors import ConfigError
    from hydromae.results.target import check_target
    from hydromae.tasks.forecast import forecast as forecast_run
    from hydromae.tasks.forecast import issue_days
    from hydromae.tasks.weather import ForcingRules

    if to is not None and issue_time is None:
        raise ConfigError("--to needs --issue-time, the first of the issue times")
    check_target(output, overwrite, [forcing, *([] if data is None else [data])])  # before a folder of data is read
    rules = ForcingRules(forcing_day, forcing_regrid, outlines)
    issues = None
    if issue_time is not None:
        issues = issue_days(issue_time.date(), None if to is None else to.date(), every)
    with Stages() as stages:
        result = forecast_run(
            runs,
            issues,
            output,
            data=(newest_data if append else data_in)(data, titled(stages.stage, "Preparing")),
            horizon=horizon,
            forcing=forcing,
            stations=listed(stations),
            on_progress=lambda done: stages.stage("Forecasting", done),
            overwrite=overwrite,
            forcing_rules=rules,
            together=together,
        )
    if said := result.attrs.get("forcing_notes"):
        console.print(f"note: {forcing}: {said}", soft_wrap=True, style="dim")
    for name in (str(name) for name in result if str(name).endswith("_threshold")):
        if np.isnan(result[name].values).any():
            console.print(f"note: {name}: {result[name].attrs['comment']}", soft_wrap=True, style="dim")
    first, last = (str(day)[:10] for day in result["issue_time"].values[[0, -1]])
    console.print(
        f"Written: {output} ({result.sizes['issue_time']} issue times from {first} to {last}, leads 1 to {horizon} "
        f"days, {result.sizes['station']} stations)",
        soft_wrap=True,
    )
