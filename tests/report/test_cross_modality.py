import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.report import write_report
from hydromae.report.cross_modality import (
    FILE,
    CrossModality,
    costliest,
    cross_modality_section,
    load_cross_modality,
    write_figures,
)
from support.html_page import Page, assert_fetches_nothing

HEADING = "What each modality owes to the others"
NAMES = ("precip", "snow_depth", "flow")


def make_table() -> xr.Dataset:
    """Three targets, the snow drawn from rain most of all, and maps of the snow."""
    noise = np.random.default_rng(0)
    hidden = ["none", *NAMES, "all others"]
    skill = np.full((2, 3, 5), 0.8)
    skill[:, 1, 1] = 0.55  # snow without rain
    skill[:, 0, 3] = 0.7  # rain without flow
    skill[1, 2, 4] = np.nan
    dims = ("own", "target", "hidden")
    change = skill - skill[..., :1]
    values = {"skill": skill, "change": change, "change_lower": change - 0.05, "change_upper": change + 0.05}
    variables = {name: (dims, v) for name, v in values.items()}
    observed = np.where(noise.random((12, 8)) < 0.8, noise.normal(size=(12, 8)), np.nan)
    masked = np.where(np.isfinite(observed), noise.random((12, 8)) < 0.4, np.nan)
    every = np.broadcast_to(observed, (2, 4, 12, 8)) + noise.normal(size=(2, 4, 12, 8))
    every[0, :, masked != 1] = np.nan
    every[:, 2] = np.nan
    variables["snow_depth_observed"] = (("y", "x"), observed, {"units": "m", "day": "2009-01-05"})
    variables["snow_depth_masked"] = (("y", "x"), masked)
    variables["snow_depth_reconstructed"] = (("own", "without", "y", "x"), every)
    coordinates = {"own": ["visible", "hidden"], "target": list(NAMES), "hidden": hidden, "without": ["none", *NAMES]}
    return xr.Dataset(variables, coordinates, {"period": "2009-01-01 2009-02-09"})


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / FILE
    make_table().to_netcdf(path, engine="h5netcdf")
    return path


@pytest.fixture(scope="module")
def section(file: Path) -> CrossModality:
    """As it is without any wish; tests only read it."""
    return cross_modality_section(file, str.upper)


def test_findings_name_what_each_target_owes_most_to(file: Path, section: CrossModality) -> None:
    assert [costliest(load_cross_modality(file), name) for name in NAMES[:2]] == ["flow", "precip"]
    assert "SNOW_DEPTH: skill 0.80, without PRECIP 0.55 (\N{MINUS SIGN}0.25, 95 % " in section.findings[1]
    assert section.findings[2].endswith("with nothing visible unknown.") and len(section.findings) == 3
    assert section.period == "2009-01-01 to 2009-02-09"
    assert [label for label, _ in section.maps] == ["SNOW_DEPTH"]
    assert "with and without PRECIP" in section.maps[0][1].alt and "2009-01-05" in section.maps[0][1].caption


def test_figures_are_written_as_png(file: Path, tmp_path: Path) -> None:
    written = write_figures(file, tmp_path / "figures")
    assert [path.name for path in written] == ["cross_modality.png", "cross_modality_snow_depth.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written)


def test_the_maps_do_without_what_is_asked_or_what_costs_most(
    file: Path, section: CrossModality, tmp_path: Path
) -> None:
    usual = section.maps[0][1].source
    rain, flow = (
        cross_modality_section(file, str.upper, without=name).maps[0][1].source for name in ("precip", "flow")
    )
    assert usual == rain != flow
    with pytest.raises(DataError, match="has no hail; name one of precip, snow_depth, flow"):
        write_figures(file, tmp_path, without="hail")


@pytest.mark.slow
def test_page_has_the_section_where_the_run_has_the_file(full_run: Path, file: Path, tmp_path: Path) -> None:
    run = shutil.copytree(full_run, tmp_path / "run")
    assert HEADING not in Page(write_report(run).read_text(encoding="utf-8")).text
    shutil.copy(file, run / FILE)
    html = write_report(run).read_text(encoding="utf-8")
    page = Page(html)
    assert HEADING in page.text and "depth of <snow> & ice, $5: skill 0.80, without precipitation 0.55" in page.text
    assert_fetches_nothing(html)


@pytest.mark.parametrize("content", [b"no netCDF", None])
def test_a_file_that_is_no_such_table_is_named(tmp_path: Path, content: bytes | None) -> None:
    if content is None:
        make_table()[["skill"]].to_netcdf(tmp_path / FILE, engine="h5netcdf")
    else:
        (tmp_path / FILE).write_bytes(content)
    with pytest.raises(DataError, match=r"cross_modality.nc: .*delete it or make it again"):
        load_cross_modality(tmp_path / FILE)
