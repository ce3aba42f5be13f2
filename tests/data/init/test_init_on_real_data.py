"""The command's work on files as the archives serve them."""

from pathlib import Path

import pytest

from hydromae.config import ATTRIBUTES, Config
from hydromae.config_io import load_config
from hydromae.data.check import check
from hydromae.data.init import InitResult, init, write_config

REAL = Path("../shared/data")
pytestmark = pytest.mark.skipif(not (REAL / "gb").is_dir(), reason=f"real data are not at {REAL}")


def written(folder: Path, tmp_path: Path) -> tuple[InitResult, Config]:
    result = init(folder)
    return result, load_config(write_config(result, tmp_path / "my.yaml"))


def test_the_table_of_604_catchments_is_enough(tmp_path):
    _, config = written(REAL / "gb", tmp_path)
    kinds = {name: (one.kind, one.variable, one.units) for name, one in config.data.modalities.items()}
    assert kinds == {
        "precip": ("series", "precipitation", "mm/d"),
        "temp": ("series", "temperature", "degC"),
        "evap": ("series", "evaporation", "mm/d"),
        "riverflow": ("series", "discharge_vol", "m3/s"),
    }
    assert config.data.attributes.columns == ATTRIBUTES
    assert [str(day) for period in (config.data.train, config.data.test) for day in period or ()] == [
        "1970-10-01",
        "2000-09-30",
        "2006-10-01",
        "2012-09-30",
    ]


@pytest.mark.parametrize(
    ("folder", "names"),
    [("camels_gb", ["precip", "temp", "evap", "riverflow"]), ("nrfa", ["riverflow"])],
)
def test_files_of_stations_are_fit_to_train_on(tmp_path, folder, names):
    _, config = written(REAL / folder, tmp_path)
    assert list(config.data.modalities) == names and check(config).exit_code == 0


@pytest.mark.slow
def test_monthly_netcdf_are_one_grid(tmp_path):
    result, config = written(REAL / "haduk/12km", tmp_path)
    assert result.shape == (112, 82) and config.data.modalities["precip"].paths == ("*.nc",)
    assert check(config).exit_code in (0, 1)


@pytest.mark.slow
def test_of_everything_at_once_one_source_a_variable_is_taken(tmp_path):
    result, config = written(REAL, tmp_path)
    assert {one.paths for one in config.data.modalities.values()} == {("gb/catchment_daily_604_1970_2012.parquet",)}
    others = {row.path for row in result.rows if not row.taken_for}
    assert {"haduk/12km/*.nc: rainfall", "nrfa", "camels_gb: discharge_vol"} <= others
    assert config.data.attributes.path == "gb/Catchment_attributes_nrfa.csv"
