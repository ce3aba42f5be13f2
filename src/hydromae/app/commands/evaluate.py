"""The commands that score a run's tasks and the public benchmarks."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hydromae.app.commands.options import AsJson, Overrides, OverwriteOwn, Together, listed, print_notes, titled

if TYPE_CHECKING:
    from hydromae.evaluation.tables import ScoreTable

Baselines = Annotated[
    str,
    typer.Option(
        metavar="A,B,...",
        help="Of persistence, climatology, recession, ridge, gr4j and lstm (which take long); an empty text for none.",
    ),
]
LstmSteps = Annotated[int | None, typer.Option(help="Steps that the LSTM is trained for at most.", min=1)]
Reference = Annotated[
    str | None,
    typer.Option(
        help="hydromae or a baseline that the others are tested against; default: ridge if it is one of them."
    ),
]
_BASELINES = "persistence,climatology,recession,ridge"
_EVERY, _HORIZON = 5, 7


def evaluate(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN...]", help="Run directory, or a model of `hydromae models`; several are averaged."
        ),
    ] = None,
    task: Annotated[str, typer.Option(help="forecast, infill, ungauged, modalities, flood or drought.")] = "forecast",
    split: Annotated[
        str | None,
        typer.Option(help="val, test or train; default: the first of val and test that no run was trained on."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder; default: evaluation, with the task and the split, in RUN."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Other data than the run's: a folder, a configuration (.yaml) or a store.")
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Score this file in place of a run: forecasts or a simulation of any origin (.nc, .zarr, .csv, "
            ".parquet), against --data.",
        ),
    ] = None,
    variable: Annotated[
        str | None,
        typer.Option(help="--predictions: the variable or column; default: named as the data, or the only one."),
    ] = None,
    every: Annotated[int, typer.Option(help="forecast, flood, drought: days between issue times.")] = _EVERY,
    horizon: Annotated[
        int,
        typer.Option(
            help="forecast, flood, drought: longest lead time in days; floods and droughts of 14 or more also by weeks."
        ),
    ] = _HORIZON,
    forcing: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="forecast, flood, drought: none, perfect or both; default: both, of --predictions what the file says.",
        ),
    ] = None,
    baselines: Baselines = _BASELINES,
    lstm_steps: LstmSteps = None,
    reference: Reference = None,
    min_pairs: Annotated[int, typer.Option(help="Days that a station needs to be scored.", min=1)] = 100,
    stations: Annotated[str | None, typer.Option(help="ungauged: ids of those held out, separated by commas.")] = None,
    folds: Annotated[Path | None, typer.Option(help="ungauged: table of folds (CSV) in place of --stations.")] = None,
    fold: Annotated[int, typer.Option(help="ungauged: the fold that was held out.", min=0)] = 0,
    windows: Annotated[
        int | None, typer.Option(help="modalities: the most windows that are read; default: all.", min=1)
    ] = None,
    warn_at: Annotated[
        float, typer.Option(help="flood, drought: probability from which on a forecast is a warning.", min=0, max=1)
    ] = 0.3,
    esp: Annotated[
        bool,
        typer.Option(help="flood, drought: compare with ensemble streamflow prediction, for which GR4J is calibrated."),
    ] = True,
    allow_overlap: Annotated[
        bool,
        typer.Option("--allow-overlap", help="Score days that a run was trained on, too; every row then says so."),
    ] = False,
    together: Together = False,
    overwrite: OverwriteOwn = False,
    as_json: AsJson = False,
) -> None:
    """Score a run on a held-out period, beside baselines fitted on the training period of the same stations.

    Says first what the model is ahead of, where it is behind, and what to try; prints the tables. Writes forecasts and
    scores as netCDF, and the tables, with that sentence, as Markdown and CSV.

    Example: `hydromae evaluate output/gb_small --task forecast --split val --every 5 --horizon 7`

    Example: `hydromae evaluate output/gb_small --forcing perfect --baselines ridge,lstm --lstm-steps 2000`

    Floods, of a run with quantiles: `hydromae evaluate output/gb_small --task flood --every 1 --forcing none`

    Droughts, also by weeks: `hydromae evaluate output/gb_small --task drought --horizon 28`

    Another model's forecasts, beside the same baselines: `hydromae evaluate --predictions theirs.nc --data my.yaml`
    """
    from hydromae.app.console import Stages
    from hydromae.app.folder_data import data_in
    from hydromae.base.errors import ConfigError
    from hydromae.tasks.evaluate import Question, check_output
    from hydromae.tasks.evaluate import evaluate as evaluate_task
    from hydromae.tasks.forecast_baselines import choose_baselines

    if predictions is not None:
        if runs or data is None or task != "forecast" or (every, horizon) != (_EVERY, _HORIZON) or allow_overlap:
            raise ConfigError(
                "--predictions is scored in place of a run against --data my.yaml, with the issue times and lead times "
                "of the file; leave RUN, --task, --every, --horizon and --allow-overlap out, and name --data"
            )
        _evaluate_file(predictions, data, output, variable, split, forcing, baselines, lstm_steps, reference, min_pairs,
                       overwrite, as_json)  # fmt: skip
        return
    if variable is not None:
        raise ConfigError("--variable names what is scored of --predictions FILE; name that, too")
    check_output(task, output, overwrite)  # before a folder of data is read
    regimes = ["none", "perfect"] if forcing is None else listed(forcing) or []
    chosen = choose_baselines(listed(baselines), regimes, lstm_steps)
    with Stages() as stages:
        question = Question(
            tuple(runs or ()),
            split=split,
            data=data_in(data, titled(stages.stage, "Preparing")),
            output=output,
            every=every,
            horizon=horizon,
            forcing=tuple(regimes),
            baselines=chosen,
            reference=reference,
            min_pairs=min_pairs,
            stations=None if stations is None else tuple(listed(stations) or ()),
            folds=folds,
            fold=fold,
            windows=windows,
            warn_at=warn_at,
            esp=esp,
            allow_overlap=allow_overlap,
            overwrite=overwrite,
            together=together,
        )
        done = evaluate_task(task, question, stages.stage)
    _print_scores(done.verdict, done.tables, done.records, done.output, as_json)


def _print_scores(verdict: str, tables: "Sequence[ScoreTable]", records: str, output: Path, as_json: bool) -> None:
    """Print scores as tables, or in full as JSON."""
    from hydromae.app.console import console, print_json, rows_of

    if as_json:
        texts = [records] if records else [table.csv() for table in tables]
        print_json({"verdict": verdict, "output": str(output), "scores": rows_of(texts)})
        return
    if verdict:
        console.print(verdict, markup=False, highlight=False)
    for table in tables:
        console.print(table.rich())
    console.print(f"Written: {output}", soft_wrap=True)


def _evaluate_file(
    predictions: Path,
    data: Path,
    output: Path | None,
    variable: str | None,
    split: str | None,
    forcing: str | None,
    baselines: str,
    lstm_steps: int | None,
    reference: str | None,
    min_pairs: int,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Score a file and print its tables."""
    from hydromae.app.console import Stages
    from hydromae.app.folder_data import data_in
    from hydromae.tasks.evaluate_predictions import evaluate_predictions
    from hydromae.tasks.forecast_baselines import choose_baselines
    from hydromae.tasks.forecast_tables import csv_table

    regimes = listed(forcing)
    chosen = choose_baselines(listed(baselines), regimes, lstm_steps)
    with Stages() as stages:
        source = data_in(data, titled(stages.stage, "Preparing"))
        assert source is not None  # since data are given
        done = evaluate_predictions(
            predictions,
            source,
            output,
            variable=variable,
            split=split,
            forcing=regimes,
            baselines=chosen,
            reference=reference,
            min_pairs=min_pairs,
            overwrite=overwrite,
            on_stage=stages.stage,
        )
    if not as_json:
        print_notes(done.notes)
    _print_scores(done.verdict, done.tables, csv_table(done.comparisons), done.output, as_json)


