import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from hydromae.base.errors import DataError
from hydromae.metrics import (
    at_valid_times,
    duration_curve,
    errors,
    kge,
    nse,
    pair,
    peaks,
    point_forecast,
    probabilistic,
)
from hydromae.metrics.catalogue import METRICS, markdown
from support.flows import forecast, holes, labelled, noisy, series

POINT = (kge, errors, duration_curve, peaks)


def every_metric(predicted, observed, min_pairs=10):
    parts = [metric(predicted, observed, min_pairs) for metric in POINT]
    return xr.merge([nse(predicted, observed, min_pairs).to_dataset(), *parts], combine_attrs="override")


def test_a_forecast_is_put_beside_its_valid_days():
    flow = labelled(np.arange(40.0))
    made = forecast(flow, every=5, horizon=4)
    beside = at_valid_times(flow, made)
    first = (made["issue_time"].values - flow["time"].values[0]) // np.timedelta64(1, "D")
    assert np.array_equal(beside.values[..., 0], first[:, None] + np.arange(1, 5))


def test_a_day_outside_the_record_is_missing_and_an_hour_of_the_day_changes_nothing():
    flow = labelled(np.arange(40.0))
    made = forecast(flow, every=5, horizon=4)
    short = flow.isel(time=slice(3, 30))
    noon = short.assign_coords(time=short["time"] + np.timedelta64(12, "h"))
    whole, beside = at_valid_times(flow, made), at_valid_times(noon, made)
    assert np.array_equal(beside, whole.where((whole >= 3) & (whole < 30)), equal_nan=True)
    assert beside.isnull().any() and beside.notnull().any()


def test_lead_times_that_a_reader_decoded_are_the_same_days():
    flow = series(60)
    made = forecast(flow)
    decoded = made.assign_coords(lead_time=made["lead_time"].values.astype("timedelta64[D]").astype("timedelta64[ns]"))
    assert np.array_equal(at_valid_times(flow, decoded), at_valid_times(flow, made))


@given(st.integers(0, 2**16), st.sampled_from([0.05, 0.3]))
@settings(max_examples=8, deadline=None)
def test_missing_values_leave_every_metric_that_of_the_pairs_that_are_whole(seed, share):
    flow = series(150, 1, seed)
    made = holes(noisy(flow, seed + 1), share, seed + 2)
    seen = holes(flow, share, seed + 3)
    whole = np.flatnonzero((made.notnull() & seen.notnull()).values[:, 0])
    gappy = every_metric(made, seen)
    compact = every_metric(made.isel(time=whole), seen.isel(time=whole))
    for name in gappy:
        assert np.allclose(gappy[name], compact[name], rtol=1e-9, atol=1e-12, equal_nan=True), name


@given(st.permutations(range(4)))
@settings(max_examples=5, deadline=None)
def test_the_order_of_stations_does_not_matter(order):
    flow = holes(series(300, 4), 0.02)
    made = noisy(series(300, 4))
    swapped = every_metric(made.isel(station=list(order)), flow)
    straight = every_metric(made, flow)
    for name in straight:
        assert np.array_equal(swapped[name].sel(station=straight["station"]), straight[name], equal_nan=True), name
    assert straight["peak_timing"].notnull().any()


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_a_perfect_prediction_has_the_best_value_of_every_metric(share):
    flow = holes(series(500, 3), share)
    result = every_metric(flow, flow)
    for name in result:
        best = float(METRICS[name].best)
        assert np.allclose(result[name].dropna("station"), best, atol=1e-9), name
        assert result[name].notnull().any() or name == "peak_timing"
    assert result["nse"].notnull().all()


