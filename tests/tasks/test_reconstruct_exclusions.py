from datetime import date
from pathlib import Path

import numpy as np

from hydromae.store.store import Store
from hydromae.tasks.reconstruct import reconstruct
from hydromae.tokens.selection import MISSING
from hydromae.training.runs import new_run
from support.small import small_config
from support.sources import World


def test_excluded_days_are_missing_in_a_reconstruction_and_in_no_window(
    prepared: tuple[World, Store], tmp_path: Path
) -> None:
    excluded = [np.datetime64("2001-06-01"), np.datetime64("2001-06-02"), np.datetime64("2001-06-30")]
    data = {"exclude_dates": [["2001-06-01", "2001-06-02"], "2001-06-30"]}
    config = small_config(prepared[0], tmp_path / "run", data=data, training={"epochs": 1})
    run = new_run(config, prepared[1])
    with reconstruct(run.path, tmp_path / "out.nc", period=(date(2001, 5, 25), date(2001, 7, 5))) as file:
        out = np.isin(file.time.values.astype("datetime64[D]"), excluded)
        assert out.sum() == 3
        for name in prepared[1].names:
            assert (file[f"{name}_state"].values[out] == MISSING).all()
            assert file[name].isnull().values[out].all() and file[f"{name}_reconstructed"].isnull().values[out].all()
            assert (file[f"{name}_state"].values[~out] != MISSING).any(tuple(range(1, file[name].ndim))).all()
    # 7 days, then 27 and 5 between the excluded ones, in windows of at most 8.
    assert run.read_json("scores_out.json")["windows"] == 1 + 4 + 1
