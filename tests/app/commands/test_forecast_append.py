"""What cron calls every morning: new rows are read first, and the forecast is that of a fresh preparation."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

Hydromae = Callable[..., tuple[int, str, str]]
CONFIG = """
data:
  root: {root}
  store: {root}/{store}
  modalities:
    precip: {{kind: series, paths: [daily.csv]}}
    temp: {{kind: series, paths: [daily.csv]}}
    riverflow: {{paths: [daily.csv], variable: riverflow, units: mm/d, per_area: false, scaling: standard, scaling_per: station}}
  train: [2011-01-01, 2011-06-30]
  test: [2011-07-01, 2011-08-31]
"""  # noqa: E501


def rows(days: int) -> pd.DataFrame:
    """Observations of two gauges from 2011-01-01 on."""
    frames = []
    for seed, station in enumerate((9001, 9002)):
        random = np.random.default_rng(seed)
        made = pd.DataFrame({"date": pd.date_range("2011-01-01", periods=300).strftime("%Y-%m-%d"), "ID": station})
        made["precip"] = random.gamma(0.4, 6.0, 300)
        made["temp"] = random.normal(9, 4, 300)
        made["riverflow"] = made["precip"].ewm(alpha=0.1).mean()
        frames.append(made[:days])
    return pd.concat(frames)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("mine", "fresh"):
        (tmp_path / f"{name}.yaml").write_text(CONFIG.format(root=tmp_path, store=name))
    return tmp_path


def forecast(hydromae: Hydromae, folder: Path, name: str) -> tuple[xr.Dataset, str]:
    code, output, error = hydromae("forecast", "gb", "--data", folder / f"{name}.yaml", "--append",
                                   "-o", folder / f"{name}.nc", "--overwrite")  # fmt: skip
    assert code == 0, error
    with xr.open_dataset(folder / f"{name}.nc", engine="h5netcdf", decode_timedelta=False) as made:
        return made.load(), output + error


def assert_fresh(hydromae: Hydromae, folder: Path, made: xr.Dataset) -> None:
    fresh, _ = forecast(hydromae, folder, "fresh")
    assert set(fresh) == set(made)
    for name in fresh.variables:
        np.testing.assert_array_equal(made[name].values, fresh[name].values, err_msg=str(name))


def test_new_and_late_rows_are_read_and_the_forecast_is_that_of_fresh_data(hydromae: Hydromae, folder: Path) -> None:
    first = rows(250)
    first.loc[(first["ID"] == 9002) & (first["date"] > "2011-08-30"), "riverflow"] = np.nan  # comes late
    first.to_csv(folder / "daily.csv", index=False)
    before, said = forecast(hydromae, folder, "mine")
    assert before["issue_time"].values.astype("datetime64[D]").tolist() == [pd.Timestamp("2011-09-07").date()]
    assert before["days_since_observed"].values.tolist() == [[0, 8]]
    assert "no flood level at 2 of 2 stations" in said
    second = pd.concat([first, rows(251)[lambda t: t["date"] == "2011-09-08"]])
    second.to_csv(folder / "daily.csv", index=False)
    made, said = forecast(hydromae, folder, "mine")
    assert made["issue_time"].values.astype("datetime64[D]").tolist() == [pd.Timestamp("2011-09-08").date()]
    assert "anew" not in said
    rows(251).to_csv(folder / "daily.csv", index=False)
    made, said = forecast(hydromae, folder, "mine")
    assert "is prepared anew, since days that it has are other in the files now" in said and "station 9002" in said
    assert_fresh(hydromae, folder, made)


def test_what_cannot_be_brought_up_to_date_is_said(hydromae: Hydromae, folder: Path) -> None:
    code, output, error = hydromae("forecast", "gb", "--append", "-o", folder / "f.nc")
    assert code == 2 and "--append needs the configuration that names the files" in output + error
    (folder / "store").mkdir()
    (folder / "store" / "store.json").write_text("{}")
    code, output, error = hydromae("forecast", "gb", "--data", folder / "store", "--append", "-o", folder / "f.nc")
    assert code == 2 and "is a store, which knows no new files" in output + error
