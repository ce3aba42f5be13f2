from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hydromae.base.errors import ConfigError, DataError
from hydromae.folds.folds import Folds, spatial_folds
from hydromae.folds.river_links import hydrometric_areas, station_distances

REAL = Path("../shared/data/gb/Catchment_attributes_nrfa.csv")


def make_stations(count=120, seed=0):
    """Gauges spread over a region of some 400 km, ids not in order."""
    generator = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "latitude": generator.uniform(51, 55, count),
            "longitude": generator.uniform(-4, 1, count),
            "area": generator.lognormal(3, 1, count),
        },
        index=[str(1000 + n) for n in generator.permutation(count)],
    )


def fold_of(folds, ids):
    """The fold of each station, in the order of the ids."""
    return folds.table.set_index("station")["fold"].loc[list(ids)].to_numpy()


def test_every_station_is_held_out_once_and_learnt_from_otherwise():
    stations = make_stations()
    folds = spatial_folds(stations, 4)
    held = [folds.held_out(fold) for fold in range(folds.count)]
    assert folds.count == 4 and sorted(station for fold in held for station in fold) == sorted(stations.index)
    for fold in range(4):
        assert sorted(held[fold] + folds.training(fold)) == sorted(stations.index)


@pytest.mark.parametrize("apart", [5.0, 15.0])
def test_no_two_stations_of_different_folds_are_closer_than_asked(apart):
    stations = make_stations()
    folds = spatial_folds(stations, 4, apart_km=apart)
    fold = fold_of(folds, stations.index)
    apart_pairs = station_distances(stations)[fold[:, None] != fold]
    assert apart_pairs.min() >= apart
    assert folds.table["nearest_training_km"].min() == pytest.approx(apart_pairs.min(), abs=1e-3)


def test_the_nearest_training_station_is_the_nearest_of_the_other_folds():
    stations = make_stations(40)
    folds = spatial_folds(stations, 4)
    distance = pd.DataFrame(station_distances(stations), stations.index, stations.index)
    for row in folds.table.itertuples():
        away = distance.loc[row.station, folds.training(row.fold)]
        assert row.nearest_training_station == away.idxmin()
        assert row.nearest_training_km == pytest.approx(away.min(), abs=1e-3)


def test_stations_of_one_basin_are_never_parted():
    stations = make_stations()
    basins = [f"river {n % 30}" if n % 3 else "" for n in range(len(stations))]
    fold = fold_of(spatial_folds(stations, 4, basins=basins, apart_km=2.0), stations.index)
    for basin in set(basins) - {""}:
        assert len(set(fold[np.array(basins) == basin])) == 1


def test_a_gauge_within_the_circle_of_a_larger_catchment_stays_with_it():
    stations = make_stations()
    lower, upper = stations.index[:2]
    stations.loc[lower, ["latitude", "longitude", "area"]] = [53.0, -1.0, 4000.0]  # a radius of 36 km
    stations.loc[upper, ["latitude", "longitude", "area"]] = [53.3, -1.0, 50.0]  # 33 km upstream
    for seed in range(5):
        fold = fold_of(spatial_folds(stations, 4, apart_km=1.0, seed=seed), [lower, upper])
        assert fold[0] == fold[1]
    stations["area"] = 10.0
    parted = [fold_of(spatial_folds(stations, 4, apart_km=1.0, seed=seed), [lower, upper]) for seed in range(5)]
    assert any(fold[0] != fold[1] for fold in parted)


def test_known_basins_tell_that_near_a_large_catchment_is_not_nested_in_it():
    stations = make_stations(60)
    stations["area"] = 10.0
    stations.iloc[0, 2] = 2_000_000.0  # a circle over everything
    with pytest.raises(ConfigError, match="60 of 60 are linked"):
        spatial_folds(stations, 4, apart_km=1.0)
    basins = [str(n) for n in range(60)]
    assert spatial_folds(stations, 4, apart_km=1.0, basins=basins).count == 4


def test_the_folds_do_not_depend_on_the_order_of_the_stations_and_do_on_the_seed():
    stations = make_stations()
    basins = pd.Series([f"river {n % 30}" for n in range(len(stations))], stations.index)
    mixed = stations.sample(frac=1, random_state=3)
    first = spatial_folds(stations, 4, basins=basins.tolist(), seed=1)
    second = spatial_folds(mixed, 4, basins=basins.loc[mixed.index].tolist(), seed=1)
    pd.testing.assert_frame_equal(first.table, second.table)
    other = spatial_folds(stations, 4, basins=basins.tolist(), seed=2)
    assert (first.table["fold"] != other.table["fold"]).any()


def test_what_is_written_is_read_with_ids_as_text(tmp_path):
    stations = make_stations(40).rename(index=lambda station: f"0{station}")
    folds = spatial_folds(stations, 4)
    folds.write(tmp_path / "folds.csv")
    pd.testing.assert_frame_equal(Folds.read(tmp_path / "folds.csv").table, folds.table, check_dtype=False)
    (tmp_path / "other.csv").write_text("station,place\n1,2\n")
    with pytest.raises(DataError, match="has no column fold, so it is no table of folds"):
        Folds.read(tmp_path / "other.csv")


def test_folds_that_would_be_far_from_equal_are_refused_with_the_reason():
    stations = make_stations(40)
    with pytest.raises(ConfigError, match="40 of 40 are linked by rivers or lie within 1000 km of one another"):
        spatial_folds(stations, 4, apart_km=1000.0)
    with pytest.raises(ConfigError, match="ask for 2 to 40"):
        spatial_folds(stations, 41)


def test_a_station_without_coordinates_is_named():
    stations = make_stations(10)
    stations.loc[stations.index[3], "longitude"] = np.nan
    with pytest.raises(DataError, match=f"station {stations.index[3]} has no longitude, which making spatial folds"):
        spatial_folds(stations, 2)


@pytest.mark.skipif(not REAL.is_file(), reason=f"real data are not at {REAL}")
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_604_british_stations_fall_into_five_even_folds_10_km_and_a_basin_apart(seed):
    table = pd.read_csv(REAL, dtype={"id": str}).set_index("id").rename(columns={"catchment-area": "area"})
    basins = hydrometric_areas(list(table.index))
    folds = spatial_folds(table, 5, apart_km=10.0, basins=basins, seed=seed)
    fold = fold_of(folds, table.index)
    sizes = np.bincount(fold)
    assert sizes.sum() == 604 and np.ptp(sizes) <= 0.2 * 604 / 5
    parted = fold[:, None] != fold
    assert station_distances(table)[parted].min() >= 10
    grid = table[["easting", "northing"]].to_numpy() / 1000  # km on the national grid: not what the folds were made of
    kilometres = np.linalg.norm(grid[:, None] - grid, axis=-1)
    assert kilometres[parted].min() >= 8.5  # degrees are given to the second decimal: up to 1.3 km off for two gauges
    names = np.array(basins)
    assert all(len(set(fold[names == basin])) == 1 for basin in set(basins))
