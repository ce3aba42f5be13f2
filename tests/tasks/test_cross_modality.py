from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from hydromae.base.errors import ConfigError
from hydromae.batch.batch import Batch
from hydromae.evaluation.paired_skills import MEAN
from hydromae.masks.mask import hide_wholly
from hydromae.runs.directory import RunDirectory
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.tasks.cross_modality import cross_modality
from hydromae.tasks.cross_modality_maps import example_maps
from hydromae.tasks.hidden_modalities import HidingModel
from hydromae.tasks.reconstruct import reconstruct
from hydromae.training.runs import new_run
from hydromae.windows.neighbours import station_groups
from hydromae.windows.windows import Windows
from support.batches import BatchMaker
from support.small import small_config, small_parts
from support.sources import World

Prepared = tuple[World, Store]
NAMES = ("precip", "soil", "evap", "riverflow")
START, DAYS = 148, 8


@pytest.fixture(scope="module")
def made(run: RunDirectory) -> xr.Dataset:
    return cross_modality(run.path, resamples=20)


def hiding_model(prepared: Prepared, path: Path, fill: Any, **sections: dict[str, Any]) -> HidingModel:
    """An untrained model, on which everything visible has some influence."""
    world, store = prepared
    config = small_config(world, path, **sections)
    model, reader, _ = small_parts(config, store)
    maker = BatchMaker(store, model.shapes, config.masking, 0, torch.device("cpu"), fill)
    return HidingModel(model, maker.batcher, maker.masker, reader, store, station_groups(config.data, store))


