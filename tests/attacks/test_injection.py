"""Text from data stays text: no formula in a spreadsheet, no control of a terminal, no command in a shell."""

import csv
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from hydromae.app.next_steps import after_init
from hydromae.app.output import Output
from hydromae.base.csv_text import guarded, rows_text, unguarded, write_frame
from hydromae.base.errors import DataError
from hydromae.base.shell import command
from hydromae.base.shown_text import shown
from hydromae.config import AttributesConfig
from hydromae.drawing.encode import plain
from hydromae.drawing.page import page_environment
from hydromae.evaluation.tables import ScoreTable
from hydromae.folds.folds import Folds
from hydromae.readers import open_table
from hydromae.results.write import write_result
from hydromae.runs.directory import RunDirectory
from hydromae.sources.attributes import read_attributes
from support.weather import open_weather_file

Hydromae = Callable[..., tuple[int, str, str]]
IDS = ["=1+1", "+cmd|'/C calc'!A0", "-2+3", "@SUM(A1)", "'=quoted", "''@twice", "'plain", "39001"]
SIGNS = "a\x1b[2Jb\u202ec\u2066d\re\x9bf"
ESCAPED = r"a\x1b[2Jb\u202ec\u2066d\re\x9bf"


def cells_of(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return [cell for row in csv.reader(file) for cell in row]


def runs_as_formula(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return cell.startswith(("=", "+", "-", "@", "\t", "\r")) and cell not in ("-", "+")
    return False


@given(st.text("'=+-@\t\r59.ea", max_size=6))
def test_a_guarded_text_is_no_formula_and_comes_back(text: str) -> None:
    assert unguarded(guarded(text)) == text and not runs_as_formula(guarded(text))


def test_numbers_and_usual_texts_are_left_as_they_are() -> None:
    for text in ("-5", "+0.5", "-1e-7", "39001", "'s", "River @ Mill", ""):
        assert guarded(text) == text
    assert rows_text([["a", -5, "-5", "-a"]]) == "a,-5,-5,'-a\n"


def test_a_carriage_return_begins_no_row() -> None:
    assert list(csv.reader(rows_text([["\r=1", 2]]).splitlines(keepends=True))) == [["'\r=1", "2"]]


def test_ids_come_back_from_every_table_that_is_written(tmp_path: Path) -> None:
    times = pd.date_range("2001-01-01", periods=3)
    values = -np.arange(24, dtype=np.float32).reshape(3, 8)
    flow = xr.Dataset({"rain": (("time", "station"), values)}, {"time": times, "station": np.array(IDS, object)})
    for suffix in (".csv", ".parquet"):
        write_result(flow, path := tmp_path / f"flow{suffix}")
        read = open_table(path, "rain")
        assert set(read["station"].values) == set(IDS)
        np.testing.assert_array_equal(read.sel(station=IDS).values, values)
    assert "-1" in cells_of(tmp_path / "flow.csv")[4:] or "-1.0" in cells_of(tmp_path / "flow.csv")
    write_result(flow.assign(rain=np.abs(flow["rain"])), weather := tmp_path / "weather.csv")
    opened = open_weather_file(weather, IDS).series["rain"]
    np.testing.assert_array_equal(opened.sel(station=IDS).values, -values)
    write_frame(pd.DataFrame({"id": IDS, "area": 1.0, "name": IDS}), tmp_path / "attributes.csv")
    settings = AttributesConfig(path="attributes.csv", id="id", columns=("area",))
    attributes = read_attributes(tmp_path / "attributes.csv", settings, ())
    assert list(attributes.ids) == IDS and attributes.station_names == dict(zip(IDS, IDS, strict=True))
    columns = {"latitude": 0.0, "longitude": 0.0, "nearest_training_station": IDS[::-1], "nearest_training_km": 1.0}
    folds = Folds(pd.DataFrame({"station": IDS, "fold": range(8), "cluster": range(8), **columns}))
    folds.write(tmp_path / "folds.csv")
    read_folds = Folds.read(tmp_path / "folds.csv").table
    assert read_folds["station"].tolist() == IDS and read_folds["nearest_training_station"].tolist() == IDS[::-1]
    (tmp_path / "scores.csv").write_text(ScoreTable("", ("model", "nse"), tuple((i, "-0.5") for i in IDS)).csv())
    for path in tmp_path.glob("*.csv"):
        assert not [cell for cell in cells_of(path) if runs_as_formula(cell)], path


def test_signs_that_turn_or_clear_are_shown_as_escapes_wherever_text_is_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert shown(SIGNS) == ESCAPED and shown(ESCAPED) == ESCAPED and shown("Übersee, 水\n") == "Übersee, 水\n"
    assert str(DataError(SIGNS)) == ESCAPED
    output, table = Output(width=200), ScoreTable(SIGNS, ("model", "nse"), ((SIGNS, "0.5"),))
    output.print(SIGNS)
    output.print(table.rich())
    written = capsys.readouterr().out
    assert ESCAPED in written and not set(written) & set(SIGNS.replace("a", "")) - set("[2Jbcdef")
    assert ESCAPED in table.markdown() and plain(SIGNS) == ESCAPED
    template = page_environment().from_string("{{ text }} {{ made }} {{ picture }}")
    page = template.render(text=f"<b>{SIGNS}", made=Markup("<i>"), picture="data:image/png;base64,AA==")
    assert page == f"&lt;b&gt;{ESCAPED} <i> data:image/png;base64,AA=="


def test_a_bar_or_a_line_in_a_name_breaks_no_markdown_table() -> None:
    assert r"| a\|b c | 1 |" in ScoreTable("", ("name", "n"), (("a|b\nc", "1"),)).markdown()


def test_an_error_clears_no_terminal(hydromae: Hydromae, tmp_path: Path) -> None:
    code, _, errors = hydromae("check", tmp_path / "a\x1b[2J\u202e.yaml")
    assert (
        code == 2 and r"a\x1b[2J\u202e.yaml: is neither a configuration nor a store" in errors and "\x1b" not in errors
    )


@pytest.mark.parametrize("name", ["my run", "$(touch harmed)", "a;b", "it's", "`x`"])
def test_a_suggested_command_is_one_command_whatever_the_names(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert shlex.split(command("resume", path)) == ["hydromae", "resume", str(path)]
    assert shlex.split(after_init(path, ()).splitlines()[-1]) == ["hydromae", "check", str(path)]
    run = RunDirectory(path)
    run.model.mkdir(parents=True)
    with pytest.raises(Exception, match="already holds a run") as said:
        run.refuse_taken()
    assert f"`hydromae resume {shlex.quote(str(path))}`" in str(said.value)


def test_no_message_of_the_package_has_a_command_with_a_path_that_is_not_quoted() -> None:
    """Commands with names in them are made by `command`, not written out."""
    root = Path(__file__).parents[2] / "src" / "hydromae"
    written_out = re.compile(r"hydromae [a-z]+ [^`]*\{(?!VERSION|explained)[^`]*`")
    found: list[Any] = []
    for path in root.rglob("*.py"):
        found += [(path.name, line) for line in path.read_text("utf-8").splitlines() if written_out.search(line)]
    assert not found
