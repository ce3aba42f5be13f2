import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from hydromae.base.errors import ConfigError, DataError, RunError
from hydromae.prediction.reconstruction import reconstruct_window
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import load_pretrained
from hydromae.store.maps import to_grid
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.store.view import open_store
from hydromae.tasks import reconstruct as task
from hydromae.tasks.reconstruct import reconstruct
from hydromae.tokens.selection import MISSING, TARGET, VISIBLE
from hydromae.training.runs import new_run
from hydromae.windows.windows import WindowReader
from support.batches import BatchMaker
from support.small import small_config
from support.sources import World, make_world

Prepared = tuple[World, Store]
WINDOW, SPLIT = 8, slice(140, 200)  # 7 windows of 8 days and one of 4
SHORT = ("2001-06-01", "2001-06-20")


@pytest.fixture(scope="module")
def made(run: RunDirectory) -> xr.Dataset:
    with reconstruct(run.path) as file:
        return file.load()


def parts(run: RunDirectory, store: Store, seed: int = 0) -> tuple[Any, BatchMaker, WindowReader]:
    model = load_pretrained(run.path)
    maker = BatchMaker(store, model.shapes, run.config().masking, seed, torch.device("cpu"))
    return model, maker, WindowReader(store, model.shapes)


def specific(store: Store, name: str, values: np.ndarray) -> np.ndarray:
    factor = 86.4 / store.areas if name == "riverflow" else 1.0
    return values.astype(np.float64) * factor


def scored_mse(truth: np.ndarray, filled: np.ndarray, series: bool) -> float:
    squares = np.where(np.isnan(truth), np.nan, (filled - truth) ** 2)
    return float(np.median(np.nanmean(squares, axis=0)) if series else np.nanmean(squares))


def test_the_file_covers_the_split_with_the_stores_values_bit_for_bit(made: xr.Dataset, prepared: Prepared) -> None:
    store = prepared[1]
    np.testing.assert_array_equal(made.time.values.astype("datetime64[D]"), store.days[SPLIT])
    for name in store.names:
        values = np.array(store.values(name)[SPLIT])
        expected = to_grid(store, values) if store.kind(name) == "grid" else values
        assert made[name].values.dtype == np.float32 and made[name].values.tobytes() == expected.tobytes()
        assert made[name].attrs["units"] == store.units(name)


def test_there_is_a_reconstruction_exactly_where_a_value_was_hidden(made: xr.Dataset, prepared: Prepared) -> None:
    for name in prepared[1].names:
        state, reconstructed = made[f"{name}_state"].values, made[f"{name}_reconstructed"].values
        np.testing.assert_array_equal(np.isfinite(reconstructed), state == TARGET)
        np.testing.assert_array_equal(np.isnan(made[name].values), state == MISSING)
        assert set(np.unique(state)) <= {VISIBLE, TARGET, MISSING} and (state == TARGET).any()


def test_grids_that_are_not_whole_patches_keep_their_shape_places_and_values(tmp_path: Path) -> None:
    world = make_world(tmp_path / "sources")
    places = {"crs": "EPSG:27700", "y": [1000, -5], "x": [0, 5]}
    model = {"patch_size": 4, "grid_height": 15, "grid_width": 10}  # the last patches hold 3 rows and 2 columns
    config = small_config(world, tmp_path / "run", model=model, data={"grid": places, "land_threshold": 0.0})
    store = prepare(config)
    assert store.shape == (15, 10) and store.land.shape == (len(store.valid_patches), 16)
    assert int(store.land.sum()) == int(world.land.sum())
    with open_store(store) as opened, reconstruct(new_run(config, store).path) as made:
        np.testing.assert_array_equal(opened["land_mask"], world.land)
        for file, days in ((opened, slice(None)), (made, SPLIT)):
            np.testing.assert_array_equal(file.y, 1000 - 5 * np.arange(15))
            np.testing.assert_array_equal(file.x, 5 * np.arange(10))
            expected = np.where(world.land, world.grids["soil"][days], np.nan)
            np.testing.assert_array_equal(file["soil"].values, expected)
        state = made["soil_state"].values
        assert state.shape == made["soil_reconstructed"].shape == (60, 15, 10)
        np.testing.assert_array_equal(np.isfinite(made["soil_reconstructed"]), state == TARGET)
        np.testing.assert_array_equal(np.isnan(made["soil"]), state == MISSING)
        assert (state[:, 12:] == TARGET).any() and (state[:, :, 8:] == TARGET).any()


