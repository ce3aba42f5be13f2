from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hydromae.base.errors import ConfigError
from hydromae.batch.states import state_window
from hydromae.config.read import build_config
from hydromae.masks.gaps import gap_days
from hydromae.models.losses import scored_cells, squared_error
from hydromae.store.store import Store
from hydromae.tokens.selection import TARGET, VISIBLE
from hydromae.tokens.shape import TokenShape
from hydromae.windows.windows import Windows
from support.small import small_config, small_parts, small_raw
from support.sources import World

Prepared = tuple[World, Store]
ALL: dict[str, Any] = {"data": {"window": 12}, "model": {"series_patch_days": 3, "validity_embedding": True}}
ONE: dict[str, Any] = {
    "data": {"window": 12, "stations_per_window": 1},
    "model": {"series_patch_size": 1, "series_patch_days": 3, "validity_embedding": True},
}
GAPS: dict[str, Any] = {"masking": {"strategies": {"gap": 1.0}}}


def windows_at(starts: list[int], days: int) -> Windows:
    return Windows({"flow": torch.zeros(len(starts), days, 1)}, torch.tensor(starts), {})


def test_a_gap_is_one_run_of_days_within_the_window_and_at_most_half_of_it() -> None:
    shape = TokenShape("series", 1, 7, 5)
    hidden = gap_days(windows_at(list(range(400)), 20), shape, seed=0, epoch=0, stream="flow").numpy()
    assert hidden.shape == (400, 20, 5)
    lengths = hidden.sum(1)
    assert lengths.min() == 1 and lengths.max() == 10
    begins = (np.diff(hidden.astype(int), axis=1, prepend=0) == 1).sum(1)
    assert (begins == 1).all()
    # Short gaps are as frequent as long ones: as many of 1 day as of 6 to 10.
    assert (lengths == 1).mean() == pytest.approx(np.log(2) / np.log(11), abs=0.03)
    assert hidden.any(1).all() and hidden[:, [0, -1]].any()


@pytest.mark.parametrize("sections", [ALL, ONE])
@pytest.mark.parametrize("training", [True, False])
def test_what_a_gap_hides_cannot_influence_a_prediction(
    prepared: Prepared, tmp_path: Path, sections: dict[str, Any], training: bool
) -> None:
    model, reader, maker = small_parts(small_config(prepared[0], tmp_path, **sections, **GAPS), prepared[1])
    stations = np.array([[0], [3]]) if sections is ONE else None
    windows = reader.read([60, 101], 12, stations=stations)

    def made(values: dict[str, torch.Tensor]) -> Any:
        given = replace(windows, values=values)
        return maker.training_batch(given, 3) if training else maker.evaluation_batch(given)

    batch = made(windows.values)
    states = {name: state_window(tokens, 12) for name, tokens in batch.tokens.items()}
    assert all((state == TARGET).any() and (state == VISIBLE).any() for state in states.values())
    other = made({name: v.where(states[name] != TARGET, v * 3 + 1) for name, v in windows.values.items()})
    for name in batch.tokens:
        assert torch.equal(model.predict(batch)[name], model.predict(other)[name])


def test_a_day_beside_a_gap_in_the_same_token_is_seen(prepared: Prepared, tmp_path: Path) -> None:
    model, reader, maker = small_parts(small_config(prepared[0], tmp_path, **ONE, **GAPS), prepared[1])
    found = 0
    for start in range(60, 76):
        windows = reader.read([start], 12, stations=np.array([[0]]))
        batch = maker.evaluation_batch(windows)
        state = state_window(batch.tokens["riverflow"], 12)[0, :, 0].reshape(4, 3)
        both = (state == TARGET).any(1) & (state == VISIBLE).any(1)
        if not both.any():
            continue
        found += 1
        slot = int(both.nonzero()[0])
        day = slot * 3 + int((state[slot] == VISIBLE).nonzero()[0])
        values = {name: v.clone() for name, v in windows.values.items()}
        values["riverflow"][0, day] *= 2
        other = maker.evaluation_batch(replace(windows, values=values))
        assert not torch.equal(model.predict(batch)["riverflow"], model.predict(other)["riverflow"])
    assert found > 5


def test_the_hidden_days_alone_are_scored(prepared: Prepared, tmp_path: Path) -> None:
    model, reader, maker = small_parts(small_config(prepared[0], tmp_path, **ONE, **GAPS), prepared[1])
    batch = maker.training_batch(reader.read([60, 61], 12, stations=np.array([[0], [1]])), 0)
    tokens = batch.tokens["riverflow"]
    hidden = state_window(tokens, 12) == TARGET
    assert scored_cells(tokens).sum() == hidden.sum() > 0
    predicted = model.reconstruct(batch)["riverflow"]
    truth = maker.scalers["riverflow"].scale(
        reader.read([60, 61], 12, stations=np.array([[0], [1]])).values["riverflow"], torch.tensor([[0], [1]])
    )
    expected = (predicted - truth)[hidden].square().sum()
    torch.testing.assert_close(squared_error(model.predict(batch)["riverflow"], tokens)[0], expected)


def test_gaps_change_with_the_epoch_and_stay_in_evaluation(prepared: Prepared, tmp_path: Path) -> None:
    _, reader, maker = small_parts(small_config(prepared[0], tmp_path, **ONE, **GAPS), prepared[1])
    windows = reader.read([60, 90], 12, stations=np.array([[0], [1]]))

    def hidden(batch: Any) -> torch.Tensor:
        return state_window(batch.tokens["evap"], 12) == TARGET

    assert not torch.equal(hidden(maker.training_batch(windows, 0)), hidden(maker.training_batch(windows, 1)))
    alone = maker.evaluation_batch(reader.read([90], 12, stations=np.array([[1]])))
    assert torch.equal(hidden(maker.evaluation_batch(windows))[1], hidden(alone)[0])


def test_gaps_of_some_modalities_leave_the_others_alone(prepared: Prepared, tmp_path: Path) -> None:
    masking = {"strategies": {"gap": 1.0}, "targets": {"gap": ["riverflow"]}}
    _, reader, maker = small_parts(small_config(prepared[0], tmp_path, **ALL, masking=masking), prepared[1])
    batch = maker.training_batch(reader.read([60, 90], 12), 0)
    assert scored_cells(batch.tokens["riverflow"]).any()
    for name in ("precip", "soil", "evap"):
        assert batch.tokens[name].target.index.shape[1] == 0 or not scored_cells(batch.tokens[name]).any()


def test_a_fill_would_show_what_a_gap_hides(prepared: Prepared, tmp_path: Path) -> None:
    raw = small_raw(prepared[0], tmp_path, **GAPS)
    raw["data"]["fill"] = {"evap": "nearest"}
    with pytest.raises(ConfigError, match="a fill would show what the gap hides"):
        build_config(raw)
