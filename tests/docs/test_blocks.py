"""Python and `hydromae` blocks of the pages run as they stand, or say `# not run` in their first line, and why."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest

from support.pages import (
    BY_GAUGES,
    BY_GAUGES_SLOW,
    BY_RUN,
    BY_RUN_SLOW,
    ELSEWHERE,
    PAGES,
    ROOT,
    blocks,
    is_marked,
    run_blocks,
)

RUN = {*BY_GAUGES, *BY_GAUGES_SLOW, *BY_RUN, *BY_RUN_SLOW, *ELSEWHERE}

CONFIGURATION = """
name: my
data:
  root: my_gauges
  modalities:
    precip: {kind: series, units: mm/d, paths: daily.csv, variable: rain_mm}
    temp: {kind: series, units: degC, paths: daily.csv, variable: temp_c}
    riverflow: {paths: daily.csv, variable: flow_m3s, scaling: standard}
  attributes: {path: attributes.csv, columns: [latitude, longitude, area], area: area}
  train: [2009-01-01, 2010-04-30]
  val: [2010-05-01, 2011-12-31]
  window: 28
  stations_per_window: 1
model: {d_model: 16, nhead: 2, series_encoder_layers: 1, decoder_dim: 8, decoder_layers: 1, series_patch_size: 1,
        series_patch_days: 7}
training: {epochs: 1}
"""


@pytest.fixture
def my_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the pages suppose in the reader's folder: tables of two gauges, a configuration, and months of a grid."""
    days = pd.date_range("2009-01-01", "2011-12-31")
    random = np.random.default_rng(0)
    (tmp_path / "my_gauges").mkdir()
    tables = []
    for station in ("39025", "45003"):
        rain = random.gamma(0.4, 6.0, len(days))
        flow = pd.Series(rain).ewm(alpha=0.2).mean().to_numpy()
        temperature = 9 + 6 * np.sin(2 * np.pi * (days.day_of_year - 110) / 365) + random.normal(0, 1, len(days))
        tables.append(
            pd.DataFrame({"date": days, "ID": station, "rain_mm": rain, "temp_c": temperature, "flow_m3s": flow})
        )
    pd.concat(tables).to_csv(tmp_path / "my_gauges/daily.csv", index=False)
    place = {"id": ["39025", "45003"], "latitude": [51.4, 50.9], "longitude": [-1.3, -3.4], "area": [150, 226]}
    pd.DataFrame(place).to_csv(tmp_path / "my_gauges/attributes.csv", index=False)
    (tmp_path / "my.yaml").write_text(CONFIGURATION, encoding="utf-8")
    (tmp_path / "months").mkdir()
    for month in ("2011-01", "2011-02"):
        with h5py.File(tmp_path / f"months/{month}.h5", "w") as file:
            for day in pd.date_range(month, periods=pd.Period(month).days_in_month):
                file[f"{day:%Y-%m-%d}"] = np.ones((4, 3), np.float32)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("page", [*BY_GAUGES, *(pytest.param(page, marks=pytest.mark.slow) for page in BY_GAUGES_SLOW)])
def test_the_blocks_of_a_page_run_one_after_another(
    page: str, my_folder: Path, hydromae: Callable[..., tuple[int, str, str]]
) -> None:
    table = pd.read_csv("my_gauges/daily.csv", parse_dates=["date"], dtype={"ID": str}).query("ID == '45003'")
    frame = table.set_index("date").drop(columns="ID").tail(400).set_axis(["precip", "temp", "riverflow"], axis=1)
    known = pd.read_csv("my_gauges/attributes.csv", dtype={"id": str}).set_index("id").loc[["45003"]]
    names: dict[str, Any] = {
        "frame": frame,
        "weather": frame.drop(columns="riverflow"),
        "table": known.set_axis(["gauge"]),
    }
    run_blocks(page, hydromae, names)


@pytest.mark.parametrize("page", [page for page in PAGES if page not in RUN])
def test_a_block_that_no_test_runs_says_so(page: str) -> None:
    silent = "\n".join(text for _, text in blocks(page) if not is_marked(text))
    assert not silent, f"{page}: begin each with `# not run: why`, or run the page in this test:\n{silent}"


@pytest.mark.parametrize("page", ELSEWHERE)
def test_a_page_that_is_run_elsewhere_is_read_there(page: str) -> None:
    assert page in (ROOT / ELSEWHERE[page]).read_text(encoding="utf-8")
