"""The command's work on files as the archives serve them."""

from pathlib import Path

import numpy as np
import pytest

from hydromae.check.check import check
from hydromae.config import ATTRIBUTES, Config, DataConfig
from hydromae.config.read import load_config
from hydromae.init import InitResult, init, write_config
from hydromae.sources.joined import open_modality
from hydromae.sources.source import open_source
from hydromae.store.prepare import prepare

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


@pytest.mark.slow
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


@pytest.mark.slow
def test_nrfa_and_camels_gb_files_of_different_stations_are_joined(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("nrfa", "camels_gb"):
        (folder / name).symlink_to((REAL / name).resolve())
    attributes = "Catchment_attributes_nrfa.csv"
    (folder / attributes).symlink_to((REAL / "gb" / attributes).resolve())
    _, config = written(folder, tmp_path)
    assert {name: one.paths for name, one in config.data.modalities["riverflow"].sources.items()} == {
        "camels_gb": ("camels_gb",),
        "nrfa_gdf": ("nrfa",),
    }
    assert check(config).exit_code == 0
    data = config.data.model_copy(update={"store": str(tmp_path / "store")})
    store = prepare(config.model_copy(update={"data": data}))
    assert set(store.station_ids) == set(
        ["10002", "10003", "22001", "22006", "32006", "39025", "42003", "45003", "7001", "33035", "33039", "54057"]
    )
    day = int((np.datetime64("2012-09-30") - np.datetime64(store.first_day)).astype(int))
    last = dict(zip(store.station_ids, store.read("riverflow", slice(day, day + 1))[0].tolist(), strict=True))
    # The last lines of the files of both archives.
    expected = {"7001": 13.24, "54057": 218.0, "33035": 18.7, "33039": 7.32, "10002": 3.25}
    assert {station: round(last[station], 3) for station in expected} == expected
    assert np.isnan(store.read("precip", slice(day, day + 1))[0, store.station_ids.index("7001")])


def test_where_real_sources_overlap_the_first_wins_and_differences_are_counted():
    raw = {"sources": {"nrfa": {"paths": "nrfa"}, "table": {"paths": "gb/catchment_daily_604_1970_2012.parquet"}}}
    settings = DataConfig.model_validate({"modalities": {"riverflow": raw}}).modalities["riverflow"]
    joined = open_modality("riverflow", settings, REAL, (-99999.0, 1e20))
    parts = [open_source("riverflow", one, REAL, ()) for one in settings.parts("riverflow").values()]
    ids = ["33035", "33039", "54057", "7001"]
    first, count = np.datetime64("1960-10-01"), 18993  # to 2012-09-30
    one, other = (part.for_stations(ids).read(first, count) for part in parts)
    np.testing.assert_array_equal(joined.for_stations(ids).read(first, count), np.where(np.isnan(one), other, one))
    (overlap,) = joined.overlaps  # type: ignore[attr-defined]
    both = ~np.isnan(one) & ~np.isnan(other)
    assert sorted(overlap.stations) == ids and overlap.both == both.sum() > 50_000
    assert overlap.differ == (both & (one != other)).sum() and overlap.unlike == ()
    assert overlap.filled == (np.isnan(one) & ~np.isnan(other)).sum()
    assert len(joined.station_ids) == 604
