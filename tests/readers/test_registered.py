"""Readers of other packages: installed as a distribution that the test makes."""

from pathlib import Path

import numpy as np
import pytest

from hydromae.base.errors import ConfigError, DataError
from hydromae.config import ModalityConfig
from hydromae.readers import Request
from hydromae.readers.detect import find_reader, locate
from hydromae.sources.source import open_source
from support.packages import install_package

SERIES = ModalityConfig(kind="series", units="m3/s", paths=("flow.txt",))

MODULE = """
import numpy as np
import xarray as xr
from hydromae.readers import Reader, Request

def accepts(path):
    return "one number a line" if path.suffix == ".txt" else ""

def open_lines(paths, request):
    values = np.loadtxt(paths[0], ndmin=1)[:, None]
    days = np.datetime64("2001-01-01") + np.arange(len(values))
    return xr.DataArray(values, {"time": days, "station": ["1"]}, ("time", "station"), request.variable)

def fail(*args):
    raise KeyError("no such thing")

def open_numbered(paths, request):
    return open_lines(paths, request).assign_coords(station=[1])

LINES = Reader("lines", "series", "a .txt of lines", accepts, open_lines)
NUMBERED = Reader("numbered", "series", "a .txt of lines", accepts, open_numbered)
FAILS_TO_OPEN = Reader("fails_to_open", "series", "a .txt", accepts, fail)
FAILS_TO_ACCEPT = Reader("fails_to_accept", "series", "a .txt", fail, open_lines)
RETURNS_A_LIST = Reader("returns_a_list", "series", "a .txt", accepts, lambda paths, request: [1.0])
TURNED = Reader("turned", "series", "a .txt", accepts, lambda paths, request: open_lines(paths, request).T)
TABLE = Reader("table", "series", "a .txt", accepts, open_lines)
NO_READER = "lines"
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """A function that installs the package `more-formats` with the given entry points."""

    def installed(**points: str) -> None:
        install_package(tmp_path / "site", "more_formats", MODULE, "hydromae.readers", monkeypatch, **points)

    (tmp_path / "flow.txt").write_text("1\n2\n3\n")
    return installed


def test_a_registered_reader_is_found_and_reads(install, tmp_path):
    install(lines="more_formats:LINES")
    (located,) = locate("flow", SERIES, tmp_path)
    assert (located.reader.name, located.why) == ("lines", "one number a line")
    assert located.reader.open(located.paths, Request("flow", SERIES)).values[:, 0].tolist() == [1, 2, 3]


def test_stations_that_a_reader_gives_as_numbers_are_the_same_stations(install, tmp_path):
    install(numbered="more_formats:NUMBERED")
    source = open_source("flow", SERIES, tmp_path, ())
    assert source.station_ids == ("1",)
    assert source.for_stations(["1"]).read(np.datetime64("2001-01-01"), 3).tolist() == [[1.0], [2.0], [3.0]]


def test_a_registered_reader_is_asked_before_those_of_the_package(install, tmp_path):
    (tmp_path / "flow.csv").write_text("file,timestamp\n")
    assert find_reader(tmp_path / "flow.csv", "flow", SERIES).name == "nrfa_gdf"
    install(lines="more_formats:LINES")
    (tmp_path / "flow.txt").write_text("file,timestamp\n")  # nrfa_gdf would take it too
    assert find_reader(tmp_path / "flow.txt", "flow", SERIES).name == "lines"
    assert find_reader(tmp_path / "flow.csv", "flow", SERIES).name == "nrfa_gdf"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("more_formats:ABSENT", "has no attribute 'ABSENT'"),
        ("no_such_module:X", "No module named 'no_such_module'"),
        ("more_formats:NO_READER", "is a str, not a hydromae.readers.Reader"),
        ("more_formats:TABLE", "has the name of another reader"),
    ],
)
def test_a_reader_that_cannot_be_loaded_is_named_and_leaves_the_others_usable(install, tmp_path, value, reason):
    install(lines="more_formats:LINES", broken=value)
    assert find_reader(tmp_path / "flow.txt", "flow", SERIES).name == "lines"
    with pytest.raises(ConfigError, match=rf"flow\.reader is broken, but the reader .*more-formats.*{reason}"):
        find_reader(tmp_path / "flow.txt", "flow", SERIES.model_copy(update={"reader": "broken"}))
    (tmp_path / "flow.dat").write_text("?")
    with pytest.raises(DataError, match=rf"flow\.dat: is no series of a known format.*more-formats.*{reason}"):
        find_reader(tmp_path / "flow.dat", "flow", SERIES)


def test_a_reader_that_fails_to_accept_does_not_stop_the_others(install, tmp_path):
    install(broken="more_formats:FAILS_TO_ACCEPT", lines="more_formats:LINES")
    assert find_reader(tmp_path / "flow.txt", "flow", SERIES).name == "lines"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("FAILS_TO_OPEN", r"failed to open the file \(KeyError: 'no such thing'\)"),
        ("RETURNS_A_LIST", "returned a list, not an xarray.DataArray"),
        ("TURNED", r"returned dimensions \('station', 'time'\)"),
    ],
)
def test_what_a_registered_reader_does_wrong_names_its_package(install, tmp_path, name, reason):
    install(it=f"more_formats:{name}")
    (located,) = locate("flow", SERIES, tmp_path)
    with pytest.raises(DataError, match=rf"flow\.txt: the reader \w+ of the package more-formats {reason}"):
        located.reader.open(located.paths, Request("flow", SERIES))


def test_the_example_of_the_page_on_data_reads(install, tmp_path):
    page = Path("docs/data.md").read_text(encoding="utf-8")
    install(lines="more_formats:LINES")
    (tmp_path / "site/more_formats.py").write_text(page.split("```python\n")[1].split("```")[0])
    for station in ("7", "9"):
        (tmp_path / f"{station}.flow").write_text(f"1\n{station}\n")
    (located,) = locate("flow", SERIES.model_copy(update={"paths": (".",)}), tmp_path)
    series = located.reader.open(located.paths, Request("flow", SERIES))
    assert series.sel(station="9").values.tolist() == [1, 9] and series.attrs["units"] == "m3/s"
