"""The command that writes the page of a run."""

from pathlib import Path
from typing import Annotated

import typer

from hydromae.app.commands.options import OverwriteOwn, Run, titled


def report(
    run: Run,
    scores: Annotated[
        Path | None,
        typer.Option(
            help="Folder with none.nc, none_scores.nc and their like, as `evaluate --task forecast` and `benchmark` "
            "write it; default: the run's own evaluation."
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Score forecasts of other data first: a folder, a configuration (.yaml) or a store; the scores are "
            "kept beside the page, in a folder of its name with _scores after it."
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="With --data: val, test or train; default: the first of val and test not trained on."),
    ] = None,
    allow_overlap: Annotated[
        bool, typer.Option("--allow-overlap", help="With --data: score days that the run was trained on, too.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The page; default: report.html in RUN.")
    ] = None,
    overwrite: OverwriteOwn = False,
) -> None:
    """Write a run's page: how good it is, stations and days to choose, maps, losses, in one HTML file.

    Example: `hydromae report output/gb_small`

    The model that comes with hydromae, on data of your own: `hydromae report gb --data my_gauges -o gb.html`

    Of scores that are there: `hydromae report gb --scores scores -o gb.html`
    """
    from hydromae.app.console import console
    from hydromae.base.errors import ConfigError
    from hydromae.report import write_report

    if data is not None:
        if scores is not None:
            raise ConfigError("--data makes scores and --scores takes those that are there; give one of them")
        if output is None:
            raise ConfigError("--data needs a page beside which the scores are kept; name it, as `-o page.html`")
        scores = _scores_of(run, data, split, allow_overlap, output, overwrite)
    page = write_report(run, scores=scores, output=output, overwrite=overwrite)
    console.print(f"The page: {page}", soft_wrap=True)


def _scores_of(run: str, data: Path, split: str | None, allow_overlap: bool, output: Path, overwrite: bool) -> Path:
    """Score forecasts of other data into a folder beside the page that is to show them."""
    from hydromae.app.console import Stages, console
    from hydromae.app.folder_data import data_in
    from hydromae.results.target import PAGES, check_target
    from hydromae.runs.shipped import located
    from hydromae.tasks.evaluate import Question, check_output, evaluate

    folder = output.with_name(f"{output.stem}_scores")
    check_target(output, overwrite, (located(run), data), PAGES)
    check_output("forecast", folder, overwrite)  # before a folder of data is read
    with Stages() as stages:
        held = data_in(data, titled(stages.stage, "Preparing"))
        question = Question(
            (run,), split=split, data=held, output=folder, allow_overlap=allow_overlap, overwrite=overwrite
        )
        verdict = evaluate("forecast", question, stages.stage).verdict
    console.print(verdict, markup=False, highlight=False)
    return folder
