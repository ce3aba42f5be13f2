import json
from dataclasses import replace

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

from hydromae.base.errors import ConfigError, DataError
from hydromae.sample import SIZES, write_sample
from hydromae.sample import write as writing
from hydromae.sample.defects import missing_flow
from hydromae.sample.sizes import known_size


@pytest.fixture(scope="module")
def flow(sample) -> pd.DataFrame:
    return pd.read_parquet(sample.series).pivot(index="date", columns="ID", values="discharge_vol")


def contents(sample):
    return {path.relative_to(sample.directory).as_posix(): path.read_bytes() for path in sample.files}


@pytest.mark.slow
def test_the_same_seed_writes_the_same_bytes_and_another_seed_other_values(sample, tmp_path):
    again, other = (write_sample(tmp_path / str(seed), "tiny", seed) for seed in (0, 1))
    assert contents(again) == contents(sample)
    same = {name for name, content in contents(other).items() if content == contents(sample)[name]}
    assert same == {"gb_temp_valid_mask_60x40.pt"}  # the outline of the land is not random


def test_file_names_are_those_of_the_first_user(sample):
    names = {path.relative_to(sample.directory).as_posix() for path in sample.directory.rglob("*") if path.is_file()}
    grids = ("precipitation", "soil_moisture", "temperature")
    assert names == {
        *(f"{grid}_{period}.h5" for grid in grids for period in ("train_2001_2003", "val_2004_2004")),
        "riverflow_evaporation_12catchments.parquet",
        "Catchment_attributes/Catchment_attributes_nrfa.csv",
        "gb_temp_valid_mask_60x40.pt",
        "sample.json",
    }
    assert {path.relative_to(sample.directory).as_posix() for path in sample.files} == names - {"sample.json"}


@pytest.mark.parametrize("modality", ["precip", "soil", "temp"])
def test_grids_have_one_map_a_day_and_are_missing_at_sea_and_fixed_coastal_cells_only(sample, world, modality):
    mask = torch.load(sample.land_mask, weights_only=True)
    assert mask.dtype == torch.float32
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    expected = (mask.numpy() == 0) | world.landscape.missing
    assert expected.sum() > (mask.numpy() == 0).sum()
    for path, (first, last) in zip(sample.grids[modality], (sample.train, sample.val), strict=True):
        with h5py.File(path) as file:
            data, dates = file["data"][:], file["dates"][:]
        days = pd.date_range(first, last)
        assert dates.dtype == np.dtype("S10")
        assert [date.decode() for date in dates] == list(days.strftime("%Y-%m-%d"))
        assert data.dtype == np.float32
        assert data.shape == (len(days), *sample.shape)
        assert ((data == -99999) == expected).all()
        assert np.isfinite(data).all()
        assert data[:, ~expected].min() > -60


def test_what_is_written_is_the_world(sample, world):
    with h5py.File(sample.grids["precip"][1]) as file:
        written = file["data"][:]
    observed = world.landscape.land & ~world.landscape.missing
    inside = observed[world.landscape.land]
    np.testing.assert_array_equal(written[:, observed], world.grids["precip"][-len(written) :, inside])


def test_series_are_a_long_table_with_every_station_on_every_day(sample):
    table = pd.read_parquet(sample.series)
    assert list(table.columns) == ["date", "ID", "evaporation", "discharge_vol"]
    assert table["ID"].dtype == np.int32
    assert table["evaporation"].dtype == table["discharge_vol"].dtype == np.float32
    days = pd.date_range(sample.train[0], sample.val[1])
    assert len(table) == len(days) * sample.n_stations
    assert not table.duplicated(["date", "ID"]).any()
    assert set(table["date"]) == set(days)
    assert table["evaporation"].notna().all()


def test_flow_is_never_negative_and_low_flows_are_not_all_zero(flow):
    assert flow.min().min() > 0
    assert (flow.quantile(0.05) < 0.7 * flow.median()).all()
    assert (flow.nunique() > 200).all()


def test_flow_starts_half_a_year_late_and_at_a_tenth_of_the_stations_whole_years_later(flow):
    start = pd.Timestamp(SIZES["tiny"].first_flow)
    assert flow[flow.index < start].isna().all(axis=None)
    days_late = (flow.apply(pd.Series.first_valid_index) - start).dt.days
    assert (days_late < 30).sum() == 11
    assert (days_late >= 365).sum() == 1


def test_random_gaps_are_two_to_three_percent_in_single_days_and_spans_up_to_three_weeks():
    spec = SIZES["full"]
    dates = np.arange(np.datetime64("2001-01-01"), np.datetime64("2011-01-01"))
    missing = missing_flow(dates, 200, spec.first_flow, spec.val[0], np.random.default_rng(0))
    gaps = missing[dates >= np.datetime64(spec.val[0])]
    assert 0.018 < gaps.mean() < 0.032
    ends = np.diff(np.pad(gaps.T.astype(int), ((0, 0), (1, 1))), axis=1)
    lengths = np.argwhere(ends == -1)[:, 1] - np.argwhere(ends == 1)[:, 1]
    assert (lengths == 1).sum() > 100
    assert (lengths > 14).sum() > 50
    assert (lengths <= 21).mean() > 0.98  # two gaps may touch


