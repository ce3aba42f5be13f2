import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydromae.drawing.maps import DAYS, choose_day, compose, sample_grid


@given(st.integers(0, 2**32 - 1))
def test_composed_fields_hold_truth_where_visible_and_the_estimate_where_hidden(seed):
    rng = np.random.default_rng(seed)
    observed = rng.normal(size=(7, 5)).astype(np.float32)
    estimate = rng.normal(size=(7, 5)).astype(np.float32)
    state = rng.integers(0, 4, (7, 5)).astype(np.int8)
    observed[state == 3] = np.nan
    fields = compose(observed, estimate, state)
    assert np.array_equal(np.isfinite(fields.seen), state == 0), "the masked map hides exactly the cells not visible"
    assert np.array_equal(fields.seen[state == 0], observed[state == 0])
    assert np.array_equal(fields.filled[state == 0], observed[state == 0])
    assert np.array_equal(fields.filled[state == 1], estimate[state == 1])
    assert np.isnan(fields.filled[state >= 2]).all(), "sea and ignored cells stay empty"
    assert np.array_equal(fields.error[state == 1], estimate[state == 1] - observed[state == 1])
    assert np.isnan(fields.error[state != 1]).all()


def test_an_estimate_outside_hidden_cells_is_never_shown():
    state = np.array([0, 2, 3], dtype=np.int8)
    fields = compose(np.array([1.0, 2.0, np.nan]), np.array([9.0, 9.0, 9.0]), state)
    assert np.array_equal(fields.filled, [1.0, np.nan, np.nan], equal_nan=True)


def test_rain_is_drawn_on_the_wettest_day_among_those_with_a_usual_hidden_share(reconstruction):
    reconstruction["precip"][17] = reconstruction["precip"][17] * 50
    reconstruction["precip_state"][:] = np.where(np.isnan(reconstruction["precip"]), 3, np.arange(20) % 2)
    assert choose_day(sample_grid(reconstruction, "precip", "lwe_precipitation_rate")) == 17
    reconstruction["precip_state"][17, 1:] = np.minimum(reconstruction["precip_state"][17, 1:] * 3, 3)
    reconstruction["precip_state"][17, 1:, 12:] = 1
    assert choose_day(sample_grid(reconstruction, "precip", "lwe_precipitation_rate")) != 17


def test_other_fields_are_drawn_on_the_day_that_varies_most_in_space(reconstruction):
    reconstruction["snow_depth_state"][:] = np.where(np.isnan(reconstruction["snow_depth"]), 3, np.arange(20) % 2)
    reconstruction["snow_depth"][8] = reconstruction["snow_depth"][8] + 100
    reconstruction["snow_depth"][23] = reconstruction["snow_depth"][23] * 10
    assert choose_day(sample_grid(reconstruction, "snow_depth", "snow")) == 23


def test_no_day_is_chosen_where_nothing_is_hidden(reconstruction):
    reconstruction["precip_state"][:] = 0
    assert choose_day(sample_grid(reconstruction, "precip", "precipitation")) is None


def test_long_periods_are_read_in_part(reconstruction):
    long = reconstruction[["precip", "precip_reconstructed", "precip_state"]].isel(time=np.arange(40).repeat(5))
    sample = sample_grid(long, "precip", "precipitation")
    assert 0 < len(sample.time) <= DAYS
    assert len(sample.observed) == len(sample.state) == len(sample.time)


@pytest.mark.parametrize("rising", [True, False])
def test_north_is_up_whichever_way_the_rows_run(reconstruction, rising):
    turned = reconstruction.sortby("y", ascending=rising)
    assert sample_grid(turned, "precip", "").north_up is not rising


def test_colours_follow_the_names_not_the_modality(reconstruction):
    assert sample_grid(reconstruction, "snow_depth", "lwe_precipitation_rate").colour_map == "YlGnBu"
    assert sample_grid(reconstruction, "precip", "unheard of").colour_map == "viridis"