def benchmark(
    name: Annotated[str, typer.Argument(help="gb-flow-7.")],
    data: Annotated[
        Path,
        typer.Option(
            help="Folder with catchment_daily_604_1970_2012.parquet and Catchment_attributes_nrfa.csv.",
            show_default=False,
        ),
    ],
    overrides: Overrides = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder; default: output/gb_flow_7, with _select after it.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Trainings whose forecasts are averaged.", min=1)] = 2,
    minutes: Annotated[
        float | None, typer.Option(help="Minutes of training, then stop; the same command goes on.", min=0)
    ] = None,
    run: Annotated[
        list[Path] | None, typer.Option(help="Score this run in place of new ones; several are averaged.")
    ] = None,
    select: Annotated[
        bool, typer.Option("--select", help="Score held-out years of the training period, to choose settings by.")
    ] = False,
    baselines: Baselines = _BASELINES,
    lstm_steps: LstmSteps = None,
    reference: Reference = None,
) -> None:
    """Prepare, train, forecast, score and write the table of a public benchmark.

    After a stop, the same command with the same keys continues; finished work is not repeated.

    Example: `hydromae benchmark gb-flow-7 --data data/gb -o output/gb_flow_7`

    Choose on held-out years: `hydromae benchmark gb-flow-7 --data data/gb --select --seeds 1 model.d_model=128`
    """
    from hydromae.app.console import Stages, console
    from hydromae.base.errors import ConfigError
    from hydromae.benchmark.run import BENCHMARKS, run_benchmark
    from hydromae.tasks.forecast_baselines import choose_baselines
    from hydromae.tasks.forecast_tables import shown_tables

    if name not in BENCHMARKS:
        raise ConfigError(f"{name}: is no benchmark; there is {', '.join(BENCHMARKS)}")
    folder = output or Path("output") / ("gb_flow_7_select" if select else "gb_flow_7")
    with Stages() as stages:
        done = run_benchmark(
            data,
            folder,
            seeds=seeds,
            minutes=minutes,
            baselines=choose_baselines(listed(baselines), steps=lstm_steps, keep=folder / "lstm"),
            runs=run or (),
            select=select,
            overrides=overrides or (),
            reference=reference,
            on_stage=stages.stage,
            callbacks=[stages],
        )
    if done is None:
        console.print("Stopped; the same command continues")
        raise typer.Exit(130)
    for regime, comparison in done.comparisons.items():
        for table in shown_tables(comparison, regime, done.title):
            console.print(table.rich())
    console.print(f"Written: {done.output / 'table.md'}, table.csv, none.nc and perfect.nc", soft_wrap=True)
