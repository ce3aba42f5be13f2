from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from hydromae.runs.directory import RunDirectory
from support.series_run import series_run


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return series_run(tmp_path_factory.mktemp("series"))


def test_infill_writes_what_it_says(hydromae, trained: RunDirectory, tmp_path: Path) -> None:
    code, out, _ = hydromae(
        "infill", trained.path, "-o", tmp_path / "out.nc", "--period", "2001-05-01", "2001-06-01",
        "--stations", "39001,101", "--modalities", "riverflow",
    )  # fmt: skip
    assert code == 0 and "out.nc" in out
    with xr.open_dataset(tmp_path / "out.nc", engine="h5netcdf") as file:
        filled = int((file["riverflow_flag"] == 1).sum())
        assert file["riverflow"].shape == (32, 2) and np.isfinite(file["riverflow"].values).all()
    assert f"riverflow: {filled} of 64 values filled" in out


def test_ungauged_writes_what_it_says(hydromae, trained: RunDirectory, tmp_path: Path) -> None:
    code, out, _ = hydromae(
        "ungauged", trained.path, "-o", tmp_path / "out.csv", "--period", "2001-05-01", "2001-06-01",
        "--stations", "39001", "--target", "riverflow",
    )  # fmt: skip
    assert code == 0 and "1 stations, 32 days" in out
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 33


def test_bad_input_is_one_sentence_and_exit_code_2(hydromae, trained: RunDirectory, tmp_path: Path) -> None:
    for command in ("infill", "ungauged"):
        code, _, error = hydromae(command, trained.path, "-o", tmp_path / "out.nc", "--stations", "3900")
        assert code == 2 and "station 3900 is not among" in error and "Traceback" not in error
