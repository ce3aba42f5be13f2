from pathlib import Path

import h5netcdf
import numpy as np
import pytest
import xarray as xr

from hydromae.results.write import write_result
from support.cf_rules import broken_rules
from support.output_kinds import write_kinds

KINDS = [
    *(f"{name}_{what}" for name in ("grids", "gauges") for what in ("reconstruct", "infill", "export")),
    *("ungauged", "forecast", "across", "none", "none_scores", "none_stations", "merged"),
]


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_kinds(tmp_path_factory.mktemp("kinds"))


def test_every_kind_of_file_is_among_those_that_are_checked(kinds: dict[str, Path]) -> None:
    assert set(kinds) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_says_what_cf_asks_for(kinds: dict[str, Path], kind: str) -> None:
    assert broken_rules(kinds[kind]) == []


def test_standard_names_of_the_configuration_are_in_the_files(kinds: dict[str, Path]) -> None:
    for kind in ("gauges_infill", "ungauged", "forecast", "gauges_reconstruct", "gauges_export"):
        with h5netcdf.File(kinds[kind], "r") as file:
            assert file["riverflow"].attrs["standard_name"] == "water_volume_transport_in_river_channel"


def test_the_rules_find_what_is_wrong(tmp_path: Path) -> None:
    stations = ("station", ["a", "b"], {"cf_role": "timeseries_id", "long_name": "id"})
    time = ("time", np.arange(3).astype("datetime64[D]").astype("datetime64[s]"), {"standard_name": "time"})
    flow = (("time", "station"), np.zeros((3, 2), np.float32), {"units": "m3/s", "long_name": "flow"})
    write_result(xr.Dataset({"flow": flow}, {"time": time, "station": stations}), tmp_path / "a.nc")
    assert broken_rules(tmp_path / "a.nc") == [
        "title is there",
        "source is there",
        "flow: rates are means over the day",
        "time: time is the axis T",
    ]
