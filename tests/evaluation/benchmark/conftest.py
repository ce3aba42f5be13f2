"""The commands of this part, whichever the command line has."""

import pytest
import typer

from hydromae import cli
from hydromae.commands.evaluate import benchmark, evaluate


@pytest.fixture(autouse=True)
def commands(monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(evaluate)
    app.command()(benchmark)
    monkeypatch.setattr(cli, "app", app)
