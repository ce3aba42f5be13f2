import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from hydromae.base.errors import DataError
from hydromae.metrics import probabilistic
from support.flows import LEVELS, forecast, holes, series

FLOW = series(500, 3)
MADE = forecast(FLOW, quantiles=True)


def normal(levels, samples=4000, sd=1.0, seed=0):
    """Observations from a normal distribution, and quantiles of one that is `sd` times as wide."""
    rng = np.random.default_rng(seed)
    days = np.datetime64("2001-01-01") + np.arange(samples)
    seen = xr.DataArray(rng.normal(size=(samples, 1)), {"time": days, "station": ["a"]}, ("time", "station"))
    quantiles = np.broadcast_to(sd * norm.ppf(levels), (samples, 1, len(levels)))
    made = xr.DataArray(quantiles, {**seen.coords, "quantile": levels}, ("time", "station", "quantile"))
    return made, seen


def test_the_right_distribution_is_reliable_and_its_crps_that_of_the_normal():
    made, seen = normal(np.linspace(0.01, 0.99, 99))
    result = probabilistic(made, seen)
    assert result["crps"].item() == pytest.approx(0.5642, abs=0.015)  # 1 / sqrt(pi)
    assert np.allclose(result["coverage"][:, 0], result["interval"], atol=0.03)
    coarse, seen = normal(np.linspace(0.1, 0.9, 9), samples=20000)
    assert np.allclose(probabilistic(coarse, seen)["pit_density"], 1, atol=0.1)


def test_a_distribution_that_is_too_narrow_covers_too_little_and_its_pit_is_high_at_the_ends():
    made, seen = normal(np.linspace(0.1, 0.9, 9), sd=0.5)
    result = probabilistic(made, seen)
    assert (result["coverage"][:, 0] < result["interval"] - 0.05).all()
    assert result["pit_density"].isel(pit_bin=[0, -1]).min() > 1.5 > result["pit_density"].isel(pit_bin=5)


def test_the_histogram_holds_every_observation_once():
    density = probabilistic(MADE, holes(FLOW, 0.1))["pit_density"]
    total = (density * (density["pit_upper"] - density["pit_lower"])).sum("pit_bin")
    assert np.allclose(total, 1)


def test_an_observation_on_a_quantile_is_inside_the_interval_and_below_it_in_the_histogram():
    made, seen = normal(np.array([0.25, 0.5, 0.75]), samples=100)
    result = probabilistic(made, seen * 0 + norm.ppf(0.25))
    assert result["coverage"].item() == 1
    assert result["pit_density"][:, 0].values.tolist() == [4, 0, 0, 0]


def test_an_observation_on_the_upper_end_is_inside_the_interval_too():
    made, seen = normal(np.array([0.25, 0.5, 0.75]), samples=100)
    assert probabilistic(made, seen * 0 + norm.ppf(0.75))["coverage"].item() == 1


def test_pinball_of_one_quantile_is_its_formula():
    made, seen = normal(np.array([0.3]), samples=200)
    error = (seen - made.isel(quantile=0)).values
    expected = np.maximum(0.3 * error, -0.7 * error).mean()
    result = probabilistic(made, seen)
    assert result["pinball"].item() == pytest.approx(expected)
    assert result["crps"].item() == pytest.approx(expected)  # 2 * (a triangle of base 1 and this height)
    assert result["coverage"].sizes["interval"] == 0


def test_crossings_are_counted_once_a_pair():
    crossed = MADE.copy()
    crossed[3, 0, 1, 2] = crossed[3, 0, 1, 0] / 2
    crossed[7, 0, 1, 1:3] = 0.0
    result = probabilistic(crossed, FLOW)["quantile_crossings"]
    assert result.sum() == 2 and result[0, 1] == 2


def test_a_pair_counts_only_where_all_quantiles_are_there():
    broken = MADE.copy()
    broken[:50, :, :, 4] = np.nan
    assert probabilistic(broken, FLOW).equals(probabilistic(MADE.isel(issue_time=slice(50, None)), FLOW))


@given(st.integers(0, 1000), st.floats(1.05, 3.0))
@settings(max_examples=15, deadline=None)
def test_a_perfect_forecast_has_no_loss_and_any_other_has_some(seed, factor):
    flow = series(150, 1, seed)
    truth = forecast(flow, sd=0.0)
    perfect = xr.concat([truth] * 5, "quantile").assign_coords(quantile=LEVELS).transpose(..., "quantile")
    best, worse = probabilistic(perfect, flow), probabilistic(perfect * factor, flow)
    for name in ("pinball", "crps"):
        assert (best[name] == 0).all() and (worse[name] > 0).all()


def test_stations_with_too_few_pairs_are_nan_in_every_part():
    seen = FLOW.copy()
    seen[50:, 0] = np.nan
    result = probabilistic(MADE, seen)
    assert all(result[name].sel(station="100").isnull().all() for name in result)
    assert all(result[name].sel(station="101").notnull().all() for name in result)


@pytest.mark.parametrize("levels", [[0.0, 0.5], [0.5, 0.5], [0.9, 0.5]])
def test_levels_that_are_no_quantiles_are_refused(levels):
    with pytest.raises(DataError, match="must rise within"):
        probabilistic(MADE.isel(quantile=[0, 1]).assign_coords(quantile=levels), FLOW)


def test_a_forecast_without_quantiles_is_refused():
    with pytest.raises(DataError, match="no quantiles"):
        probabilistic(forecast(FLOW), FLOW)