def test_in_every_window_exactly_the_share_of_tokens_is_hidden(made: xr.Dataset, prepared: Prepared) -> None:
    store = prepared[1]
    for first in range(0, 60, WINDOW):
        window = made.isel(time=slice(first, first + WINDOW))
        for name in store.names:
            state = window[f"{name}_state"].values
            if store.kind(name) == "grid":
                tokens = state.reshape(len(state), 3, 5, 2, 5).transpose(0, 1, 3, 2, 4).reshape(-1, 25)
            else:
                tokens = state.reshape(-1, 2)  # pairs of stations
            seen, hidden = ((tokens == which).any(1) for which in (VISIBLE, TARGET))
            assert not (seen & hidden).any()
            assert hidden.sum() == round(0.4 * (seen | hidden).sum()) > 0


def test_the_last_window_is_shorter_and_reconstructed_too(
    made: xr.Dataset, run: RunDirectory, prepared: Prepared
) -> None:
    model, maker, reader = parts(run, prepared[1])
    fields = reconstruct_window(model, maker.batcher, maker.masker, reader, 196, 4)
    _, expected, state = (field[0].numpy() for field in fields["evap"])
    np.testing.assert_array_equal(made.evap_reconstructed.values[-4:], expected)
    np.testing.assert_array_equal(made.evap_state.values[-4:], state)


def test_the_reconstruction_is_the_models_in_physical_units(
    made: xr.Dataset, run: RunDirectory, prepared: Prepared
) -> None:
    store = prepared[1]
    model, maker, reader = parts(run, store)
    batch = maker.evaluation_batch(reader.read([148], WINDOW))
    with torch.no_grad():
        scaled = model.reconstruct(batch)
    for name, values in scaled.items():
        physical = store.scaler(name).unscale(values)[0].numpy()
        found = made[f"{name}_reconstructed"].values[8:16]
        expected = to_grid(store, physical) if store.kind(name) == "grid" else physical
        has = np.isfinite(found)
        assert has.any()
        np.testing.assert_allclose(found[has], expected[has], rtol=1e-5, atol=1e-6)
    assert (made.riverflow_reconstructed.fillna(0) >= 0).all() and (made.precip_reconstructed.fillna(0) >= 0).all()


def test_the_scores_are_those_of_the_file(made: xr.Dataset, run: RunDirectory, prepared: Prepared) -> None:
    store, scores = prepared[1], run.read_json("scores.json")
    assert scores["split"] == "val" and scores["period"] == ["2001-05-21", "2001-07-19"] and scores["windows"] == 8
    for name, score in scores["modalities"].items():
        series = store.kind(name) == "series"
        truth = np.where(made[f"{name}_state"] == TARGET, made[name].values, np.nan)
        mean = store.mean(name) if series else to_grid(store, store.mean(name)[None])[0]
        filled = {"model": made[f"{name}_reconstructed"].values, "mean": np.broadcast_to(mean, truth.shape)}
        for method, values in filled.items():
            expected = scored_mse(specific(store, name, truth), specific(store, name, values), series)
            assert score["mse"][method] == pytest.approx(expected, rel=1e-4), (name, method)
        assert score["values"] == np.isfinite(truth).sum()
        assert score["units"] == ("mm/d" if name == "riverflow" else store.units(name))


def test_the_nearest_day_is_sought_among_the_visible_days_of_the_window(
    made: xr.Dataset, run: RunDirectory, prepared: Prepared
) -> None:
    truth, filled = (np.full((60, 4), np.nan) for _ in range(2))
    values, state = made.evap.values.astype(np.float64), made.evap_state.values
    for day, station in zip(*np.nonzero(state == TARGET), strict=True):
        first = day // WINDOW * WINDOW
        seen = [d for d in range(first, min(first + WINDOW, 60)) if state[d, station] == VISIBLE]
        nearest = min(seen, key=lambda d: (abs(d - day), d), default=None)
        truth[day, station] = values[day, station]
        filled[day, station] = prepared[1].mean("evap")[station] if nearest is None else values[nearest, station]
    found = run.read_json("scores.json")["modalities"]["evap"]["mse"]["nearest_day"]
    assert found == pytest.approx(scored_mse(truth, filled, series=True), rel=1e-5)


