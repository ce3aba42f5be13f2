import os
import tracemalloc
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from hydromae.base.errors import ConfigError, DataError, HydroMAEError
from hydromae.base.patches import cell_index
from hydromae.check.check import check
from hydromae.config.read import build_config
from hydromae.sources.blocks import read_blocks
from hydromae.sources.plan import make_plan
from hydromae.sources.source import Source
from hydromae.store.prepare import ALREADY, prepare
from hydromae.store.store import Store
from support.sources import FIRST, TRAIN_END, day_range, write_attributes, write_grid, write_mask


def test_grids_hold_the_files_values_bit_for_bit_on_land_of_valid_patches(prepared):
    world, store = prepared
    assert store.valid_patches.tolist() == [0, 3, 4, 5]
    index = cell_index(store.valid_patches, store.shape, store.patch_size)
    np.testing.assert_array_equal(store.land, world.land.ravel()[index])
    for name in ("precip", "soil"):
        expected = world.grids[name].reshape(len(world.days), -1)[:, index]
        assert store.values(name).dtype == np.float32 and store.values(name).tobytes() == expected.tobytes()


def test_series_hold_the_tables_values_bit_for_bit_in_the_attributes_order(prepared):
    world, store = prepared
    assert store.station_ids == ("9002", "101", "39001", "27003")
    columns = [world.ids.index(station) for station in store.station_ids]
    for name in ("evap", "riverflow"):
        np.testing.assert_array_equal(store.values(name), world.series[name][:, columns])
    np.testing.assert_array_equal(store.attributes[:, 0], np.float32([51, 52, 54, 55]))
    np.testing.assert_array_equal(store.areas, [100, 20, 400, 80])


def test_without_attributes_stations_are_sorted_and_flow_stays_in_m3_per_second(world):
    world.raw["data"]["attributes"] = {}
    store = prepare(world.config())
    assert store.station_ids == ("101", "9002", "27003", "39001") and store.attributes.shape == (4, 0)
    assert store.scaler("riverflow").factor is None and store.specific_units("riverflow") == "m3/s"
    assert "no catchment area" in store.provenance.notes[0]


def test_scalers_are_those_of_the_training_days_alone(prepared):
    store = prepared[1]
    train = {name: store.values(name)[store.period_slice("train")].astype(np.float64) for name in store.names}
    specific = np.log(train["riverflow"] * 86.4 / store.areas + 0.01)
    for name, values in {**train, "precip": np.log1p(train["precip"]), "riverflow": specific}.items():
        scaler = store.scaler(name)
        np.testing.assert_allclose([scaler.mean[0], scaler.std[0]], [np.nanmean(values), np.nanstd(values)], rtol=1e-9)
    assert store.specific_units("riverflow") == "mm/d" and store.units("riverflow") == "m3/s"


def test_the_eps_of_a_logarithm_and_a_scaler_for_each_station_are_as_configured(world):
    modalities = world.raw["data"]["modalities"]
    modalities["riverflow"] |= {"scaling_eps": 0.5, "scaling_per": "station"}
    modalities["evap"] |= {"scaling_per": "station"}
    store = prepare(world.config())
    train = {name: store.values(name)[store.period_slice("train")].astype(np.float64) for name in ("evap", "riverflow")}
    train["riverflow"] = np.log(train["riverflow"] * 86.4 / store.areas + 0.5)
    for name, values in train.items():
        scaler = store.scaler(name)
        np.testing.assert_allclose(scaler.mean, np.nanmean(values, axis=0), rtol=1e-9)
        np.testing.assert_allclose(scaler.std, np.nanstd(values, axis=0), rtol=1e-9)


def test_validation_values_have_no_part_in_scalers_or_means(world, prepared):
    random = np.random.default_rng(1)
    n = world.n_train
    for grid in world.grids.values():
        grid[n:] = random.uniform(0, 400, grid[n:].shape)
    world.series["evap"][n:] = np.nan
    world.series["riverflow"][n:] = 19_999
    world.write_grids("precip")
    world.write_grids("soil")
    world.write_series()
    store = prepare(world.config())
    assert store.fingerprint != prepared[1].fingerprint
    for name in store.names:
        assert store.scaler(name) == prepared[1].scaler(name)
        np.testing.assert_array_equal(store.mean(name), prepared[1].mean(name))


