"""The command that draws what a task wrote."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from hydromae.app.commands.options import OverwriteOwn, listed


def plot(
    file: Annotated[Path, typer.Argument(help="Output of forecast, infill, ungauged, reconstruct, or *_scores.nc.")],
    station: Annotated[
        str | None,
        typer.Option(help="Ids or parts of names, by commas; default: all, up to six; a page 1,000."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File: .png, .svg, .pdf or .html; default: FILE with .png.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Store or configuration of the observations; default: what FILE was made of.")
    ] = None,
    modality: Annotated[str | None, typer.Option(help="Series to draw, of several in FILE.")] = None,
    issue_time: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="Of several; default: the last.")
    ] = None,
    days: Annotated[int, typer.Option(help="Days before the issue time, or of a series.")] = 45,
    metric: Annotated[str, typer.Option(help="Of a file of scores.")] = "nse",
    overwrite: OverwriteOwn = False,
) -> None:
    """Draw a forecast with its bands, filled gaps, a simulation, or skill by lead time.

    A forecast: observations of the last weeks, the issue time, the mean with its 50 and 90 % bands, persistence, rain
    above, and what was observed later where it is known.

    Example: `hydromae plot forecast.nc --station 39001 -o forecast.png`

    As a page, on which the station and the issue time are chosen: `hydromae plot forecast.nc -o forecast.html`

    By name: `hydromae plot forecast.nc --station "Thames at Kingston"`

    Example: `hydromae plot scores/none_scores.nc --metric kge -o kge.svg`
    """
    from hydromae.app.console import Stages, console
    from hydromae.plots.plot import plot as plot_file

    target = output or file.with_suffix(".png")
    issued = None if issue_time is None else f"{issue_time:%Y-%m-%d}"
    with Stages():  # which prints warnings
        plot_file(
            file, listed(station), target, data=data, modality=modality, issue_time=issued, days=days, metric=metric,
            overwrite=overwrite,
        )  # fmt: skip
    console.print(f"Written: {target}", soft_wrap=True)
