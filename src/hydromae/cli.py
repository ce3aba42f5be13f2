"""The command line: each command is a thin call of the same Python function."""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from hydromae.errors import HydroMAEError

# OpenMP's idle threads spin by default; where other work shares the cores, that makes a step tens of times slower.
# Read when torch is first imported, so it is set before.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
data_app = typer.Typer(no_args_is_help=True, help="Make data, and look at stations.")
app.add_typer(data_app, name="data")

ConfigFile = Annotated[Path, typer.Argument(help="YAML configuration; see `hydromae config` for its keys.")]
Overrides = Annotated[
    list[str] | None, typer.Argument(help="Keys to change, as training.lr=3e-4.", metavar="KEY=VALUE")
]
Run = Annotated[Path, typer.Argument(help="Run directory, the output of `hydromae train`.")]
Size = Annotated[str, typer.Option(help="tiny (seconds), small (minutes) or full (290 x 180 cells, 604 stations).")]
Seed = Annotated[int, typer.Option(help="Seed of the sample.")]


def _print_version(wanted: bool) -> bool:
    if wanted:
        import hydromae

        typer.echo(hydromae.__version__)
        raise typer.Exit
    return wanted


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """HydroMAE: a multi-modal masked autoencoder for hydrology. Start with `hydromae demo`."""


@app.command()
def demo(
    directory: Annotated[Path, typer.Argument(help="Where to put everything.")] = Path("demo"),
    size: Size = "small",
    seed: Seed = 0,
) -> None:
    """Run the main job on a synthetic sample: data, store, training, reconstruction, page.

    Example: `hydromae demo demo --size small`
    """
    from hydromae.console import Stages, console, score_table, verdict
    from hydromae.data.sample.sizes import known_size
    from hydromae.demo import run_demo

    with Stages() as shown:
        done = run_demo(directory, known_size(size), seed, shown.stage, shown.listener)
    if done is None:
        console.print("Stopped; the same command continues")
        raise typer.Exit(130)
    console.print(score_table(done.scores))
    console.print(verdict(done.scores))
    console.print(f"The page: {done.page}", soft_wrap=True)


@app.command()
def prepare(
    config: ConfigFile,
    overrides: Overrides = None,
    overwrite: Annotated[bool, typer.Option(help="Replace a store that was made otherwise.")] = False,
) -> None:
    """Read the sources and write the store.

    Example: `hydromae prepare configs/gb.yaml data.root=my_data`
    """
    from hydromae.config_io import load_config
    from hydromae.console import Stages, console
    from hydromae.data.prepare import prepare as prepare_store

    loaded = load_config(config, overrides or ())
    with Stages() as shown:
        store = prepare_store(loaded, _titled(shown.stage, "Preparing the store"), overwrite=overwrite)
    console.print(f"{store.path}: {store.n_days} days from {store.days[0]}, {', '.join(store.names)}", soft_wrap=True)


@app.command()
def check(
    target: Annotated[Path, typer.Argument(help="YAML configuration, or a store.")],
    overrides: Overrides = None,
) -> None:
    """Say before any training what is missing, constant or out of range.

    Exit code 0: fit; 1: something would spoil training; 2: something cannot be read.

    Example: `hydromae check configs/gb.yaml data.root=my_data`
    """
    from hydromae.config_io import load_config
    from hydromae.console import console
    from hydromae.data.check import check as check_sources
    from hydromae.data.check import check_store, render
    from hydromae.data.store import Store

    is_store = target.is_dir()
    report = check_store(Store.open(target)) if is_store else check_sources(load_config(target, overrides or ()))
    console.print(render(report))
    raise typer.Exit(report.exit_code)


@app.command()
def train(
    config: ConfigFile,
    overrides: Overrides = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Try some steps; print memory, tokens, steps and time; write no run.")
    ] = False,
) -> None:
    """Pretrain a model, preparing the store first where there is none.

    Example: `hydromae train configs/gb_small.yaml data.root=my_data training.epochs=3`
    """
    from hydromae.config_io import load_config
    from hydromae.console import Stages, console
    from hydromae.data.prepare import prepare as prepare_store
    from hydromae.training.dry_run import dry_run as try_out
    from hydromae.training.runs import new_run

    loaded = load_config(config, overrides or ())
    with Stages() as shown:
        store = prepare_store(loaded, _titled(shown.stage, "Preparing the store"))
        if dry_run:
            trial = try_out(loaded, store)
        else:
            run = new_run(loaded, store, shown.listener)
    if dry_run:
        console.print(trial.table())
        return
    _after_training(run)


@app.command()
def resume(run: Run) -> None:
    """Continue a run that was stopped, as if it had never been.

    Example: `hydromae resume output/gb_small`
    """
    from hydromae.console import Stages, console
    from hydromae.training.run_directory import RunDirectory
    from hydromae.training.runs import continue_run, is_finished

    directory = RunDirectory.open(run)
    if is_finished(directory):
        console.print(f"{run}: is finished; nothing to continue")
        return
    with Stages() as shown:
        continue_run(directory, shown.listener)
    _after_training(directory)


