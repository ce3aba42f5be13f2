from typing import Any

import numpy as np
import pytest
import torch

from hydromae.masks.rolling import IssueDays
from hydromae.masks.tasks import forecast_mask
from hydromae.prediction.issue_days import IssueDaysMask, ask_from_issue_days
from hydromae.prediction.predictor import Predictor
from hydromae.store.store import Store
from support.sources import World
from support.untrained import untrained_run

DAYS, HORIZON = 15, 6
MODEL: dict[str, Any] = {
    "series_patch_days": 3,
    "grid_patch_days": 1,
    "recurrent_dim": 8,
    "recurrent_backward": True,
    "rolling": ["riverflow"],
    "validity_embedding": True,
    "quantiles": [0.1, 0.5, 0.9],
}
KINDS: dict[str, dict[str, Any]] = {
    "all stations": {"data": {"window": DAYS}, "model": MODEL},
    "one station": {
        "data": {"window": DAYS, "stations_per_window": 1},
        "model": {**MODEL, "series_patch_size": 1},
    },
}


@pytest.fixture(scope="module", params=KINDS)
def predictor(
    request: pytest.FixtureRequest, prepared: tuple[World, Store], tmp_path_factory: pytest.TempPathFactory
) -> Predictor:
    run = untrained_run(*prepared, tmp_path_factory.mktemp("issue_days") / "run", **KINDS[request.param])
    return Predictor(run.path)


@pytest.mark.parametrize("perfect", [False, True])
def test_each_issue_day_says_what_it_says_of_the_same_window_alone(predictor: Predictor, perfect: bool) -> None:
    values = predictor.read(60, DAYS)
    values["riverflow"][2:7, 1] = torch.nan
    asked = torch.tensor([0, 1, 3])
    issued = IssueDays(3, 3, HORIZON, DAYS, whole=True)
    found = ask_from_issue_days(predictor, 60, values, IssueDaysMask(issued, ["riverflow"], perfect), asked)
    chosen = torch.zeros(4, dtype=torch.bool)
    chosen[asked] = True
    given = [name for name in values if name != "riverflow"] if perfect else []
    for number, day in enumerate(issued.of_window):
        # What comes after the horizon is hidden too: a forecast does not know later weather.
        seen = {name: value.clone() for name, value in values.items()}
        for value in seen.values():
            value[day + HORIZON :] = torch.nan
        mask = forecast_mask(seen, day, {"riverflow": chosen}, given)
        alone = predictor.ask(60, seen, mask)["riverflow"]
        ahead = slice(day, day + HORIZON)
        torch.testing.assert_close(
            found["riverflow"].mean[number], alone.mean[ahead], equal_nan=True, rtol=1e-5, atol=1e-5
        )
        assert found["riverflow"].quantiles is not None and alone.quantiles is not None
        torch.testing.assert_close(
            found["riverflow"].quantiles[number], alone.quantiles[ahead], equal_nan=True, rtol=1e-5, atol=1e-5
        )
    assert found["riverflow"].mean[:, :, 2].isnan().all() and found["riverflow"].mean[:, :, asked].isfinite().all()


def test_whole_horizons_end_within_the_window() -> None:
    assert list(IssueDays(3, 3, HORIZON, DAYS).of_window) == [3, 6, 9, 12]
    assert list(IssueDays(3, 3, HORIZON, DAYS, whole=True).of_window) == [3, 6, 9]
    assert np.all([day + HORIZON <= DAYS for day in IssueDays(3, 3, HORIZON, DAYS, whole=True).of_window])
