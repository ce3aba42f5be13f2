"""Starting from a model of some catchments of Great Britain: other catchments, modalities and grids."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from hydromae.config import Config
from hydromae.config.read import build_config
from hydromae.runs.directory import RunDirectory
from hydromae.store.prepare import prepare
from hydromae.training.build import build_trainer
from hydromae.training.runs import new_run
from hydromae.training.start_from import Start

REAL = Path("../shared/data")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (REAL / "haduk").is_dir(), reason=f"real data are not at {REAL}"),
]
STATIONS = (1001, 2001, 2002, 3003, 4001, 4003, 5003, 6008, 7001, 7002, 8004, 9002)
OTHERS = (10002, 11001, 12001, 12005, 13001, 7003, 8005, 9003)
COLUMNS = {"riverflow": "discharge_vol", "evap": "evaporation", "temp": "temperature"}


def config_for(folder: Path, name: str, stations: tuple[int, ...], series: tuple[str, ...], grid: str) -> Config:
    """Rain on a grid and series of some stations: two years of the coarse grid, two months of the fine one."""
    folder.mkdir(exist_ok=True)
    modalities: dict[str, Any] = {"precip": {"paths": str((REAL / f"haduk/{grid}").resolve() / "*.nc")}}
    if stations:
        rows = [("ID", "in", stations), ("date", ">=", pd.Timestamp("2010-01-01"))]
        table = pq.read_table(REAL / "gb/catchment_daily_604_1970_2012.parquet", filters=rows)
        pq.write_table(table, folder / f"{name}.parquet")
        for one in series:
            modalities[one] = {"kind": "series", "paths": str(folder / f"{name}.parquet"), "variable": COLUMNS[one]}
    years = ("2021-01-01", "2021-02-28"), ("2021-03-01", "2021-03-31")
    if grid == "12km":
        years = ("2010-01-01", "2011-12-31"), ("2012-01-01", "2012-03-31")
    raw = {
        "name": name,
        "output": str(folder / name),
        "data": {
            "store": str(folder / f"{name}_store"),
            "modalities": modalities,
            "attributes": {"path": str((REAL / "gb/Catchment_attributes_nrfa.csv").resolve())} if stations else {},
            "train": years[0],
            "val": years[1],
            "window": 4 if grid == "12km" else 2,
            "stride": 10,
        },
        "model": {
            "d_model": 32,
            "nhead": 2,
            "grid_encoder_layers": 1,
            "series_encoder_layers": 1,
            "decoder_dim": 32,
            "decoder_layers": 1,
            "patch_size": 2,
            "series_patch_size": 4,
            "dropout": 0.0,
        },
        "training": {"epochs": 3, "batch_size": 4, "lr": 3e-3, "warmup_epochs": 0.5, "workers": 0, "threads": 1},
        "logging": {"tensorboard": False, "images": False},
    }
    return build_config(raw)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """A run on rain, flow and evaporation of 12 catchments in Scotland."""
    config = config_for(tmp_path_factory.mktemp("trained"), "origin", STATIONS, ("riverflow", "evap"), "12km")
    return new_run(config, prepare(config))


def first_losses(config: Config, origin: Path | None) -> tuple[dict[str, float | None], list[float], Start | None]:
    """Validation losses before any step, the losses of the first step, and what was taken from where it starts."""
    training = config.training.model_copy(update={"start_from": str(origin) if origin else None})
    config = config.model_copy(update={"training": training})
    trainer = build_trainer(config, prepare(config))
    found = trainer.validate()
    assert found is not None
    trainer.train_step(next(trainer.batches()), epoch=0)
    return found["losses"], trainer.history.read(trainer.world)[0][0], trainer.start


def assert_ahead(tuned: tuple[float | None, float], scratch: tuple[float | None, float]) -> None:
    """Losses at validation and in the first step: about 1 is what the mean of the training period as answer gets."""
    for found, other in zip(tuned, scratch, strict=True):
        assert found is not None and other is not None and found < min(0.9, 0.5 * other), (tuned, scratch)


def fates(start: Start | None) -> dict[str, tuple[str, str]]:
    assert start is not None
    return {tensor.name: (tensor.how, tensor.why) for tensor in start.tensors}


def test_other_catchments_start_ahead_where_they_have_a_modality_in_common(
    trained: RunDirectory, tmp_path: Path
) -> None:
    config = config_for(tmp_path, "others", OTHERS, ("riverflow", "temp"), "12km")
    tuned, tuned_step, start = first_losses(config, trained.path)
    scratch, scratch_step, _ = first_losses(config, None)
    for i, name in enumerate(tuned):
        if name != "temp":  # of which the trained model knows nothing
            assert_ahead((tuned[name], tuned_step[i]), (scratch[name], scratch_step[i]))
    told = fates(start)
    assert start is not None and start.count("resized") == 0
    for name, (how, why) in told.items():
        if "temp" in name:
            assert (how, why) == ("new", "temp was not among the modalities"), name
        elif "evap" in name:
            assert how == "left out", name
        else:
            assert how == "loaded", (name, why)


def test_on_a_finer_grid_all_but_the_places_of_patches_is_taken_over(trained: RunDirectory, tmp_path: Path) -> None:
    config = config_for(tmp_path, "finer", (), (), "5km")
    tuned, tuned_step, start = first_losses(config, trained.path)
    scratch, scratch_step, _ = first_losses(config, None)
    told = fates(start)
    assert_ahead((tuned["precip"], tuned_step[0]), (scratch["precip"], scratch_step[0]))
    grid = "the grid was 112 x 82 cells in patches of 2, now 290 x 180 cells in patches of 2"
    assert {name: fate for name, fate in told.items() if fate[0] == "new"} == {
        f"precip_{part}.patch_position": ("new", grid) for part in ("encoder", "decoder")
    }
    for name, (how, _) in told.items():
        if how == "left out":
            assert name.split("_")[0] in ("riverflow", "evap") or "modality_" in name, name
