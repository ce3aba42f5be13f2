"""Missing is a fact, not a number: whatever stands at a missing place reaches no store, batch, loss or gradient."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import torch

from hydromae.base.errors import DataError
from hydromae.batch.batch import Batch, ModalityTokens
from hydromae.sources.cleaning import missing_to_nan
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from support.small import small_config, small_parts
from support.sources import World, make_world, write_attributes

DAYS = 8
EXCLUDED = 60  # a day on which precip and evap are wrong
IDS, BFIHOST = [9002, 101, 55555, 39001, 27003], [0.3, None, 0.4, 0.5, None]
# Codes of the configuration, fill values of netCDF, and NaN as the processor, a file or a bug may write it.
GARBAGE = np.array([-99999, 1e20, -1e20, 9.96921e36, -3e38, np.nan, 0, 0, 0], np.float32)
GARBAGE.view(np.uint32)[-3:] = 0xFFC00000, 0x7F800001, 0xFFFFFFFF


def single_cells(world: World) -> None:
    random = np.random.default_rng(1)
    for values in (*world.grids.values(), *world.series.values()):
        values[random.random(values.shape) < 0.2] = np.nan


def whole_days(world: World) -> None:
    world.grids["precip"][[4, 5, 90, 150]] = np.nan
    world.series["evap"][[5, 6, 7, 150]] = np.nan


def stations_that_start_late(world: World) -> None:
    for i, values in enumerate(world.series.values()):
        for station, start in enumerate((0, 30, 60, 120)):
            values[:start, (station + i) % 4] = np.nan


def flow_absent_for_years(world: World) -> None:
    world.series["riverflow"][:95] = np.nan


def a_modality_absent_in_one_split(world: World) -> None:
    world.raw["data"]["modalities"]["precip"]["paths"] = "precip_train.h5"
    world.series["riverflow"][world.n_train :] = np.nan


def a_patch_and_a_station_never_observed(world: World) -> None:
    world.grids["soil"][:, 10:15, 5:10] = np.nan
    world.series["evap"][:, 2] = np.nan


def attributes_absent(world: World) -> None:
    world.raw["data"]["attributes"] = {}


PATTERNS: dict[str, Callable[[World], None]] = {
    function.__name__.replace("_", " "): function
    for function in (
        single_cells,
        whole_days,
        stations_that_start_late,
        flow_absent_for_years,
        a_modality_absent_in_one_split,
        a_patch_and_a_station_never_observed,
        attributes_absent,
    )
}


def patterned(root: Path, pattern: str) -> World:
    world = make_world(root / "sources")
    for name in ("precip", "evap"):
        world.raw["data"]["modalities"][name]["exclude_dates"] = [str(world.days[EXCLUDED])]
    world.grids["precip"][EXCLUDED] = np.nan
    world.series["evap"][EXCLUDED] = np.nan
    PATTERNS[pattern](world)
    return world


def write(world: World, seed: int | None) -> None:
    """Write all sources; with a seed, garbage at every missing place, in the sea and on excluded days."""
    random = np.random.default_rng(seed)

    def spoiled(values: np.ndarray) -> np.ndarray:
        values = values.copy()
        missing = np.isnan(values)
        values[missing] = random.choice(GARBAGE, int(missing.sum())) if seed is not None else np.nan
        return values

    n = world.n_train
    for name, grid in world.grids.items():
        grid = spoiled(grid)
        if seed is not None:
            grid[:, ~world.land] = random.choice(
                [np.inf, -np.inf, -5, 1e9, np.nan], (len(grid), int((~world.land).sum()))
            )
            grid[EXCLUDED] = random.uniform(-1e6, 1e6, grid[0].shape) if name == "precip" else grid[EXCLUDED]
        if name == "soil":
            grid = in_double_precision(grid, random if seed is not None else None)
        for split, part, days in (("train", grid[:n], world.days[:n]), ("val", grid[n:], world.days[n:])):
            with h5py.File(world.root / f"{name}_{split}.h5", "w") as file:
                file["data"], file["dates"] = part, np.array([str(day) for day in days], "S10")
    series = {name: spoiled(values) for name, values in world.series.items()}
    if seed is not None:
        series["evap"][EXCLUDED] = random.uniform(-1e6, 1e6, 4)
    table = pa.table(
        {
            "date": np.repeat(world.days.astype("datetime64[s]"), 4),
            "ID": np.tile(np.array(world.ids, np.int64), len(world.days)),
            "evaporation": series["evap"].ravel(),
            "discharge_vol": series["riverflow"].ravel(),
        }
    )
    pa.parquet.write_table(table, world.root / "series.parquet")
    codes = [-99999, 1e20, "NaN", "na", ""] if seed is not None else [None]
    bfihost = [random.choice(np.array(codes, object)) if value is None else value for value in BFIHOST]
    columns = {"latitude": [51, 52, 53, 54, 55], "catchment-area": [100, 20, 5, 400, 80], "bfihost": bfihost}
    write_attributes(world.root / "attributes.csv", IDS, columns)


def in_double_precision(values: np.ndarray, random: np.random.Generator | None) -> np.ndarray:
    """Float64, where NaN has more bits, signalling ones among them."""
    patterns = np.array([0x7FF0000000000001, 0xFFF8000000012345, 0x7FF8000000000000], np.uint64)
    missing = np.isnan(values)
    double = np.where(missing, 0, values).astype(np.float64)
    chosen = patterns[2:] if random is None else random.choice(patterns, int(missing.sum()))
    double.view(np.uint64)[missing] = chosen
    return double


@pytest.fixture(scope="module", params=list(PATTERNS))
def stores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Store, Store]:
    """The store of one pattern, and that of the same sources with garbage at the missing places."""
    root = tmp_path_factory.mktemp("pattern")
    world = patterned(root, request.param)
    write(world, None)
    clean = prepare(world.config(f"data.store={root / 'clean'}"))
    write(world, 1)
    return world, clean, prepare(world.config(f"data.store={root / 'garbage'}"))


def step(world: World, store: Store, starts: list[int], spoil: Callable[[Batch], Batch] = lambda batch: batch):
    """A training batch, its loss and all gradients."""
    model, reader, maker = small_parts(small_config(world, Path("unused")), store)
    batch = maker.training_batch(reader.read(starts, DAYS), 0)
    torch.manual_seed(0)
    loss, losses = model(spoil(batch))
    loss.backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return batch, {"total": loss.detach(), **{name: one.detach() for name, one in losses.items()}}, gradients


def assert_same_bits(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys() and one
    for name, tensor in one.items():
        assert tensor.numpy().tobytes() == other[name].numpy().tobytes(), name


def test_garbage_at_missing_places_gives_the_same_store_bit_for_bit(stores):
    _, clean, garbage = stores
    assert clean.fingerprint == garbage.fingerprint
    for name in clean.names:
        assert clean.values(name).tobytes() == garbage.values(name).tobytes()
        assert clean.scaler(name) == garbage.scaler(name)
        assert clean.mean(name).tobytes() == garbage.mean(name).tobytes()
    assert clean.attributes.tobytes() == garbage.attributes.tobytes()


def test_garbage_at_missing_places_changes_no_batch_no_loss_and_no_gradient(stores):
    world, clean, garbage = stores
    found, expected = (step(world, store, [2, 56, 100, 130]) for store in (garbage, clean))
    for name, tokens in expected[0].tokens.items():
        other = found[0].tokens[name]
        assert_same_bits(
            {
                "values": tokens.values,
                "valid": tokens.valid,
                "visible": tokens.visible.index,
                "target": tokens.target.index,
            },
            {
                "values": other.values,
                "valid": other.valid,
                "visible": other.visible.index,
                "target": other.target.index,
            },
        )
    assert_same_bits(found[1], expected[1])
    assert_same_bits(found[2], expected[2])
    assert all(torch.isfinite(gradient).all() for gradient in found[2].values()) and float(found[1]["total"]) > 0


@pytest.mark.parametrize("value", [torch.nan, -1e30])
def test_what_stands_at_invalid_places_of_tokens_reaches_no_loss_and_no_gradient(stores, value):
    world, clean, _ = stores

    def spoil(batch: Batch) -> Batch:
        def poke(tokens: ModalityTokens) -> ModalityTokens:
            return replace(tokens, values=torch.where(tokens.valid, tokens.values, value))

        assert any(not tokens.valid.all() for tokens in batch.tokens.values())
        return replace(batch, tokens={name: poke(tokens) for name, tokens in batch.tokens.items()})

    expected, found = step(world, clean, [2, 56, 100]), step(world, clean, [2, 56, 100], spoil)
    assert_same_bits(found[1], expected[1])
    assert_same_bits(found[2], expected[2])


def test_windows_without_a_modality_are_trained_on_and_evaluated_with_the_others(tmp_path):
    for pattern, starts in (("flow absent for years", [0, 40]), ("a modality absent in one split", [145, 180])):
        world = patterned(tmp_path / pattern, pattern)
        write(world, 1)
        store = prepare(world.config())
        assert not store.present("riverflow")[starts[0] : starts[0] + DAYS].any()
        model, reader, maker = small_parts(small_config(world, tmp_path), store)
        windows = reader.read(starts, DAYS)
        for batch in (maker.training_batch(windows, 0), maker.evaluation_batch(windows)):
            total, losses = model(batch)
            assert losses["riverflow_loss"] == 0 and losses["evap_loss"] > 0 and torch.isfinite(total)
            assert batch.tokens["riverflow"].target.real.sum() == 0


def test_infinity_is_no_code_for_missing_on_land(tmp_path):
    world = patterned(tmp_path, "whole days")
    world.grids["soil"][100, 12, 3] = np.inf
    write(world, None)
    with pytest.raises(DataError, match=r"soil_train\.h5: data at row 12, column 3 on 2001-04-11 is inf"):
        prepare(world.config())


def test_every_pattern_of_bits_that_is_missing_becomes_one():
    values = np.concatenate([GARBAGE, np.float32([1.5, -0.0, np.inf])])
    missing_to_nan(values, [-99999.0, 1e20])
    assert np.unique(values[: len(GARBAGE)].view(np.uint32)).tolist() == [0x7FC00000]
    assert values[-3:].tolist() == [1.5, 0.0, np.inf] and np.signbit(values[-2])
