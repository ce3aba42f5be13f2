"""What a forecaster does every morning: yesterday's observations come in, the next days are forecast."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from hydromae.config.read import dump_config
from hydromae.store.prepare import prepare
from hydromae.tasks.forecast import forecast
from support.grown import make_old
from support.sources import World
from support.untrained import ALL, ONE, untrained_run


@pytest.mark.parametrize("sections", [ALL, ONE])
def test_new_observations_are_appended_and_the_days_after_them_forecast(
    world: World, tmp_path: Path, hydromae: Any, sections: dict[str, Any]
) -> None:
    old = make_old(world, 180)
    run = untrained_run(world, old, tmp_path / "run", **sections)
    before = forecast(run.path, horizon=4)
    assert before["issue_time"].values.astype("datetime64[D]")[0] == old.days[-1]

    config = tmp_path / "new.yaml"
    config.write_text(dump_config(world.config()))
    code, _, error = hydromae("prepare", config, "--append")
    assert code == 0, error
    code, out, error = hydromae("forecast", run.path, "--horizon", 4, "-o", tmp_path / "tomorrow.nc")
    assert code == 0, error
    assert "1 issue times from 2001-07-19 to 2001-07-19" in out
    with xr.open_dataset(tmp_path / "tomorrow.nc", engine="h5netcdf", decode_timedelta=False) as made:
        assert made["issue_time"].values.astype("datetime64[D]").tolist() == [np.datetime64(world.days[-1]).item()]
        assert np.isfinite(made["riverflow"]).all() and np.isfinite(made["riverflow_quantiles"]).all()
        assert made["valid_time"].values.max() > np.datetime64(world.days[-1])
    # What was forecast before the new days came is forecast alike after.
    again = forecast(run.path, [old.days[-1].item()], horizon=4)
    np.testing.assert_array_equal(again["riverflow"], before["riverflow"])


def test_a_forecast_is_issued_on_the_last_day_with_flow_where_the_weather_goes_on(world: World, tmp_path: Path) -> None:
    world.series["riverflow"][190:] = np.nan
    world.write_series()
    store = prepare(world.config())
    run = untrained_run(world, store, tmp_path / "run", **ONE)
    made = forecast(run.path, horizon=4, forcing="perfect")
    assert made["issue_time"].values.astype("datetime64[D]")[0] == store.days[189]