def test_sea_values_have_no_part_in_anything(world, prepared):
    for name, grid in world.grids.items():
        grid[:, ~world.land] = np.inf
        world.write_grids(name)
    assert prepare(world.config()).fingerprint == prepared[1].fingerprint


@pytest.mark.parametrize("code", [-99999.0, 1e20, 9.96921e36, np.nan, -1.0])
def test_missing_codes_never_enter_a_statistic(world, prepared, code):
    world.raw["data"]["missing_values"] = [-99999.0, 1e20, -1.0]
    for name, grid in world.grids.items():
        grid[np.isnan(grid)] = code
        world.write_grids(name)
    for values in world.series.values():
        values[np.isnan(values)] = code
    world.write_series()
    store = prepare(world.config())
    assert store.fingerprint == prepared[1].fingerprint


def test_fingerprint_depends_on_the_values_and_not_on_the_place(world, prepared):
    store = prepare(world.config())
    assert store.fingerprint == prepared[1].fingerprint and store.path != prepared[1].path
    world.grids["soil"][150, 12, 3] += 1e-3
    world.write_grids("soil")
    assert prepare(world.config(), overwrite=True).fingerprint != store.fingerprint


def test_a_year_of_one_more_file_is_joined_and_an_allowed_gap_is_missing(world):
    n, days, soil = world.n_train, world.days, world.grids["soil"]
    write_grid(world.root / "soil_a.h5", soil[: n - 30], days[: n - 30])
    write_grid(world.root / "soil_b.h5", soil[n - 25 : n], days[n - 25 : n])
    world.raw["data"]["modalities"]["soil"] = {
        "paths": ["soil_a.h5", "soil_b.h5", "soil_val.h5"],
        "allow_absent_days": True,
    }
    store = prepare(world.config())
    values = store.values("soil")
    assert np.isnan(values[n - 30 : n - 25]).all()
    index = cell_index(store.valid_patches, store.shape, store.patch_size)
    np.testing.assert_array_equal(values[n - 25 :], soil.reshape(len(days), -1)[n - 25 :, index])


@pytest.mark.parametrize(("first", "last"), [(0, 130), (5, 140)])
def test_days_before_or_after_all_files_are_missing_and_noted(world, first, last):
    _cut(world, first, last)
    store = prepare(world.config())
    absent = np.isnan(store.values("soil")).all(axis=(1, 2))
    assert np.flatnonzero(absent[:140]).tolist() == [day for day in range(140) if not first <= day < last]
    noted = f"{world.days[0] if first else world.days[last]}"
    assert any(note.startswith("soil: has no day") and noted in note for note in store.provenance.notes)


def test_land_is_derived_from_the_cells_that_ever_have_a_value(world):
    world.raw["data"]["land_mask"] = None
    store = prepare(world.config())
    seen = np.isfinite(world.grids["precip"]).any(axis=0)
    np.testing.assert_array_equal(store.land, seen.ravel()[cell_index(store.valid_patches, store.shape, 5)])


def test_grids_alone_and_series_alone_make_a_store(world):
    modalities = world.raw["data"]["modalities"]
    world.raw["data"]["modalities"] = {"precip": modalities["precip"]}
    grids = prepare(world.config(f"data.store={world.root.parent / 'grids'}"))
    assert grids.station_ids == () and grids.attributes.shape == (0, 0) and len(grids.valid_patches) == 4
    world.raw["data"]["modalities"] = {"evap": modalities["evap"]}
    series = prepare(world.config(f"data.store={world.root.parent / 'series'}"))
    assert series.shape == (0, 0) and len(series.valid_patches) == 0 and series.land.size == 0
    for store in (grids, series):
        store.verify()


def test_a_station_without_area_is_given_one_and_that_is_noted(world):
    ids, areas = [9002, 101, 39001, 27003], [100.0, None, 400.0, 80.0]
    columns = {"latitude": [1, 2, 3, 4], "catchment-area": areas, "bfihost": [1, 2, 3, 4]}
    write_attributes(world.root / "attributes.csv", ids, columns)
    store = prepare(world.config())
    assert "station 101 has no catchment area" in store.provenance.notes[0] and np.isnan(store.areas[1])
    flow = store.mean("riverflow") * store.scaler("riverflow").factor
    assert flow[1] == pytest.approx(np.median(np.delete(flow, 1)), rel=1e-5)


def _change_grid(world, name, day, row, column, value):
    world.grids[name][day, row, column] = value
    world.write_grids(name)


