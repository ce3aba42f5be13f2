from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hydromae.batch.states import state_window
from hydromae.masks.tasks import ValueMask, forecast_mask, infill_mask, ungauged_mask
from hydromae.store.store import Store
from hydromae.tokens.selection import MISSING, TARGET, VISIBLE
from support.batches import BatchMaker
from support.small import small_config, small_parts
from support.sources import World

Prepared = tuple[World, Store]
DAYS = 12
# Tokens of three days and two stations, so that masks cut them.
CUT: dict[str, Any] = {"data": {"window": DAYS}, "model": {"series_patch_days": 3}}
STATIONS = torch.tensor([True, False, True, True])


def some_values() -> dict[str, torch.Tensor]:
    flow = torch.arange(24.0).reshape(6, 4)
    flow[[1, 4], [0, 2]] = torch.nan
    return {"riverflow": flow, "precip": torch.ones(6, 2, 3)}


def test_a_forecast_hides_all_after_the_issue_day_but_the_weather_that_is_known() -> None:
    mask = forecast_mask(some_values(), 4, {"riverflow": STATIONS}, known=())
    assert mask.target["riverflow"][4:].equal(STATIONS.expand(2, 4)) and not mask.target["riverflow"][:4].any()
    assert all(hidden[4:].all() and not hidden[:4].any() for hidden in mask.hidden.values()) and len(mask.hidden) == 2
    assert forecast_mask(some_values(), 4, {"riverflow": STATIONS}, known=["precip"]).hidden.keys() == {"riverflow"}


def test_infilling_asks_for_the_gaps_of_its_days_and_hides_nothing() -> None:
    mask = infill_mask(some_values(), slice(2, 6), {"riverflow": STATIONS})
    assert mask.target["riverflow"].nonzero().tolist() == [[4, 2]] and not mask.hidden


def test_an_ungauged_station_is_hidden_wholly_and_asked_for_on_its_days() -> None:
    mask = ungauged_mask(some_values(), slice(3, 5), "riverflow", STATIONS, torch.ones(4, dtype=torch.bool))
    assert mask.hidden["riverflow"].all() and mask.hidden.keys() == mask.target.keys()
    assert mask.target["riverflow"][3:5].equal(STATIONS.expand(2, 4)) and mask.target["riverflow"].sum() == 6


@pytest.mark.parametrize(
    ("stations", "fill"),
    [(None, {}), (None, {"riverflow": "nearest", "precip": "median"}), ([[1, 0], [3, 2]], {})],
)
def test_what_a_task_hides_cannot_influence_its_answer_and_all_else_can(
    prepared: Prepared, tmp_path: Path, stations: list[list[int]] | None, fill: dict[str, Any]
) -> None:
    sections = {**CUT, "data": {**CUT["data"], "stations_per_window": stations and 2}}
    config = small_config(prepared[0], tmp_path, **sections)
    model, reader, _ = small_parts(config, prepared[1])
    batcher = BatchMaker(prepared[1], model.shapes, config.masking, fill=fill).batcher
    chosen = None if stations is None else np.array(stations)
    windows = reader.read([60] * (1 if stations is None else 2), DAYS, stations=chosen)
    random = torch.Generator().manual_seed(0)
    target = torch.rand(DAYS, 4, generator=random) < 0.3
    hidden = {
        "riverflow": torch.rand(DAYS, 4, generator=random) < 0.3,
        "evap": torch.rand(DAYS, 4, generator=random) < 0.3,
        "precip": torch.rand(windows.values["precip"].shape[1:], generator=random) < 0.3,
    }
    mask = ValueMask({"riverflow": target}, hidden)
    predicted = model.predict(batcher.batch(windows, mask))["riverflow"]

    def samples(name: str, values: torch.Tensor) -> torch.Tensor:
        if stations is None or name == "precip":
            return values.expand(windows.values[name].shape)
        return values[:, torch.tensor(stations)].transpose(0, 1)

    asked = samples("riverflow", target)
    if stations is not None:
        asked = asked & torch.tensor([True, False])  # neighbours are only looked at
    unseen = {name: samples(name, values) for name, values in hidden.items()}
    unseen["riverflow"] = unseen["riverflow"] | asked
    garbage = {
        name: torch.where(unseen[name], values * 3 + 2, values) if name in unseen else values
        for name, values in windows.values.items()
    }
    other = model.predict(batcher.batch(replace(windows, values=garbage), mask))["riverflow"]
    assert torch.equal(predicted, other)
    for name in unseen:
        changed = {**windows.values, name: torch.where(unseen[name], windows.values[name], windows.values[name] * 1.5)}
        other = model.predict(batcher.batch(replace(windows, values=changed), mask))["riverflow"]
        assert not torch.equal(predicted, other)


def test_a_map_that_stations_share_is_masked_as_copies_of_it_are_and_is_not_copied(
    prepared: Prepared, tmp_path: Path
) -> None:
    one = {
        "data": {"window": DAYS, "stations_per_window": 1},
        "model": {"series_patch_size": 1, "series_patch_days": 3},
    }
    _, reader, maker = small_parts(small_config(prepared[0], tmp_path, **one), prepared[1])
    stations = torch.arange(4)[:, None].numpy()
    windows = reader.read([60] * 4, DAYS, stations=stations)
    grids = {name: values[:1] for name, values in windows.values.items() if values.ndim == 4}
    assert grids
    shared = {name: values.expand(4, *values.shape[1:]) for name, values in grids.items()}
    copied = {name: values.repeat(4, 1, 1, 1) for name, values in grids.items()}
    of_all = {name: windows.values[name][:, :, 0].T for name in windows.values if name not in grids}  # [T, stations]
    mask = forecast_mask(
        {**{name: values[0] for name, values in grids.items()}, **of_all}, 7, {"riverflow": STATIONS}, []
    )
    found, expected = (
        maker.batcher.batch(replace(windows, values={**windows.values, **values}), mask) for values in (shared, copied)
    )
    for name, tokens in found.tokens.items():
        other = expected.tokens[name]
        assert torch.equal(tokens.visible.index, other.visible.index)
        assert torch.equal(tokens.target.index, other.target.index)
        assert torch.equal(tokens.values, other.values) and torch.equal(tokens.readable, other.readable)
        assert tokens.values.stride(0) == tokens.readable.stride(0) == 0 or name not in grids


def test_each_value_has_its_own_state_in_a_token_that_a_task_cuts(prepared: Prepared, tmp_path: Path) -> None:
    _, reader, maker = small_parts(small_config(prepared[0], tmp_path, **CUT), prepared[1])
    windows = reader.read([60], DAYS)
    target = torch.zeros(DAYS, 4, dtype=torch.bool)
    target[4, 1] = True
    batch = maker.batcher.batch(windows, ValueMask({"riverflow": target}, {}))
    tokens = batch.tokens["riverflow"]
    assert tokens.target.index.tolist() == [[1 * 2 + 0]]  # second span of three days, first pair of stations
    assert tokens.readable is not None
    state = state_window(replace(tokens, scored=tokens.valid & ~tokens.readable), DAYS)[0]
    observed = ~windows.values["riverflow"][0].isnan()
    assert state[4, 1] == (TARGET if observed[4, 1] else MISSING)
    assert ((state == VISIBLE) | target | ~observed).all()
