"""What every method for ungauged stations holds to, and what each does."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.baselines.ungauged import METHODS, inverse_distance, similar_donor

IDS = ["a", "b", "c", "d"]


@pytest.fixture
def stations():
    """Four gauges on a meridian, 0, 1, 3 and 10 tenths of a degree north of the first."""
    return pd.DataFrame(
        {
            "latitude": [50.0, 50.1, 50.3, 51.0],
            "longitude": [0.0, 0.0, 0.0, 0.0],
            "area": [100.0, 50.0, 400.0, 90.0],
            "slope": [5.0, 90.0, np.nan, 5.1],
        },
        index=IDS,
    )


@pytest.fixture
def flow():
    """30 days of mm/d, float32."""
    values = np.random.default_rng(0).gamma(1, 2, (30, 4)).astype(np.float32)
    time = pd.date_range("2000-01-01", periods=30)
    return xr.DataArray(values, {"time": time, "station": IDS}, ("time", "station"), "riverflow", {"units": "mm/d"})


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("garbage", [np.nan, np.inf, -1e30, 7.0])
def test_the_flow_of_a_held_out_station_changes_nothing(stations, flow, name, garbage):
    spoilt = flow.copy(deep=True)
    spoilt.loc[{"station": ["a", "c"]}] = garbage
    absent = flow.sel(station=["b", "d"])
    results = [METHODS[name](one, stations, held_out=["a", "c"]) for one in (flow, spoilt, absent)]
    for other in results[1:]:
        xr.testing.assert_identical(results[0], other)
    assert np.isfinite(results[0]).all()


@pytest.mark.parametrize("name", METHODS)
def test_the_result_is_of_the_held_out_stations_in_the_flows_unit(stations, flow, name):
    estimate = METHODS[name](flow, stations, held_out=["c", "a"])
    assert estimate.dims == ("time", "station") and estimate["station"].values.tolist() == ["c", "a"]
    assert estimate.attrs == flow.attrs and estimate.dtype == flow.dtype and estimate.name == "riverflow"


@pytest.mark.parametrize("name", METHODS)
def test_flow_in_m3_s_gives_what_flow_in_mm_d_does(stations, flow, name):
    area = xr.DataArray(stations["area"].to_numpy(), {"station": IDS}, "station")
    volume = (flow.astype(np.float64) * area / 86.4).assign_attrs(units="m3 s-1")
    estimate = METHODS[name](volume, stations, held_out=["a"])
    expected = METHODS[name](flow, stations, held_out=["a"]) * 100 / 86.4
    np.testing.assert_allclose(estimate, expected, rtol=1e-6)


@pytest.mark.parametrize("name", METHODS)
def test_a_day_without_any_gauge_is_missing_and_no_other(stations, flow, name):
    flow[3] = np.nan
    flow[4, 1:3] = np.nan
    estimate = METHODS[name](flow, stations, held_out=["a"])
    assert np.isnan(estimate[3]).all() and np.isfinite(estimate[[*range(3), *range(4, 30)]]).all()
    np.testing.assert_allclose(estimate[4, 0], flow[4, 3], rtol=1e-6)  # the one gauge that is left


def test_area_scaling_takes_the_nearest_gauge_observed_on_the_day(stations, flow):
    flow[:10, 1] = np.nan
    estimate = METHODS["area scaling"](flow, stations, held_out=["a"])
    np.testing.assert_array_equal(estimate[:10, 0], flow[:10, 2])
    np.testing.assert_array_equal(estimate[10:, 0], flow[10:, 1])


def test_the_similar_donor_is_alike_in_the_attributes_that_both_have(stations, flow):
    by_slope = similar_donor.estimate(flow, stations, held_out=["a"], attributes=["slope"])
    np.testing.assert_array_equal(by_slope[:, 0], flow[:, 3])  # 5.1 is nearest to 5; c has no slope
    by_area = similar_donor.estimate(flow, stations, held_out=["c"], attributes=["area", "slope"])
    np.testing.assert_array_equal(by_area[:, 0], flow[:, 0])  # the largest of those gauged


def test_an_attribute_in_another_unit_changes_no_choice(stations, flow):
    other = stations.assign(area=stations["area"] * 1e6)
    results = [similar_donor.estimate(flow, table, held_out=["b"]) for table in (stations, other)]
    xr.testing.assert_identical(*results)


def test_inverse_distance_weighs_the_nearest_gauges(stations, flow):
    estimate = inverse_distance.estimate(flow, stations, held_out=["a"], donors=2, power=2.0)
    expected = (flow[:, 1] * 9 + flow[:, 2]) / 10  # three times as far, a ninth of the weight
    np.testing.assert_allclose(estimate[:, 0], expected, rtol=1e-5)


def test_what_is_lacking_is_named(stations, flow):
    method = METHODS["area scaling"]
    with pytest.raises(DataError, match="station z is not in the table of stations"):
        method(flow, stations, held_out=["z"])
    with pytest.raises(DataError, match="riverflow has no attribute units"):
        method(flow.assign_attrs({}).drop_attrs(), stations, held_out=["a"])
    with pytest.raises(DataError, match="every station is held out"):
        method(flow, stations, held_out=IDS)
    stations.loc["b", "latitude"] = np.nan
    with pytest.raises(DataError, match="station b has no latitude, which finding the nearest station needs"):
        method(flow, stations, held_out=["a"])
    stations.loc["c", "area"] = np.nan
    with pytest.raises(DataError, match="station c has no area, which scaling flow by area needs"):
        method(flow.assign_attrs(units="m3/s"), stations, held_out=["a"])
    with pytest.raises(DataError, match="station c has no attribute that a gauged one has"):
        similar_donor.estimate(flow, stations, held_out=["c"], attributes=["slope"])