@given(st.floats(0.01, 1000))
@settings(max_examples=6, deadline=None)
def test_efficiencies_and_percentages_do_not_depend_on_the_unit_and_errors_are_in_it(factor):
    flow = series(300, 2)
    made = noisy(flow)
    one, other = every_metric(made, flow), every_metric(made * factor, flow * factor)
    for name in ("nse", "kge", "kge_2012", "kge_r", "percent_bias", "fhv", "flv", "fms", "peak_timing", "missed_peaks"):
        assert np.allclose(one[name], other[name], rtol=1e-3, equal_nan=True), name
    for name in ("rmse", "mae", "bias"):
        assert np.allclose(one[name] * factor, other[name]), name


def test_stations_with_too_few_pairs_are_nan_and_the_others_are_not():
    flow = series(200, 3)
    flow[99:, 0] = np.nan
    flow[100:, 1] = np.nan
    result = every_metric(noisy(series(200, 3)), flow, min_pairs=100)
    for name in result:
        assert np.isnan(result[name][0]), name
    assert result["nse"].notnull().values.tolist() == [False, True, True]


def test_a_station_without_any_observation_is_nan_and_no_warning_is_given():
    flow = series(200, 2)
    flow[:, 0] = np.nan
    result = every_metric(noisy(series(200, 2)), flow)
    assert all(np.isnan(result[name][0]) for name in result)


def test_flow_that_never_changes_is_scored_only_where_that_has_a_meaning():
    flow = labelled(np.full((120, 1), 2.0))
    result = every_metric(noisy(flow), flow)
    assert np.isnan(result["nse"]) and np.isnan(result["kge"])
    assert np.isfinite(result["rmse"]) and np.isfinite(result["percent_bias"])


def test_a_constant_prediction_has_no_correlation():
    flow = series(120, 1)
    result = every_metric(flow * 0 + 3.0, flow)
    assert result["kge_r"].item() == 0 and result["kge_alpha"].item() == 0
    assert result["kge"].item() == pytest.approx(1 - np.sqrt(2 + (result["kge_beta"].item() - 1) ** 2))


def test_the_middle_quantile_is_the_point_forecast():
    flow = series(300)
    made = forecast(flow, quantiles=True)
    assert nse(made, flow).equals(nse(made.sel(quantile=0.5, drop=True), flow))
    with pytest.raises(DataError, match=r"no quantile is 0\.5"):
        point_forecast(made.sel(quantile=[0.1, 0.9]))


def test_units_that_differ_are_refused_and_spellings_of_one_are_not():
    flow = series(120)
    with pytest.raises(DataError, match=r"predicted in m3/s but observed in mm/d"):
        nse(flow.assign_attrs(units="m3/s"), flow)
    assert nse(flow.assign_attrs(units="mm d-1"), flow).notnull().all()


def test_nothing_shared_and_repeated_days_are_refused():
    flow = series(120)
    with pytest.raises(DataError, match="no station is both"):
        pair(flow.assign_coords(station=["7", "8", "9"]), flow)
    with pytest.raises(DataError, match="no time is both"):
        pair(flow.assign_coords(time=flow["time"] + np.timedelta64(5000, "D")), flow)
    with pytest.raises(DataError, match="time has duplicates"):
        pair(xr.concat([flow, flow[:1]], "time"), flow)
    with pytest.raises(DataError, match="day 2000-10-01 occurs more than once"):
        nse(forecast(flow), xr.concat([flow, flow[:1]], "time"))
    with pytest.raises(DataError, match="has dimensions"):
        pair(flow.rename(time="day"), flow)


def test_results_say_what_they_are():
    flow = series(120)
    result = every_metric(noisy(flow), flow)
    assert result["rmse"].attrs == {"long_name": "root mean squared error", "units": "mm/d"}
    assert result["nse"].attrs["references"].startswith("Nash and Sutcliffe (1970)")
    spread = probabilistic(forecast(flow, quantiles=True), flow)
    assert {*result, *spread} <= set(METRICS)
    assert all(part[name].attrs["units"] for part in (result, spread) for name in part)


def test_the_page_of_metrics_has_the_table_of_the_code(pytestconfig):
    page = (pytestconfig.rootpath / "docs/metrics.md").read_text(encoding="utf-8")
    assert markdown() in page