@pytest.fixture(scope="module")
def hiding(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> HidingModel:
    return hiding_model(prepared, tmp_path_factory.mktemp("hiding") / "run", {"soil": "nearest", "evap": "median"})


def answers(hiding: HidingModel, windows: Windows, hidden: Collection[str]) -> dict[str, np.ndarray]:
    return {name: values.numpy() for name, values in hiding.predict(windows, hidden, NAMES).items()}


def spoil(windows: Windows, name: str, garbage: float, seed: int) -> Windows:
    """Other values of a modality, missing where they were missing, so that its masks stay."""
    values = windows.values[name]
    other = torch.rand(values.shape, generator=torch.Generator().manual_seed(seed)) * garbage
    return replace(windows, values={**windows.values, name: torch.where(values.isnan(), values, other)})


@settings(max_examples=12, deadline=None)
@given(name=st.sampled_from(NAMES), garbage=st.sampled_from([1e-3, 7.0, 1e20]), seed=st.integers(0, 1000))
def test_values_of_a_hidden_modality_cannot_influence_any_result(
    hiding: HidingModel, name: str, garbage: float, seed: int
) -> None:
    windows = hiding.reader.read([START], DAYS)
    expected, found = (answers(hiding, w, {name}) for w in (windows, spoil(windows, name, garbage, seed)))
    for target in NAMES:
        assert found[target].tobytes() == expected[target].tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_whether_a_hidden_modality_was_observed_at_all_cannot_influence_the_others(
    hiding: HidingModel, name: str
) -> None:
    windows = hiding.reader.read([START], DAYS)
    gone = torch.full_like(windows.values[name], torch.nan)
    available = {**windows.available_by_slot, name: [[0] * len(windows.available_by_slot[name][0])]}
    without = replace(windows, values={**windows.values, name: gone}, available_by_slot=available)
    expected, found = answers(hiding, windows, {name}), answers(hiding, without, {name})
    assert name not in found
    for target in set(NAMES) - {name}:
        assert found[target].tobytes() == expected[target].tobytes()


@pytest.mark.parametrize("name", NAMES)
def test_values_of_a_visible_modality_do_influence_the_others(hiding: HidingModel, name: str) -> None:
    windows = hiding.reader.read([START], DAYS)
    usual, found = answers(hiding, windows, ()), answers(hiding, spoil(windows, name, 7.0, 0), ())
    for target in set(NAMES) - {name}:
        assert found[target].tobytes() != usual[target].tobytes()


def test_without_fusion_hiding_another_modality_changes_nothing(prepared: Prepared, tmp_path: Path) -> None:
    hiding = hiding_model(prepared, tmp_path / "run", {}, model={"fusion": "none"})
    windows = hiding.reader.read([START], DAYS)
    usual, found = answers(hiding, windows, ()), answers(hiding, windows, {"precip"})
    assert found["soil"].tobytes() == usual["soil"].tobytes()
    assert found["precip"].tobytes() != usual["precip"].tobytes()


def indices(batch: Batch, part: str) -> dict[str, list[int]]:
    return {name: getattr(tokens, part).index[0].tolist() for name, tokens in batch.tokens.items()}


def test_hiding_changes_what_is_visible_of_the_hidden_and_asked_of_the_rest_alone(hiding: HidingModel) -> None:
    windows = hiding.reader.read([START], DAYS)

    def made(hidden: set[str], targets: set[str], whole: bool = False) -> Batch:
        return hiding.batcher.batch(windows, hide_wholly(hiding.masker.evaluation, hidden, targets, whole))

    batch = hiding.batcher.batch(windows, hiding.masker.evaluation)
    changed = made({"precip", "evap"}, {"soil", "precip"})
    visible, target = indices(batch, "visible"), indices(batch, "target")
    assert all(visible.values()) and all(target.values())
    assert indices(changed, "visible") == {**visible, "precip": [], "evap": []}
    assert indices(changed, "target") == {**target, "evap": [], "riverflow": []}
    whole = indices(made({"soil"}, {"soil"}, whole=True), "target")
    assert sorted(whole["soil"]) == sorted(visible["soil"] + target["soil"])


def test_hiding_nothing_scores_as_the_reconstruction_of_the_run(made: xr.Dataset, run: RunDirectory) -> None:
    reconstruct(run.path).close()
    for name, score in run.read_json("scores.json")["modalities"].items():
        row = made.sel(target=name)
        assert float(row.mse.sel(own="visible", hidden="none")) == pytest.approx(score["mse"]["model"], rel=1e-6)
        assert float(row.mse_mean) == pytest.approx(score["mse"]["mean"], rel=1e-6)
        assert int(row["values"]) == score["values"] and str(row.target_units.item()) == score["units"]


def test_every_cell_holds_a_skill_and_its_change_with_their_intervals(made: xr.Dataset) -> None:
    assert dict(made.skill.sizes) == {"own": 2, "target": 4, "hidden": 6}
    for name in ("skill", "change"):
        assert bool((made[f"{name}_lower"] <= made[f"{name}_upper"]).all()), name
    np.testing.assert_allclose(made.skill, 1 - made.mse / made.mse_mean, rtol=1e-12)
    np.testing.assert_allclose(made.change, made.skill - made.skill.sel(hidden="none"), atol=1e-12)
    assert made.attrs["windows"] == 8 and made.attrs["period"] == "2001-05-21 2001-07-19"


def test_the_diagonal_is_the_target_seen_through_the_others_alone(made: xr.Dataset) -> None:
    for name in NAMES:
        seen, alone = (made.skill.sel(own=own, target=name) for own in ("visible", "hidden"))
        assert float(seen.sel(hidden=name)) == float(alone.sel(hidden="none")) == float(alone.sel(hidden=name))
        assert float(seen.sel(hidden=name)) != float(seen.sel(hidden="none"))


def test_files_hold_what_is_returned(made: xr.Dataset, run: RunDirectory) -> None:
    with xr.open_dataset(run.path / "cross_modality.nc", engine="h5netcdf") as file:
        assert file.attrs.pop("Conventions") == "CF-1.11" and "hydromae" in file.attrs.pop("history")
        xr.testing.assert_identical(file.load(), made)
    table = pd.read_csv(run.path / "cross_modality.csv", keep_default_na=False).set_index(["own", "target", "hidden"])
    assert len(table) == 2 * 4 * 6
    cell = made.sel(own="visible", target="soil", hidden="precip")
    assert float(table.loc[("visible", "soil", "precip"), "change"]) == pytest.approx(float(cell.change))
    assert table.loc[("visible", "riverflow", "none"), "target_units"] == "mm/d"


def test_fewer_windows_are_spread_over_the_split(run: RunDirectory, tmp_path: Path) -> None:
    shares: list[float] = []
    few = cross_modality(run.path, output=tmp_path / "few.nc", windows=2, resamples=5, on_progress=shares.append)
    assert few.attrs["windows"] == 2 and shares == [0.5, 1.0]
    assert {path.name for path in tmp_path.iterdir()} == {"few.nc", "few.csv"}


def test_maps_show_the_masked_cells_and_with_all_hidden_every_observed_one(hiding: HidingModel) -> None:
    maps = example_maps(hiding, START, DAYS)
    for name in ("precip", "soil"):
        observed, masked, every = (maps[f"{name}_{part}"] for part in ("observed", "masked", "reconstructed"))
        day = int((np.datetime64(observed.attrs["day"]) - hiding.store.first_day).astype(int))
        assert START <= day < START + DAYS
        np.testing.assert_array_equal(np.isfinite(masked), np.isfinite(observed))
        others = [other for other in ("none", *NAMES) if other != name]
        for other in others:
            seen, alone = (every.sel(own=own, without=other) for own in ("visible", "hidden"))
            np.testing.assert_array_equal(np.isfinite(seen), masked == 1)
            np.testing.assert_array_equal(np.isfinite(alone), np.isfinite(observed))
        assert bool(every.sel(without=name).isnull().all())
        assert every.attrs["units"] == hiding.store.units(name)


def test_windows_of_one_station_score_every_station_and_no_grid(prepared: Prepared, tmp_path: Path) -> None:
    data = {"stations_per_window": 1, "window": 8, "stride": 14}
    hiding = hiding_model(prepared, tmp_path / "run", {}, data=data, model={"series_patch_size": 1})
    assert hiding.targets == ("evap", "riverflow") and hiding.groups is not None
    hidden = {"none": frozenset[str](), "rain": frozenset({"precip"})}
    found = hiding.errors(START, DAYS, {"evap": hidden})["evap"]
    windows = hiding.reader.read([START] * 4, DAYS, stations=hiding.groups)
    masked = (
        hiding.batcher.batch(windows, hiding.masker.evaluation).tokens["evap"].target.real.sum(1)
    )  # a token is a value
    assert found.counts is not None and found.counts.tolist() == masked.tolist() and min(masked) > 0
    assert set(found.sums) == {MEAN, "none", "rain"} and not torch.equal(found.sums["none"], found.sums["rain"])


def test_a_run_of_one_modality_is_refused(world: World, tmp_path: Path) -> None:
    world.raw["data"]["modalities"] = {"evap": world.raw["data"]["modalities"]["evap"]}
    run = new_run(small_config(world, tmp_path / "run", training={"epochs": 1}), prepare(world.config()))
    with pytest.raises(ConfigError, match="has only one modality"):
        cross_modality(run.path)


def test_a_split_that_the_store_lacks_is_refused(run: RunDirectory, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no test period, only train, val"):
        cross_modality(run.path, split="test", output=tmp_path / "never.nc")
    assert not list(tmp_path.iterdir())
