"""Training on windows of one station: what it reads, and what it must not."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from hydromae.runs.directory import RunDirectory
from hydromae.store.store import Store
from hydromae.tasks.reconstruct import reconstruct
from hydromae.tokens.selection import TARGET
from hydromae.training.build import build_trainer
from hydromae.training.callback import Callbacks
from hydromae.training.progress import Progress
from hydromae.training.runs import continue_run, new_run
from hydromae.training.setup import model_config_for
from hydromae.windows.order import BatchOrder
from support.callbacks import OnStep
from support.small import small_config, small_parts
from support.sources import World

torch.set_num_threads(1)
Prepared = tuple[World, Store]
ONE: dict[str, Any] = {
    "data": {"stations_per_window": 1, "window": 12, "stride": 30},
    "model": {"series_patch_size": 1, "series_patch_days": 3},
}


def test_a_window_holds_its_stations_values_and_the_whole_grid(prepared: Prepared, tmp_path: Path) -> None:
    store = prepared[1]
    model, reader, _ = small_parts(small_config(prepared[0], tmp_path, **ONE), store)
    stations = np.array([[2], [0]])
    windows = reader.read([50, 90], 12, stations=stations)
    for i, (start, station) in enumerate([(50, 2), (90, 0)]):
        span = slice(start, start + 12)
        for name in ("evap", "riverflow"):
            np.testing.assert_array_equal(windows.values[name][i, :, 0], store.values(name)[span][:, station])
        np.testing.assert_array_equal(windows.values["precip"][i], store.values("precip")[span])
        seen = np.isfinite(store.values("riverflow")[span][:, station]).reshape(4, 3).any(1)
        assert windows.available["riverflow"][i] == seen.sum()
    assert model.config.stations_per_window == 1


def test_a_batch_has_the_scales_and_attributes_of_each_windows_station(prepared: Prepared, tmp_path: Path) -> None:
    store = prepared[1]
    _, reader, maker = small_parts(small_config(prepared[0], tmp_path, **ONE), store)
    scaler = store.scaler("riverflow")
    every = scaler.scale(torch.tensor(store.values("riverflow")[100:112]))  # [12, stations]
    batch = maker.training_batch(reader.read([100, 100], 12, stations=np.array([[3], [1]])), 0)
    for i, station in enumerate((3, 1)):
        values, valid = (
            part[i].flatten() for part in (batch.tokens["riverflow"].values, batch.tokens["riverflow"].valid)
        )
        expected = every[:, station]
        assert torch.equal(valid, ~expected.isnan())
        torch.testing.assert_close(values[valid], expected[valid])
        assert batch.attributes is not None
        np.testing.assert_array_equal(batch.attributes[i, 0], store.scaled_attributes[station])


def test_a_station_scaled_by_itself_meets_its_own_mean_and_deviation(prepared: Prepared) -> None:
    scaler = replace(prepared[1].scaler("riverflow"), mean=(0.0, 1.0, 2.0, 3.0), std=(1.0, 2.0, 3.0, 4.0))
    values = torch.rand(2, 5, 4) + 1
    stations = torch.tensor([[3, 0], [1, 1]])
    chosen = torch.stack([values[i][:, stations[i]] for i in range(2)])
    scaled = scaler.scale(values)
    expected = torch.stack([scaled[i][:, stations[i]] for i in range(2)])
    torch.testing.assert_close(scaler.scale(chosen, stations), expected)
    torch.testing.assert_close(scaler.unscale(expected, stations), chosen)


def test_an_epoch_takes_every_start_of_its_stride_once_with_each_station() -> None:
    groups = np.arange(3)[:, None]
    order = BatchOrder([slice(0, 100)], {10: 1.0}, 20, 4, seed=1, groups=groups)
    taken = [(s, int(g[0])) for batch in order for s, g in zip(batch.starts, batch.stations, strict=True)]
    assert len(taken) == len(set(taken)) == order.n_windows == 4 * 3 and len(order) == 3
    for station in range(3):
        starts = sorted(start for start, own in taken if own == station)
        assert set(np.diff(starts)) == {20}
    order.epoch = 1
    again = [(s, int(g[0])) for batch in order for s, g in zip(batch.starts, batch.stations, strict=True)]
    assert again != taken
    offsets = {min(s for s, own in taken if own == station) for station in range(3)}
    assert len(offsets) > 1  # each station has an offset of its own


def test_validation_takes_every_window_with_each_station_in_order() -> None:
    order = BatchOrder([slice(0, 25)], {10: 1.0}, 10, 3, seed=None, groups=np.arange(2)[:, None])
    taken = [(s, int(g[0])) for batch in order for s, g in zip(batch.starts, batch.stations, strict=True)]
    assert taken == [(0, 0), (0, 1), (10, 0), (10, 1)]


def test_a_station_with_gaps_leaves_the_others_all_their_tokens(prepared: Prepared, tmp_path: Path) -> None:
    # No river flow was observed on the first ten days, so the first window has one token of it, the second all four.
    _, reader, maker = small_parts(small_config(prepared[0], tmp_path, **ONE), prepared[1])
    windows = reader.read([0, 60], 12, stations=np.array([[0], [0]]))
    flow = maker.training_batch(windows, 0).tokens["riverflow"]
    counted = (flow.visible.real.sum(1) + flow.target.real.sum(1)).tolist()
    assert counted == windows.available["riverflow"] and counted[1] == 4 > counted[0]


def test_masks_differ_between_stations_of_the_same_days(prepared: Prepared, tmp_path: Path) -> None:
    _, reader, maker = small_parts(small_config(prepared[0], tmp_path, **ONE), prepared[1])
    windows = reader.read([60] * 4, 12, stations=np.arange(4)[:, None])
    evap = maker.evaluation_batch(windows).tokens["evap"]
    hidden = {tuple(sorted(row.tolist())) for row in evap.target.index}
    assert len(hidden) > 1


def test_batch_mates_do_not_matter(prepared: Prepared, tmp_path: Path) -> None:
    model, reader, maker = small_parts(small_config(prepared[0], tmp_path, **ONE), prepared[1])
    alone = maker.evaluation_batch(reader.read([60], 12, stations=np.array([[2]])))
    among = maker.evaluation_batch(reader.read([0, 60], 12, stations=np.array([[1], [2]])))
    found, expected = model.reconstruct(among), model.reconstruct(alone)
    for name in expected:
        torch.testing.assert_close(found[name][1], expected[name][0], equal_nan=True)


@pytest.mark.slow
@pytest.mark.parametrize("strategies", [{"random": 1.0}, {"forecast": 1.0, "span": 1.0}])
def test_a_run_that_was_stopped_ends_as_one_that_was_not(
    prepared: Prepared, tmp_path: Path, strategies: dict[str, float]
) -> None:
    sections = {**ONE, "masking": {"strategies": strategies, "horizon": 3}}

    whole = new_run(small_config(prepared[0], tmp_path / "whole", **sections), prepared[1])
    config = small_config(prepared[0], tmp_path / "stopped", **sections)
    whole_config = config.model_copy(update={"model": model_config_for(config, prepared[1])})
    trainer = build_trainer(config, prepared[1], RunDirectory.create(whole_config, prepared[1]))

    def stop(progress: Progress) -> None:
        if progress.step == 3:
            trainer.stop.ask()

    trainer.callbacks = Callbacks([OnStep(stop)])
    assert not trainer.fit()
    continue_run(RunDirectory(tmp_path / "stopped"))
    weights = [load_file(path / "model/model.safetensors") for path in (whole.path, tmp_path / "stopped")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_a_run_of_single_stations_is_reconstructed_whole(prepared: Prepared, tmp_path: Path) -> None:
    store = prepared[1]
    run = new_run(small_config(prepared[0], tmp_path / "run", **ONE, logging={"images": True}), store)
    assert list((run.path / "images").glob("*.png"))
    made = reconstruct(run.path)
    span = store.period_slice("val")
    for name in ("evap", "riverflow"):
        values, found = made[name].values, made[f"{name}_reconstructed"].values
        np.testing.assert_array_equal(values, store.values(name)[span])
        hidden = made[f"{name}_state"].values == TARGET
        assert np.array_equal(np.isfinite(found), hidden) and hidden.any(axis=0).all()
        for first in range(0, 60, 12):  # of the four tokens of every window of a station two are hidden
            tokens = hidden[first : first + 12].reshape(4, 3, 4).any(1)
            assert (tokens.sum(0) == 2).all()
    made.close()