def test_another_period_is_written_elsewhere_with_scores_of_its_own(
    made: xr.Dataset, run: RunDirectory, tmp_path: Path
) -> None:
    before = (run.path / "scores.json").read_text()
    shares: list[float] = []
    period = (date(2001, 5, 14), date(2001, 5, 28))  # from training into validation
    with reconstruct(run.path, tmp_path / "part.nc", period=period, on_progress=shares.append) as part:
        assert part.sizes["time"] == 15
        np.testing.assert_array_equal(part.evap.values[7:], made.evap.values[:8])
    scores = run.read_json("scores_part.json")
    assert scores["period"] == ["2001-05-14", "2001-05-28"] and scores["split"] == "chosen"
    assert (run.path / "scores.json").read_text() == before and shares == [0.5, 1.0]


def test_the_same_period_is_hidden_in_the_same_way_every_time(
    made: xr.Dataset, run: RunDirectory, tmp_path: Path
) -> None:
    torch.manual_seed(99)
    with reconstruct(run.path, tmp_path / "again.nc") as again:
        again.attrs["history"] = made.attrs["history"]  # when each was written
        xr.testing.assert_identical(again.load(), made)


@pytest.mark.parametrize("period", [("2000-12-31", "2001-01-05"), ("2001-07-01", "2001-07-20")])
def test_a_period_outside_the_data_is_refused_with_what_there_is(
    run: RunDirectory, tmp_path: Path, period: tuple[str, str]
) -> None:
    first, last = map(date.fromisoformat, period)
    with pytest.raises(ConfigError, match=rf"{first} to {last} is not within.*give .* from 2001-01-01 to 2001-07-19"):
        reconstruct(run.path, tmp_path / "never.nc", period=(first, last))
    assert not list(tmp_path.iterdir())


def test_a_split_that_the_store_lacks_is_refused(run: RunDirectory, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no test period, only train, val"):
        reconstruct(run.path, tmp_path / "never.nc", split="test")
    assert not list(tmp_path.iterdir())


def test_nothing_is_left_behind_when_it_fails_midway(
    run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run.path, copy, ignore=shutil.ignore_patterns("scores*", "*.nc"))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    calls: list[int] = []

    def fail(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("the disk is full")
        return reconstruct_window(*arguments)

    monkeypatch.setattr(task, "reconstruct_window", fail)
    with pytest.raises(RuntimeError, match="the disk is full"):
        reconstruct(copy)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_file_whose_scores_cannot_be_written_does_not_stand_in_the_way(
    run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise DataError("no room for scores")

    with monkeypatch.context() as patch:
        patch.setattr(RunDirectory, "write_json", refuse)
        with pytest.raises(DataError, match="no room for scores"):
            reconstruct(run.path, tmp_path / "new.nc", period=SHORT)
    assert not list(tmp_path.iterdir())
    reconstruct(run.path, tmp_path / "new.nc", period=SHORT).close()


def test_a_station_that_was_never_observed_in_training_is_scored_by_every_method(world: World, tmp_path: Path) -> None:
    world.series["riverflow"][:140, 0] = np.nan
    world.grids["soil"][:140, 12, 3] = np.nan
    world.write_series()
    world.write_grids("soil")
    store = prepare(world.config())
    run = new_run(small_config(world, tmp_path / "run"), store)
    reconstruct(run.path).close()
    scores = json.loads((run.path / "scores.json").read_text(), parse_constant=lambda name: pytest.fail(name))
    for name in ("riverflow", "soil"):
        assert np.isnan(store.mean(name)).any()
        assert all(mse > 0 for mse in scores["modalities"][name]["mse"].values())


def test_a_run_without_a_model_is_refused(run: RunDirectory, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run.path, copy, ignore=shutil.ignore_patterns("model", "*.nc"))
    with pytest.raises(RunError, match="holds no trained model"):
        reconstruct(copy)
    assert not list(copy.glob("*.nc"))
