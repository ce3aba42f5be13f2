from pathlib import Path

import pandas as pd
import pytest
import yaml

from hydromae.base.errors import DataError
from hydromae.config.read import dump_config, load_config
from hydromae.folds.configs import folds_of_store, write_folds
from hydromae.folds.folds import Folds, spatial_folds
from hydromae.store.prepare import prepare
from hydromae.store.station_table import station_table
from hydromae.store.view import open_store
from support.series_run import other_store, series_world
from support.small import small_config


def folds_of_four(root: Path) -> Folds:
    store = other_store(root, lambda series: None)
    return spatial_folds(station_table(open_store(store)), 4, apart_km=1.0, balance=1.0)


def test_the_folds_of_a_store_hold_each_station_once(tmp_path: Path) -> None:
    store = other_store(tmp_path, lambda series: None)
    folds = folds_of_store(store, 2)
    assert sorted(folds.table["station"]) == sorted(store.station_ids)
    assert sorted(folds.held_out(0) + folds.held_out(1)) == sorted(store.station_ids)


def test_a_folds_configuration_makes_a_store_without_its_stations(tmp_path: Path) -> None:
    folds = folds_of_four(tmp_path / "all")
    world = series_world(tmp_path / "again", exclude_stations=["101"])
    config = small_config(world, tmp_path / "run", data=world.raw["data"], model={"series_patch_size": 1})
    base = tmp_path / "my.yaml"
    base.write_text(dump_config(config))
    paths = write_folds(folds, tmp_path / "folds" / "folds.csv", base)[1:]
    assert [path.name for path in paths] == [f"my_fold{n}.yaml" for n in range(4)]
    for fold, path in enumerate(paths):
        made = load_config(path)
        assert set(made.data.exclude_stations) == {"101", *folds.held_out(fold)}
        assert made.name == f"my_fold{fold}" and made.store_path != config.store_path
        assert made.output_path != config.output_path and made.data.modalities == config.data.modalities
    at = next(n for n in range(4) if folds.held_out(n) == ["27003"])
    content = yaml.safe_load(paths[at].read_text())
    content["data"]["store"] = str(tmp_path / "fold_store")
    paths[at].write_text(yaml.safe_dump(content))
    assert set(prepare(load_config(paths[at])).station_ids) == {"39001", "9002"}


def test_the_command_writes_folds_and_configurations(hydromae, tmp_path: Path) -> None:
    store = other_store(tmp_path, lambda series: None)
    (tmp_path / "my.yaml").write_text("data: {window: 20}\n")
    code, out, _ = hydromae(
        "data", "folds", store.path, "-o", tmp_path / "f" / "folds.csv", "--count", 2, "--config", tmp_path / "my.yaml"
    )
    assert code == 0 and "fold 0: 2 stations" in out and "my_fold1.yaml" in out
    table = pd.read_csv(tmp_path / "f" / "folds.csv", dtype={"station": str})
    away = table.loc[table["fold"] == 1, "station"].tolist()
    made = load_config(tmp_path / "f" / "my_fold1.yaml")
    assert list(made.data.exclude_stations) == away and made.data.window == 20


def test_where_one_file_cannot_be_written_none_is_left(tmp_path: Path) -> None:
    folds, base = folds_of_four(tmp_path / "all"), tmp_path / "my.yaml"
    base.write_text("data: {window: 20}\n")
    (tmp_path / "my_fold2.yaml").mkdir()
    with pytest.raises(DataError, match="my_fold2"):
        write_folds(folds, tmp_path / "folds.csv", base)
    assert {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")} == {
        "all", "my.yaml", "my_fold2.yaml"
    }  # fmt: skip