def _change_series(world, name, day, station, value):
    world.series[name][day, station] = value
    world.write_series()


def _cut(world, first, last):
    write_grid(world.root / "soil_train.h5", world.grids["soil"][first:last], world.days[first:last])


def _write_val(world, values, days):
    write_grid(world.root / "soil_val.h5", values, days)


BAD = {
    "negative rain": (
        lambda w: _change_grid(w, "precip", 30, 12, 3, -0.5),
        r"precip_train\.h5: data at row 12, column 3 on 2001-01-31 is -0.5 mm/d, below .*correct the file",
    ),
    "too much rain": (lambda w: _change_grid(w, "precip", 150, 12, 3, 900), r"precip_val\.h5: .*2001-05-31 is 900"),
    "infinite soil": (lambda w: _change_grid(w, "soil", 0, 12, 3, np.inf), r"soil_train\.h5: .*2001-01-01 is inf"),
    "negative flow": (
        lambda w: _change_series(w, "riverflow", 40, 2, -2),
        r"series\.parquet: discharge_vol of station 27003 on 2001-02-10 is -2 m3/s, below",
    ),
    "overlap": (
        lambda w: _write_val(w, w.grids["soil"][100:], w.days[100:]),
        r"soil_val\.h5: overlaps with .*soil_train\.h5 \(2001-04-11 is in both\); cut",
    ),
    "other shape": (
        lambda w: _write_val(w, w.grids["soil"][140:, :10], w.days[140:]),
        r"soil_val\.h5: has 10 x 10 cells, but .*soil_train\.h5 has 15 x 10",
    ),
    "order of files": (
        lambda w: w.raw["data"]["modalities"]["soil"].update(paths=["soil_val.h5", "soil_train.h5"]),
        r"soil_train\.h5: ends before .*soil_val\.h5 begins; list .* in order",
    ),
    "mask of other shape": (
        lambda w: write_mask(w.root / "mask.pt", w.land.T),
        r"mask\.pt: has 10 x 15 cells, but .*precip_train\.h5 has 15 x 10",
    ),
    "unknown station": (
        lambda w: write_attributes(
            w.root / "attributes.csv", [101, 9002], {c: [1, 1] for c in ("latitude", "catchment-area", "bfihost")}
        ),
        r"series\.parquet: unknown station 27003 \(and 1 more\), which attributes\.csv lacks; add its row",
    ),
    "absent file": (
        lambda w: (w.root / "soil_val.h5").unlink(),
        r"soil_val\.h5: no such file; did you mean .*data\.root",
    ),
    "constant": (
        lambda w: (w.series["evap"].fill(1.5), w.write_series()),
        r"evap: has one and the same value throughout the training period; leave",
    ),
    "never observed": (
        lambda w: (w.series["riverflow"][:140].fill(np.nan), w.write_series()),
        r"riverflow: has no value in the training period; give",
    ),
    "no area": (
        lambda w: w.raw["data"]["attributes"].update(area="area_km2"),
        r"attributes\.csv: has no column area_km2.*per_area",
    ),
    "flow in mm": (
        lambda w: w.raw["data"]["modalities"]["riverflow"].update(units="mm/d"),
        "per_area needs units m3/s",
    ),
    "no training period": (lambda w: w.raw["data"].pop("train"), "data.train is not set; give"),
}


@pytest.mark.parametrize("bad", BAD)
def test_bad_input_is_named_with_place_and_remedy_and_leaves_nothing(world, bad):
    spoil, message = BAD[bad]
    spoil(world)
    with pytest.raises(HydroMAEError, match=message):
        prepare(world.config())
    assert [path.name for path in world.root.parent.iterdir()] == ["sources"]


def test_impossible_series_are_found_before_grids_are_read(world):
    _change_series(world, "riverflow", 40, 2, -2)
    stages = []
    with pytest.raises(DataError, match="27003"):
        prepare(world.config(), lambda stage, done: stages.append(stage))
    assert not any("precip" in stage or "soil" in stage for stage in stages)


def test_a_logarithm_allows_nothing_below_zero_whatever_the_minimum(world):
    _change_series(world, "riverflow", 40, 2, -2)
    world.raw["data"]["modalities"]["riverflow"]["minimum"] = None
    with pytest.raises(DataError, match=r"station 27003 on 2001-02-10 is -2 m3/s, below the smallest"):
        prepare(world.config())


