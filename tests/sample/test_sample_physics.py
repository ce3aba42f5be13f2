import numpy as np
import pandas as pd

from hydromae.sample import SIZES
from hydromae.sample.fields import MovingField
from hydromae.sample.landscape import make_landscape
from hydromae.sample.soil import soil_moisture
from hydromae.sample.weather import draw_wind, mean_annual_rain
from hydromae.sample.world import SPIN_UP_DAYS, WEATHER_STREAM, significant


def test_a_field_without_decay_is_the_same_field_displaced_by_the_wind():
    line = np.arange(0.0, 800.0, 20.0)
    field = MovingField(np.random.default_rng(1), 120.0, 1.0, line, np.full_like(line, 300.0))
    first, second = field.advance(np.array([[0.0, 0.0], [200.0, 0.0]]))
    np.testing.assert_allclose(second[10:], first[:-10], atol=0.12)
    assert np.abs(second - first).max() > 0.5


def test_fields_have_unit_variance_and_the_correlation_asked_for():
    east = np.array([400.0, 520.0])
    field = MovingField(np.random.default_rng(2), 120.0, 0.0, east, np.array([333.0, 333.0]))
    days = field.advance(np.zeros((4000, 2)))
    np.testing.assert_allclose(days.std(axis=0), 1, atol=0.05)
    assert abs(np.corrcoef(days.T)[0, 1] - np.exp(-0.5)) < 0.05


def test_tomorrows_rain_is_todays_rain_displaced_by_the_wind(world):
    land, (height, width) = world.landscape.land, world.landscape.cell_km
    n_days = 500
    maps = np.full((n_days, *land.shape), np.nan)
    maps[:, land] = world.grids["precip"][:n_days]
    wind = draw_wind(len(world.dates) + SPIN_UP_DAYS, np.random.default_rng([0, WEATHER_STREAM]))[SPIN_UP_DAYS:]
    displaced, in_place = [], []
    for day in range(1, n_days):
        east, south = round(wind[day, 0] / width), -round(wind[day, 1] / height)
        for shift, found in (((south, east), displaced), ((0, 0), in_place)):
            upwind = np.roll(maps[day - 1], shift, axis=(0, 1))
            both = np.isfinite(upwind) & np.isfinite(maps[day])
            pair = upwind[both], maps[day][both]
            if both.sum() > 50 and min(values.std() for values in pair) > 0:
                found.append(np.corrcoef(pair)[0, 1])
    assert np.mean(displaced) > np.mean(in_place) + 0.15


def test_it_rains_more_in_the_west_and_on_hills(world):
    ground, annual = world.landscape, world.grids["precip"].mean(axis=0) * 365.25
    low = ground.elevation < 150
    assert annual[low & (ground.westness > 0.8)].mean() > 1.3 * annual[low & (ground.westness < 0.2)].mean()
    west = ground.westness > 0.7
    assert annual[west & (ground.elevation > 400)].mean() > 1.4 * annual[west & low].mean()
    assert 450 < np.percentile(annual, 5) < 750
    assert 1600 < np.percentile(annual, 99) < 3200


def test_rain_over_the_years_comes_near_its_expected_amount(world):
    ratio = world.grids["precip"].mean(axis=0).sum() * 365.25 / mean_annual_rain(world.landscape).sum()
    assert abs(ratio - 1) < 0.15


def test_about_half_the_days_are_dry_at_a_cell_and_wet_days_are_skewed(world):
    rain = world.grids["precip"]
    dry = (rain < 0.1).mean(axis=0)
    assert dry.min() > 0.3
    assert dry.max() < 0.7
    wet = rain[rain >= 0.1]
    assert wet.mean() > 1.4 * np.median(wet)


def test_temperature_has_seasons_falls_with_height_and_persists(world):
    temperature, ground = world.grids["temp"], world.landscape
    month = pd.DatetimeIndex(world.dates).month
    assert temperature[month == 7].mean() - temperature[month == 1].mean() > 7
    south = ground.northing < 500
    predictors = np.stack([ground.elevation, ground.northing, np.ones_like(ground.northing)], axis=1)[south]
    slope = np.linalg.lstsq(predictors, temperature.mean(axis=0)[south], rcond=None)[0][0]
    assert -0.009 < slope < -0.004
    weather = temperature[:, 0] - temperature[:, 0].mean()
    assert np.corrcoef(weather[1:], weather[:-1])[0, 1] > 0.7


def test_soil_stays_between_empty_and_full_and_is_wetter_in_winter_and_in_the_west(world):
    soil, west = world.grids["soil"], world.landscape.westness
    month = pd.DatetimeIndex(world.dates).month
    assert 0 <= soil.min() < 0.3
    assert 0.7 < soil.max() <= 1
    assert soil[month == 1].mean() > soil[month == 7].mean() + 0.1
    assert soil[:, west > 0.8].mean() > soil[:, west < 0.2].mean() + 0.05


def test_soil_forgets_its_start_within_the_spin_up():
    capacity = np.full(1, 150.0)
    rain, evaporation = np.full((SPIN_UP_DAYS, 1), 2.0, np.float32), np.full((SPIN_UP_DAYS, 1), 1.0, np.float32)
    wetted = rain.copy()
    wetted[0] = 80.0
    ends = [soil_moisture(r, evaporation, capacity)[-1, 0] for r in (rain, wetted)]
    assert abs(ends[0] - ends[1]) < 0.001


def test_land_has_about_the_area_of_great_britain_at_every_size():
    for spec in SIZES.values():
        ground = make_landscape(spec.shape, np.random.default_rng(0))
        square_km = ground.land.sum() * ground.cell_km[0] * ground.cell_km[1]
        assert 215_000 < square_km < 250_000
        assert all(cells % 10 == 0 for cells in spec.shape)


def test_north_is_at_the_top_and_columns_run_to_the_east():
    ground = make_landscape(SIZES["tiny"].shape, np.random.default_rng(0))
    row, column = np.nonzero(ground.land)
    assert np.corrcoef(row, ground.northing)[0, 1] < -0.999
    assert np.corrcoef(column, ground.easting)[0, 1] > 0.999


def test_missing_cells_are_a_twenty_fifth_of_the_land_and_all_on_the_coast(world):
    land, missing = world.landscape.land, world.landscape.missing
    assert missing.sum() == round(0.04 * land.sum())
    sea_beside = np.zeros_like(land)
    for axis in (0, 1):
        for step in (-1, 1):
            sea_beside |= np.roll(~land, step, axis)
    assert (land & sea_beside)[missing].all()


def test_flow_of_damped_catchments_varies_less(world):
    specific = world.flow / world.attributes["catchment-area"].to_numpy()
    variability = np.nanstd(specific, axis=0) / np.nanmean(specific, axis=0)
    known = world.attributes["bfihost"].notna().to_numpy()
    assert np.corrcoef(variability[known], world.attributes["bfihost"][known])[0, 1] < -0.4


def test_no_more_water_leaves_a_catchment_than_fell_on_it(world):
    annual = np.nanmean(world.flow * 86.4, axis=0) / world.attributes["catchment-area"].to_numpy() * 365.25
    assert annual.min() > 30
    assert (annual < world.grids["precip"].mean(axis=0).max() * 365.25).all()
    assert 450 < world.evaporation.mean() * 365.25 < 620


def test_rounding_keeps_significant_digits_of_low_flows():
    np.testing.assert_allclose(significant(np.array([0.0, 0.00123456, 123.456]), 4), [0, 0.001235, 123.5])
