import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.evaluation.hidden_spans import SPANS, hide_spans

PERIOD = slice("2000-03-01", "2002-02-28")
COUNTS = {1: 10, 5: 4, 30: 2}


def make_observed(stations=3, missing=0.01):
    """Daily values of 2000 to 2002 with some missing."""
    time = pd.date_range("2000-01-01", "2002-12-31")
    generator = np.random.default_rng(0)
    values = generator.gamma(1, 2, (len(time), stations)).astype(np.float32)
    values[generator.random(values.shape) < missing] = np.nan
    ids = [str(n) for n in range(1, stations + 1)]
    return xr.DataArray(values, {"time": time, "station": ids}, ("time", "station"), "flow", {"units": "mm/d"})


def runs(hidden):
    """Lengths of the runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], hidden.astype(int), [0]])))
    return np.diff(edges)[::2].tolist()


def test_each_station_has_the_exact_number_of_gaps_of_each_length():
    spans = hide_spans(make_observed(), period=PERIOD, spans=COUNTS)
    for station in spans.mask["station"].values:
        lengths = runs(spans.mask.sel(station=station).values)
        assert sorted(lengths) == [1] * 10 + [5] * 4 + [30] * 2  # so none overlaps or touches another


def test_only_observed_days_of_the_period_are_hidden_and_their_neighbours_stay_visible():
    observed = make_observed(missing=0.03)
    spans = hide_spans(observed, period=PERIOD, spans={1: 20, 5: 8})
    mask, known = spans.mask.values, np.isfinite(observed.values)
    assert known[mask].all()
    outside = ~np.isin(observed["time"].values, observed.sel(time=PERIOD)["time"].values)
    assert not mask[outside].any()
    beside = (np.roll(mask, 1, axis=0) | np.roll(mask, -1, axis=0)) & ~mask
    assert known[beside].all()


def test_hiding_takes_what_is_hidden_and_leaves_the_rest_bit_for_bit():
    observed = make_observed()
    spans = hide_spans(observed, period=PERIOD, spans=COUNTS)
    visible = spans.hide(observed)
    assert np.isnan(visible.values[spans.mask.values]).all()
    kept = ~spans.mask.values
    assert (visible.values[kept].view(np.uint32) == observed.values[kept].view(np.uint32)).all()
    more = make_observed(stations=4)
    assert spans.hide(more).shape == more.shape


def test_the_table_says_what_the_mask_does(tmp_path):
    spans = hide_spans(make_observed(), period=PERIOD, spans=COUNTS)
    spans.write(tmp_path / "spans.csv")
    table = pd.read_csv(tmp_path / "spans.csv", dtype={"station": str}, parse_dates=["first", "last"])
    pd.testing.assert_frame_equal(table, spans.table, check_dtype=False)
    again = xr.zeros_like(spans.mask)
    for row in table.itertuples():
        again.loc[{"time": slice(row.first, row.last), "station": row.station}] = True
        assert (row.last - row.first).days + 1 == row.length
    np.testing.assert_array_equal(again, spans.mask)
    parts = [spans.of_length(days) for days in COUNTS]
    assert [part.sum().item() for part in parts] == [30, 60, 180]
    np.testing.assert_array_equal(parts[0] | parts[1] | parts[2], spans.mask)


def test_the_same_seed_hides_the_same_and_another_something_else():
    first, same, other = (hide_spans(make_observed(), period=PERIOD, spans=COUNTS, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first.table, same.table)
    assert (first.mask != other.mask).any()


def test_the_spans_of_a_station_do_not_depend_on_the_other_stations():
    observed = make_observed()
    together = hide_spans(observed, period=PERIOD, spans=COUNTS).mask
    alone = hide_spans(observed.sel(station=["2"]), period=PERIOD, spans=COUNTS).mask
    np.testing.assert_array_equal(together.sel(station=["2"]), alone)
    assert (together.sel(station="1") != together.sel(station="2")).any()


def test_a_station_that_cannot_hold_all_spans_has_none_and_is_named():
    observed = make_observed()
    observed[::20, 1] = np.nan  # no 30 days in a row
    spans = hide_spans(observed, period=PERIOD, spans=COUNTS)
    assert spans.left_out == ("2",) and not spans.mask.sel(station="2").any()
    assert set(spans.table["station"]) == {"1", "3"}
    with pytest.raises(DataError, match=r"no station has observed days for \{30: 2\} spans between 2000-03-01"):
        hide_spans(observed.sel(station=["2"]), period=PERIOD, spans={30: 2})


def test_each_length_of_the_published_experiment_fits_three_years_with_few_gaps():
    observed = make_observed(missing=0.002)
    period = slice("2000-01-02", "2002-12-30")
    for length, count in SPANS.items():
        spans = hide_spans(observed, period=period, spans={length: count})
        assert not spans.left_out and (spans.mask.sum("time") == length * count).all()


def test_days_that_are_not_consecutive_are_refused():
    with pytest.raises(DataError, match="consecutive days only"):
        hide_spans(make_observed().isel(time=slice(None, None, 2)), period=PERIOD)