def test_the_same_store_is_returned_and_another_refused_unless_overwritten(world):
    store = prepare(world.config())
    stamp = (store.path / "store.json").stat().st_mtime_ns
    assert prepare(world.config("data.stride=7", "data.stations_per_window=1")).fingerprint == store.fingerprint
    around = (
        "data.stations_per_window=1",
        "data.context_stations=2",
        "model.recurrent_context=2",
        "model.recurrent_dim=4",
    )
    assert prepare(world.config(*around)).fingerprint == store.fingerprint
    assert (store.path / "store.json").stat().st_mtime_ns == stamp
    with pytest.raises(DataError, match=r"store made from other options \(data\.land_threshold\).*--overwrite"):
        prepare(world.config("data.land_threshold=0.1"))
    os.utime(world.root / "soil_val.h5", (1, 1))
    assert prepare(world.config()).fingerprint == store.fingerprint  # touched, but the same
    _change_grid(world, "soil", 160, 12, 3, 0.25)
    with pytest.raises(DataError, match=r"files that have changed since \(soil_val\.h5\).*--overwrite"):
        prepare(world.config())
    wider = prepare(world.config("data.land_threshold=0.1"), overwrite=True)
    assert len(wider.valid_patches) == 5 and Store.open(store.path).fingerprint == wider.fingerprint
    assert sorted(path.name for path in world.root.parent.iterdir()) == ["sources", "store"]


