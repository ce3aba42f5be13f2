"""The command line: each command is a thin call of the same Python function."""

import atexit
import gc
from typing import Annotated

import typer

from hydromae.app.commands import report, runs, stores
from hydromae.app.commands.config import config_keys
from hydromae.app.commands.data import data_app
from hydromae.app.commands.doctor import doctor
from hydromae.app.commands.evaluate import benchmark, evaluate
from hydromae.app.commands.finetune import finetune
from hydromae.app.commands.folds import folds
from hydromae.app.commands.forecast import forecast
from hydromae.app.commands.infill import infill
from hydromae.app.commands.models import models
from hydromae.app.commands.plot import plot
from hydromae.app.commands.serve import serve
from hydromae.app.commands.ungauged import ungauged
from hydromae.app.root_help import PlainHelp
from hydromae.app.sentences import errors_as_sentences
from hydromae.app.streams import prepare_streams

app = typer.Typer(
    cls=PlainHelp,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.add_typer(data_app, name="data")
for command in (
    runs.demo,
    stores.init,
    stores.check,
    stores.prepare,
    runs.train,
    runs.resume,
    finetune,
    forecast,
    infill,
    ungauged,
    runs.reconstruct,
    evaluate,
    benchmark,
    plot,
    report.report,
    serve,
    runs.model,
    models,
    stores.export,
    doctor,
):
    app.command()(command)
data_app.command()(folds)
app.command("config")(config_keys)


def _print_version(requested: bool) -> bool:
    if requested:
        from hydromae.base.version import VERSION

        typer.echo(VERSION)
        raise typer.Exit
    return requested


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", is_eager=True, callback=_print_version)
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors only.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print also what the package notes for its developers.")
    ] = False,
) -> None:
    """HydroMAE: a multi-modal masked autoencoder for hydrology. Start with `hydromae demo`."""
    if quiet or verbose:
        from hydromae.app.console import speak

        speak(quiet, verbose)


def main() -> None:
    """Run a command; an error that the user can mend is printed as one sentence, with exit code 2."""
    prepare_streams()
    atexit.register(gc.freeze)  # Python would search all of torch for garbage before it ends, which takes a second
    with errors_as_sentences():
        app()


if __name__ == "__main__":
    main()