@pytest.mark.parametrize("size", ["tiny", "small", "full"])
def test_a_tenth_of_the_stations_starts_a_year_or_more_after_the_others_but_not_after_validation_starts(size):
    spec = SIZES[size]
    dates = np.arange(np.datetime64(spec.train[0]), np.datetime64(spec.val[1]) + np.timedelta64(1, "D"))
    starts = np.argmin(missing_flow(dates, spec.n_stations, spec.first_flow, spec.val[0], np.random.default_rng(4)), 0)
    first = (spec.first_flow - spec.train[0]).days
    assert starts.min() >= first
    assert ((starts - first) >= 365).sum() == round(0.1 * spec.n_stations)
    assert starts.max() < (spec.val[0] - spec.train[0]).days + 45


def test_attributes_are_ordered_complete_but_for_two_stations_and_possible(sample):
    table = pd.read_csv(sample.attributes)
    assert table["id"].is_unique
    assert table["id"].is_monotonic_increasing
    assert set(table["id"]) == set(pd.read_parquet(sample.series)["ID"])
    blank = table["propwet"].isna()
    assert blank.sum() == 2
    assert (table["bfihost"].isna() == blank).all()
    assert table.drop(columns=["propwet", "bfihost"]).notna().all(axis=None)
    altitudes = ["minimum", "10-percentile", "50-percentile", "90-percentile", "maximum"]
    assert (np.diff(table[[f"{name}-altitude" for name in altitudes]].to_numpy(), axis=1) >= 0).all()
    for name, low, high in (
        ("latitude", 49.9, 58.9),
        ("longitude", -6.5, 2.0),
        ("maximum-altitude", 0, 1500),
        ("catchment-area", 20, 2000),
        ("dpsbar", 10, 600),
        ("propwet", 0.1, 0.95),
        ("bfihost", 0.15, 0.98),
    ):
        assert table[name].dropna().between(low, high).all(), name


def test_attribute_columns_are_those_of_the_first_user(sample, user_attributes):
    ours, theirs = pd.read_csv(sample.attributes), pd.read_csv(user_attributes)
    assert list(ours.columns) == list(theirs.columns)
    assert (ours.dtypes == theirs.dtypes).all()


def test_writing_again_returns_the_sample_without_touching_it(sample):
    before = {path: path.stat().st_mtime_ns for path in sample.files}
    assert write_sample(sample.directory, "tiny", 0) == sample
    assert {path: path.stat().st_mtime_ns for path in sample.files} == before


def test_an_empty_directory_is_taken(tmp_path, world, monkeypatch):
    monkeypatch.setattr(writing, "make_world", lambda *arguments: world)
    (tmp_path / "empty").mkdir()
    written = write_sample(tmp_path / "empty", "tiny", 0)
    assert all(path.is_file() for path in written.files)


@pytest.mark.parametrize(("size", "seed"), [("tiny", 1), ("small", 0)])
def test_another_sample_is_not_overwritten(sample, size, seed):
    with pytest.raises(DataError, match="holds the sample of size tiny, seed 0"):
        write_sample(sample.directory, size, seed)


def test_a_directory_with_other_files_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(DataError, match="holds other files"):
        write_sample(tmp_path, "tiny")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(DataError, match="is a file"):
        write_sample(tmp_path / "thesis.tex", "tiny")


@pytest.mark.parametrize("text", ["{}", "not json", "[1]", '{"size": "tiny", "seed": 0, "version": 1, "files": 3}'])
def test_an_unreadable_description_is_refused(tmp_path, text):
    (tmp_path / "sample.json").write_text(text)
    with pytest.raises(DataError, match=r"sample\.json is not a sample's description"):
        write_sample(tmp_path, "tiny")


def test_a_shortened_file_is_named(tmp_path, world, monkeypatch):
    monkeypatch.setattr(writing, "make_world", lambda *arguments: world)
    written = write_sample(tmp_path / "sample", "tiny")
    written.series.write_bytes(written.series.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"12catchments\.parquet of the synthetic sample is missing or damaged"):
        write_sample(tmp_path / "sample", "tiny")


def test_an_interrupted_write_leaves_nothing_behind(tmp_path, world, monkeypatch):
    broken = replace(world, attributes=world.attributes.drop(columns="id"))
    monkeypatch.setattr(writing, "make_world", lambda *arguments: broken)
    with pytest.raises(KeyError):
        write_sample(tmp_path / "sample", "tiny")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_size_or_a_negative_seed_is_refused_before_any_work(tmp_path):
    with pytest.raises(ConfigError, match="tiny, small, full"):
        known_size("huge")
    with pytest.raises(ConfigError, match="seed -1 is negative"):
        write_sample(tmp_path / "sample", "tiny", -1)
    assert list(tmp_path.iterdir()) == []


def test_progress_rises_to_one(tmp_path, monkeypatch):
    monkeypatch.setitem(SIZES, "tiny", replace(SIZES["tiny"], shape=(30, 20)))
    steps = []
    write_sample(tmp_path / "sample", "tiny", 2, lambda stage, fraction: steps.append((stage, fraction)))
    fractions = [fraction for _, fraction in steps]
    assert fractions == sorted(fractions)
    assert fractions[0] > 0
    assert fractions[-1] == 1
    assert all(stage for stage, _ in steps)
    description = json.loads((tmp_path / "sample/sample.json").read_text())
    assert (description["size"], description["seed"]) == ("tiny", 2)