def test_the_old_store_stays_when_overwriting_fails(world):
    old = prepare(world.config())
    _change_grid(world, "soil", 160, 12, 3, np.inf)
    with pytest.raises(DataError, match=r"soil_val\.h5"):
        prepare(world.config(), overwrite=True)
    old.verify()
    assert sorted(path.name for path in world.root.parent.iterdir()) == ["sources", "store"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_no_store_is_never_replaced(world, overwrite):
    target = Path(world.config().store_path)
    target.mkdir()
    (target / "thesis.txt").write_text("years of work")
    with pytest.raises(DataError, match="is there already and is not a store"):
        prepare(world.config(), overwrite=overwrite)
    assert (target / "thesis.txt").read_text() == "years of work"


def test_memory_does_not_grow_with_the_days(tmp_path):
    def peak(years: int) -> int:
        days = day_range(date(2001, 1, 1), date(2000 + years, 12, 31))
        values = np.random.default_rng(0).random((len(days), 40, 40), np.float32)
        write_grid(tmp_path / f"{years}.h5", values, days)
        del values
        soil = {"paths": [f"{years}.h5"]}
        raw = {"root": str(tmp_path), "store": str(tmp_path / f"store{years}"), "modalities": {"soil": soil}}
        raw["train"] = [str(days[0]), str(days[-1])]
        config = build_config({"data": raw})
        tracemalloc.start()
        prepare(config, overwrite=True)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(1)  # what is imported on first use
    assert peak(4) < 1.3 * peak(1)


def test_progress_ends_at_one_and_never_falls(world):
    shares = []
    prepare(world.config(), lambda stage, done: shares.append(done))
    assert shares == sorted(shares) and shares[-1] == 1.0 and len(set(shares)) > 4


def test_half_precision_halves_the_store_and_keeps_eleven_bits(world, prepared):
    store = prepare(world.config("data.storage=float16"))
    for name in store.names:
        exact, scaler = prepared[1].read(name, slice(None)), store.scaler(name)
        assert scaler == prepared[1].scaler(name)
        np.testing.assert_array_equal(store.mean(name), prepared[1].mean(name))
        np.testing.assert_array_equal(store.present(name), prepared[1].present(name))
        stored, scaled = store.values(name), scaler.scale(torch.from_numpy(exact.copy())).numpy()
        assert stored.dtype == np.float16 and stored.nbytes == exact.nbytes / 2
        back = store.read(name, slice(None))
        assert back.dtype == np.float32 and (np.isnan(back) == np.isnan(exact)).all()
        seen = ~np.isnan(exact)
        error = np.abs(stored[seen].astype(np.float64) - scaled[seen])
        assert (error <= np.maximum(2.0**-11 * np.abs(scaled[seen]), 2.0**-25)).all() and error.max() > 0
        again = scaler.scale(torch.from_numpy(back)).numpy()[seen]
        assert np.abs(again - scaled[seen]).max() <= 2.0**-11 * np.abs(scaled[seen]).max() + 1e-5
    store.verify()


def test_what_half_precision_cannot_hold_is_named(world):
    world.raw["data"]["modalities"]["riverflow"].update(scaling="none", per_area=False, maximum=1e6)
    _change_series(world, "riverflow", 40, 2, 70_000)
    with pytest.raises(
        DataError, match=r"series\.parquet: riverflow of station 27003 on 2001-02-10 is 70000 m3/s, .*flo"
    ):
        prepare(world.config("data.storage=float16"))
    assert [path.name for path in world.root.parent.iterdir()] == ["sources"]


def test_reading_follows_the_chunks_of_the_files_and_changes_nothing(world, prepared, monkeypatch):
    plan = make_plan(world.config())
    (soil,) = (source for source in plan.sources if source.name == "soil")
    for piece in soil.pieces:
        piece.values.encoding["chunksizes"] = (45, 3, 5)
    read = []
    plain = Source.read
    monkeypatch.setattr(Source, "read", lambda self, first, n: read.append((first, n)) or plain(self, first, n))
    blocks = list(read_blocks(plan, soil, 5, 64, 200))
    ends = [int((first - np.datetime64(FIRST)).astype(int)) + n for first, n in read]
    assert ends == [90, 135, 140, 185, 200]  # edges of chunks, of the first file, and the end
    assert [start for start, _ in blocks] == [64, 128, 192]
    values = np.concatenate([block for _, block in blocks])
    np.testing.assert_array_equal(values, prepared[1].values("soil")[64:])


def test_no_modality_is_refused(world):
    world.raw["data"]["modalities"] = {}
    with pytest.raises(ConfigError, match=r"data\.modalities is empty"):
        prepare(world.config())


def test_the_periods_make_the_days(prepared):
    store = prepared[1]
    assert store.periods["train"] == (FIRST, TRAIN_END) and store.n_days == 200


@pytest.mark.parametrize(
    ("name", "option", "kind"),
    [
        ("evap", "regrid: nearest", "series"),
        ("evap", "row_order: south_first", "series"),
        ("soil", "max_missing: 0.5", "grid"),
    ],
)
def test_an_option_that_would_have_no_effect_is_refused(world, name, option, kind):
    key = option.split(":")[0]
    config = world.config(f"data.modalities.{name}={{{option}}}")
    with pytest.raises(ConfigError, match=rf"data\.modalities\.{name}\.{key} has no effect on a {kind}; leave it out"):
        prepare(config)
    assert any(key in problem.text for problem in check(config).problems if problem.severity == "error")


def test_a_store_is_used_where_its_sources_are_not(world, caplog):
    store = prepare(world.config())
    world.root.rename(world.root.with_name("elsewhere"))
    assert prepare(world.config()).fingerprint == store.fingerprint
    assert "is used as it is, since its sources cannot be compared with it" in caplog.text
    with pytest.raises(DataError, match="its folder does not exist"):
        prepare(world.config(), overwrite=True)
    with pytest.raises(DataError, match="its folder does not exist"):
        prepare(world.config("data.missing_values=[-1.0]"))


def test_a_land_mask_in_zarr_is_a_source_like_any_other(world):
    rows, columns = world.land.shape
    places = {"y": np.arange(rows)[::-1] * 5000.0, "x": np.arange(columns) * 5000.0}
    mask = xr.Dataset({"land": (("y", "x"), world.land.astype("int8"))}, coords=places)
    mask.to_zarr(world.root / "mask.zarr", consolidated=False)
    world.raw["data"]["land_mask"] = "mask.zarr"
    store = prepare(world.config())
    assert any(file.path.startswith("mask.zarr/") for file in store.provenance.sources)
    assert store.valid_patches.tolist() == [0, 3, 4, 5]


def test_a_store_that_is_there_already_is_said_to_be(world):
    told: list[str] = []
    prepare(world.config(), lambda stage, done: told.append(stage))
    assert ALREADY not in told
    told.clear()
    prepare(world.config(), lambda stage, done: told.append(stage))
    assert told == [ALREADY]


def test_the_size_of_patches_does_not_matter_to_a_store_without_grids(world):
    for name in ("precip", "soil"):
        world.raw["data"]["modalities"].pop(name)
    world.raw["data"].pop("land_mask")
    store = prepare(world.config())
    assert prepare(world.config("model.patch_size=1")).fingerprint == store.fingerprint
