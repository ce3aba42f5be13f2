"""Commands that train and use a model."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from hydromae.app.commands.options import (
    AsJson,
    ConfigFile,
    Overrides,
    OverwriteOwn,
    Run,
    Seed,
    Size,
    Span,
    dates,
    print_notes,
    titled,
)
from hydromae.base.errors import DataError, HydroMAEError


def demo(
    directory: Annotated[Path, typer.Argument(help="Where to put everything.")] = Path("demo"),
    size: Size = "small",
    seed: Seed = 0,
) -> None:
    """Run the main job on a synthetic sample: data, store, training, reconstruction, forecasts, page.

    Example: `hydromae demo demo --size small`
    """
    from hydromae.app.console import Stages, console
    from hydromae.app.demo import run_demo
    from hydromae.evaluation.forecast_verdict import forecast_verdict
    from hydromae.sample.sizes import known_size

    with Stages() as stages:
        done = run_demo(directory, known_size(size), seed, stages.stage, [stages])
    if done is None:
        console.print("Stopped; the same command continues")
        raise typer.Exit(130)
    _print_scores(done.run.config().data.modalities, done.scores)
    for regime, comparison in done.comparisons.items():
        console.print(comparison.table("nse", f"Forecasts of river flow, forcing {regime}: median NSE").rich())
    console.print(forecast_verdict({regime: comparison.scores for regime, comparison in done.comparisons.items()}))
    console.print(f"Forecasts: {', '.join(map(str, done.forecasts))}; as a table: {done.table}", soft_wrap=True)
    console.print(f"The page: {done.page}", soft_wrap=True)


def train(
    config: ConfigFile,
    overrides: Overrides = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Estimate memory, tokens and time, then try some steps; write no run.")
    ] = False,
    go_on: Annotated[
        bool, typer.Option("--continue", help="Continue the run if it exists, as when a job is started again.")
    ] = False,
) -> None:
    """Pretrain a model, preparing the store first where there is none.

    Several processes: `torchrun --standalone --nproc_per_node=4 train_mae.py --config configs/gb_small.yaml`

    Example: `hydromae train configs/gb_small.yaml data.root=my_data training.epochs=3`
    """
    train_here(config, overrides or (), dry_run, go_on)


def train_here(config: Path, overrides: Sequence[str], dry_run: bool = False, go_on: bool = False) -> None:
    """Train in this process, by itself or as one of those that a launcher started; only the first one prints."""
    from hydromae.app.console import Stages, console, messages
    from hydromae.config.read import load_config
    from hydromae.runs.changes import refuse_changes
    from hydromae.runs.directory import RunDirectory
    from hydromae.store.prepare import prepare as prepare_store
    from hydromae.training.dry_run import dry_run as try_out
    from hydromae.training.launched import launched
    from hydromae.training.runs import continue_run, new_run

    here = launched()
    speaks = here.rank == 0
    console.quiet = messages.quiet = not speaks
    go_on = go_on or here.restarts > 0  # launchers and batch systems say when they start a job again
    loaded = load_config(config, overrides)
    console.quiet = not speaks or (loaded.logging.console == "quiet" and not dry_run)
    run = RunDirectory(loaded.output_path)
    go_on = go_on and run.config_file.is_file() and not dry_run
    if go_on:
        refuse_changes(run, loaded)
    elif not dry_run and speaks:
        run.refuse_taken()
    with Stages(loaded.logging, speaks) as stages:
        store = prepare_store(loaded, titled(stages.stage, "Preparing the store"))
        print_notes(store.provenance.notes)
        if dry_run:
            trial = try_out(loaded, store, lambda estimate: console.print(estimate.table()))
        else:
            run = continue_run(run, [stages]) if go_on else new_run(loaded, store, [stages])
    if dry_run:
        if trial.start is not None:
            console.print(trial.start.table())
        console.print(trial.table())
        return
    after_training(run)


def resume(run: Run) -> None:
    """Continue a run that was stopped, as if it had never stopped.

    Example: `hydromae resume output/gb_small`
    """
    from hydromae.app.console import Stages, console
    from hydromae.runs.directory import RunDirectory
    from hydromae.training.runs import continue_run, is_finished

    directory = RunDirectory.open(run)
    if is_finished(directory):
        console.print(f"{run}: is finished; nothing to continue", soft_wrap=True)
        return
    settings = directory.config().logging
    console.quiet = settings.console == "quiet"
    with Stages(settings) as stages:
        continue_run(directory, [stages])
    after_training(directory)


def reconstruct(
    run: Run,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help=".nc or .zarr; default: reconstruction.nc in RUN, or named after split or period.",
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="train, val or test; default: val where there is one, else test; --period overrides it."),
    ] = None,
    period: Span = None,
    overwrite: OverwriteOwn = False,
) -> None:
    """Hide values as in training, reconstruct them, write netCDF and score against simple fills.

    Example: `hydromae reconstruct output/gb_small --period 2010-12-01 2011-02-28 -o winter.nc`
    """
    from hydromae.app.console import Stages, console
    from hydromae.runs.directory import RunDirectory
    from hydromae.tasks.reconstruct import default_output, scores_file
    from hydromae.tasks.reconstruct import reconstruct as reconstruct_run
    from hydromae.tasks.task_scores import default_split

    days, directory = dates(period), RunDirectory.open(run)
    modalities = directory.config().data.modalities
    if split is None and days is None:
        split = default_split(directory.store())
    target = output or default_output(Path(run), split or "chosen", days)
    with Stages() as stages:
        done = reconstruct_run(run, output, split, days, lambda done: stages.stage("Reconstructing", done), overwrite)
    done.close()
    try:
        scores = directory.read_json(scores_file(Path(run), target))
    except HydroMAEError as error:
        raise DataError(f"{target}: was written whole, but {error}") from None
    _print_scores(modalities, scores)
    console.print(f"Written: {target}", soft_wrap=True)


def model(
    target: Annotated[Path, typer.Argument(help="YAML configuration, or a run directory.")],
    overrides: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Print the model's parts with their parameters, its tokens, and the memory and cost of a sample.

    Example: `hydromae model configs/crossmae.yaml`
    """
    from hydromae.app.console import console, print_table
    from hydromae.config.read import load_config
    from hydromae.models.multimodal_mae import MultiModalMAE
    from hydromae.models.summary import summary_table
    from hydromae.runs.directory import RunDirectory
    from hydromae.runs.pretrained import load_pretrained
    from hydromae.store.store import Store
    from hydromae.training.setup import build_model, model_config_without_data

    if target.is_dir():
        print_table(summary_table(load_pretrained(target), RunDirectory.open(target).config()), as_json)
        return
    config = load_config(target, overrides or ())
    if (Path(config.store_path) / "store.json").is_file():
        print_table(summary_table(build_model(config, Store.open(config.store_path)), config), as_json)
        return
    print_table(summary_table(MultiModalMAE(model_config_without_data(config)), config), as_json)
    if config.data.modalities and not as_json:
        console.print("These sizes are the configuration's; with a prepared store they come from the data.")


def _print_scores(modalities: Mapping[str, Any], content: dict[str, Any]) -> None:
    from hydromae.app.console import console, score_table
    from hydromae.evaluation.scores import Scores, verdict

    scores = Scores.model_validate(content)
    console.print(score_table(scores))
    console.print(verdict(scores, lambda name: modalities[name].long_name or name))


def after_training(run: Any) -> None:
    """Say that a run is finished, and what comes next; or how to go on with one that was stopped."""
    from hydromae.app.console import console
    from hydromae.app.next_steps import after_training as next_commands
    from hydromae.app.next_steps import said
    from hydromae.base.shell import command
    from hydromae.training.runs import is_finished

    if not is_finished(run):
        console.print(f"Stopped; continue with `{command('resume', run.path)}`", soft_wrap=True)
        raise SystemExit(130)  # typer's own exit works only inside typer, which train_mae.py does not use
    console.print(said(f"Trained: {run.path}.", next_commands(run)), soft_wrap=True, markup=False, highlight=False)
