"""Commands on consoles of any kind: what was done is done, and what cannot be shown is not an error."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.table import Table

from hydromae.app.output import Output
from hydromae.evaluation.tables import ScoreTable

SAYS = """
from hydromae.app.streams import prepare_streams
prepare_streams()
from rich.table import Table
from hydromae.app.output import Output
shown = Output(width=60)
table = Table("unit", title="Größe [/b] km²")
table.add_row("(mm/d)² [red]水[/] :smile: \\udcff")
for line in range(600):
    shown.print(f"{200 * 'a'}[/b]/{line}.nc", soft_wrap=True) if line % 100 else shown.print(table)
with open("done", "w") as file:
    file.write("done")
"""


def say(tmp_path: Path, ending: str = "", code: str = SAYS, **variables: str) -> tuple[int, bytes, bytes]:
    """Run a program in a shell that does something to its streams; exit codes of all its parts must be 0."""
    (tmp_path / "says.py").write_text(code, encoding="utf-8", errors="surrogateescape")
    command = f"set -o pipefail; {sys.executable} says.py {ending}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables}
    ran = subprocess.run(["bash", "-c", command], capture_output=True, cwd=tmp_path, env=environment, timeout=120)
    return ran.returncode, ran.stdout, ran.stderr


@pytest.mark.parametrize(
    ("variables", "encoding", "unit"),
    [
        ({"PYTHONIOENCODING": "utf-8"}, "utf-8", "(mm/d)² [red]水[/] :smile: \\udcff"),
        ({"PYTHONIOENCODING": "ascii"}, "ascii", "(mm/d)^2 [red]\\u6c34[/] :smile: \\udcff"),
        ({"PYTHONIOENCODING": "gbk"}, "gbk", "(mm/d)^2 [red]水[/] :smile: \\udcff"),
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, "ascii", "(mm/d)^2 [red]\\u6c34[/]"),
    ],
)
def test_any_encoding_shows_what_it_can(tmp_path: Path, variables: dict[str, str], encoding: str, unit: str) -> None:
    code, out, err = say(tmp_path, **variables)
    assert (code, err) == (0, b"") and (tmp_path / "done").exists()
    text = out.decode(encoding)
    assert unit in text and "[/b] km" in text and "a[/b]/599.nc" in text


@pytest.mark.parametrize("ending", ["| head -1", ">&-", ">&- 2>&- <&-", "| true"])
def test_nobody_who_listens_ends_nothing(tmp_path: Path, ending: str) -> None:
    code, _, err = say(tmp_path, ending)
    assert (code, err) == (0, b"") and (tmp_path / "done").read_text() == "done"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_the_output_is_said_once(tmp_path: Path) -> None:
    code, _, err = say(tmp_path, "> /dev/full")
    assert code == 0 and (tmp_path / "done").exists()
    assert err.decode() == "warning: stdout: No space left on device; what is printed from here on is lost\n"
    assert say(tmp_path, "> /dev/full 2>&1")[0] == 0


def test_a_file_that_is_opened_is_never_given_the_place_of_a_closed_output(tmp_path: Path) -> None:
    code = "import os\nfrom hydromae.app.streams import prepare_streams\nprepare_streams()\n"
    code += "file = open('data', 'wb')\nos.write(1, b'said')\nos.write(2, b'said')\nfile.write(b'values')\n"
    assert say(tmp_path, ">&- 2>&- <&-", code)[0] == 0
    assert (tmp_path / "data").read_bytes() == b"values"


def test_brackets_are_no_commands_anywhere_in_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("[b]head", title="t[/x]", caption="c[/y] :+1:")
    table.add_row("[link=a]b[/c]")
    shown = Output(width=40)
    shown.print(table)
    shown.print(ScoreTable("[/t]", ("[/c]", "n"), (("[/r]", "1"),), "[/n]").rich())
    text = capsys.readouterr().out
    for part in ("[b]head", "t[/x]", "c[/y] :+1:", "[link=a]b[/c]", "[/t]", "[/c]", "[/r]", "[/n]"):
        assert part in text
    assert "\\[" not in text


def test_a_progress_bar_says_a_path_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import hydromae.app.console

    monkeypatch.setattr(
        hydromae.app.console, "messages", Output(stderr=True, force_terminal=True, width=200, _environ={})
    )
    with hydromae.app.console.Stages() as shown:
        shown.stage("Preparing: data[/x]/[red]a.nc", 0.5)
        shown.warn("data[/x] is [odd]")
    text = capsys.readouterr().err
    assert "Preparing: data[/x]/[red]a.nc" in text and "warning: data[/x] is [odd]" in text


def test_an_error_with_brackets_is_said_as_it_is(hydromae: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    code, _, err = hydromae("report", tmp_path / "run[/b]")
    assert code == 2 and f"error: {tmp_path / 'run[/b]'}: holds no config.yaml" in err