@app.command()
def reconstruct(
    run: Run,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="netCDF file; default: in RUN, reconstruction.nc or named after the split or period."
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="train, val or test.")] = "val",
    period: Annotated[
        tuple[datetime, datetime] | None,
        typer.Option(help="First and last day, instead of a split.", formats=["%Y-%m-%d"]),
    ] = None,
) -> None:
    """Hide values as in training, reconstruct them, write netCDF and score against simple fills.

    Example: `hydromae reconstruct output/gb_small --period 2010-12-01 2011-02-28 -o winter.nc`
    """
    from hydromae.console import Stages, console, score_table, verdict
    from hydromae.tasks.reconstruct import default_output, scores_file
    from hydromae.tasks.reconstruct import reconstruct as reconstruct_run
    from hydromae.training.run_directory import RunDirectory

    days = None if period is None else (period[0].date(), period[1].date())
    target = output or default_output(run, split, days)
    with Stages() as shown:
        reconstruct_run(run, target, split, days, lambda done: shown.stage("Reconstructing", done)).close()
    scores = RunDirectory(run).read_json(scores_file(run, target))
    console.print(score_table(scores))
    console.print(verdict(scores))
    console.print(f"Written: {target}", soft_wrap=True)


@app.command()
def report(run: Run) -> None:
    """Draw a run's page: losses, maps, series and scores in one HTML file.

    Example: `hydromae report output/gb_small`
    """
    from hydromae.console import console
    from hydromae.report import write_report

    console.print(f"The page: {write_report(run)}", soft_wrap=True)


@app.command()
def model(
    target: Annotated[Path, typer.Argument(help="YAML configuration, or a run directory.")],
    overrides: Overrides = None,
) -> None:
    """Print the model's parts with their parameters, its tokens, and the memory and cost of a sample.

    Example: `hydromae model configs/crossmae.yaml`
    """
    from hydromae.config_io import load_config
    from hydromae.console import console
    from hydromae.data.store import Store
    from hydromae.models.multimodal_mae import MultiModalMAE
    from hydromae.models.pretrained import load_pretrained
    from hydromae.models.summary import summary_table
    from hydromae.training.run_directory import RunDirectory
    from hydromae.training.setup import build_model, model_config_without_data

    if target.is_dir():
        console.print(summary_table(load_pretrained(target), RunDirectory.open(target).config()))
        return
    config = load_config(target, overrides or ())
    if (Path(config.store_path) / "store.json").is_file():
        console.print(summary_table(build_model(config, Store.open(config.store_path)), config))
        return
    console.print(summary_table(MultiModalMAE(model_config_without_data(config)), config))
    if config.data.modalities:
        console.print("Sizes are the configuration's: with a prepared store they are the data's.")


@app.command("config")
def config_keys(
    key: Annotated[
        str | None, typer.Argument(help="A key or the beginning of one, as training or data.window.")
    ] = None,
) -> None:
    """Explain the configuration: every key, its default and meaning.

    Example: `hydromae config training.lr`
    """
    from rich.markup import escape
    from rich.table import Table

    from hydromae.config_help import all_keys, find_keys
    from hydromae.console import console

    table = Table("key", "default", "type", "meaning")
    for found in all_keys() if key is None else find_keys(key):
        table.add_row(*(escape(part) for part in (found.name, found.default, found.type, found.meaning)))
    console.print(table)


@data_app.command()
def sample(
    directory: Annotated[Path, typer.Argument(help="Where to write; must be empty or absent.")],
    size: Size = "small",
    seed: Seed = 0,
) -> None:
    """Write the synthetic sample in the formats the readers read.

    Example: `hydromae data sample my_sample --size tiny`
    """
    from hydromae.console import Stages, console
    from hydromae.data.sample import write_sample
    from hydromae.data.sample.sizes import known_size

    with Stages() as shown:
        written = write_sample(directory, known_size(size), seed, _titled(shown.stage, "Making the sample"))
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
) -> None:
    """Say how compact the groups of stations are, as given and in spatial order, and what aggregating would save.

    Example: `hydromae data patches configs/gb.yaml data.root=my_data --aggregate 10 -o patches.csv`
    """
    from hydromae.config_io import load_config
    from hydromae.console import console
    from hydromae.data.patches_table import station_patches

    found = station_patches(load_config(config, overrides or ()), aggregate)
    console.print(found.table())
    if found.grid is not None:
        console.print(found.sentence())
    if output is not None:
        found.write(output)
        console.print(f"Written: {output}", soft_wrap=True)


def main() -> None:
    """Run a command; an error that is the user's to mend is one sentence and exit code 2."""
    try:
        app()
    except HydroMAEError as error:
        from hydromae.console import fail

        fail(str(error))


def _titled(stage: Callable[[str, float], None], title: str) -> Callable[[str, float], None]:
    return lambda what, done: stage(f"{title}: {what}", done)


def _after_training(run: Any) -> None:
    from hydromae.console import console
    from hydromae.training.runs import is_finished

    if not is_finished(run):
        console.print(f"Stopped; continue with `hydromae resume {run.path}`", soft_wrap=True)
        raise typer.Exit(130)
    split = "" if run.config().data.val else " --split train"
    console.print(
        f"Trained: {run.path}. Next: `hydromae reconstruct {run.path}{split}` and `hydromae report {run.path}`",
        soft_wrap=True,
    )
