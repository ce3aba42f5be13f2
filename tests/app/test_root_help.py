"""The list of commands: complete, and soon there."""

import subprocess
import sys

import typer
from typer.testing import CliRunner

from hydromae.app import cli


def test_the_list_of_commands_is_written_without_the_packages_that_take_long_to_import() -> None:
    code = (
        "import sys\nfrom hydromae.app.cli import main\nsys.argv = ['hydromae', '--help']\ntry:\n    main()\n"
        "except SystemExit:\n    slow = {'rich', 'importlib.metadata', 'numpy', 'torch'} & set(sys.modules)\n"
        "    print(sorted(slow), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n" and "Commands:\n  demo " in done.stdout


def test_the_list_holds_the_whole_sentence_of_every_command() -> None:
    shown = " ".join(CliRunner().invoke(cli.app, ["--help"]).output.split())
    for name, command in typer.main.get_command(cli.app).commands.items():
        sentence = " ".join(command.help.split("\n\n")[0].split()).rstrip(".")
        assert f" {name} {sentence}" in shown
