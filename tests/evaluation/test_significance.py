import numpy as np
import pytest
import xarray as xr
from scipy.stats import t as student

from hydromae.evaluation.significance import block_draws, bootstrap_difference, diebold_mariano
from hydromae.metrics import kge, nse
from support.flows import forecast, holes, labelled, noisy, series

FLOW = holes(series(500, 6), 0.05)
TRUE = series(500, 6)
GOOD, BAD = noisy(TRUE, 1, 0.1), noisy(TRUE, 2, 0.4)
ALIKE = noisy(TRUE, 3, 0.1)


def test_the_difference_is_that_of_the_medians():
    for statistic in ("nse", "kge"):
        result = bootstrap_difference(GOOD, BAD, FLOW, statistic=statistic, resamples=20)
        both = [nse(made, FLOW) if statistic == "nse" else kge(made, FLOW)["kge"] for made in (GOOD, BAD)]
        assert result["difference"].item() == pytest.approx(float(both[0].median() - both[1].median()))
        assert result["stations"].item() == 6


@pytest.mark.parametrize("statistic", ["nse", "kge"])
def test_a_resample_is_scored_as_the_record_made_of_its_days(statistic, monkeypatch):
    rng = np.random.default_rng(5)
    days = rng.integers(0, 500, 500)
    drawn = np.bincount(days, minlength=500)[None].astype(float)
    monkeypatch.setattr("hydromae.evaluation.significance.block_draws", lambda *a: drawn)
    result = bootstrap_difference(GOOD, BAD, FLOW, statistic=statistic, resamples=1)
    made = [labelled(flow.values[days]) for flow in (GOOD, BAD, FLOW)]
    score = [nse(m, made[2]) if statistic == "nse" else kge(m, made[2])["kge"] for m in made[:2]]
    assert result["lower"].item() == pytest.approx(float(score[0].median() - score[1].median()))


def test_a_clear_difference_is_found_and_equal_skill_is_not():
    clear = bootstrap_difference(GOOD, BAD, FLOW, resamples=200)
    assert clear["p_value"] < 0.02 and clear["lower"] > 0
    alike = bootstrap_difference(GOOD, ALIKE, FLOW, resamples=200)
    assert alike["p_value"] > 0.05 and alike["lower"] < 0 < alike["upper"]


def test_exchanging_the_forecasts_turns_the_sign():
    one = bootstrap_difference(GOOD, BAD, FLOW, resamples=100)
    other = bootstrap_difference(BAD, GOOD, FLOW, resamples=100)
    assert one["difference"].item() == -other["difference"].item()
    assert one["lower"].item() == pytest.approx(-other["upper"].item())
    assert one["p_value"].item() == other["p_value"].item()
    assert np.allclose(diebold_mariano(GOOD, BAD, FLOW)["statistic"], -diebold_mariano(BAD, GOOD, FLOW)["statistic"])


def test_equal_forecasts_do_not_differ():
    same = bootstrap_difference(GOOD, GOOD, FLOW, resamples=50)
    assert same["difference"].item() == 0 and same["p_value"].item() == 1
    assert diebold_mariano(GOOD, GOOD, FLOW)["p_value"].isnull().all()


def test_seeds_repeat_and_other_seeds_differ():
    one, again = (bootstrap_difference(GOOD, BAD, FLOW, resamples=50, seed=7) for _ in range(2))
    assert one.equals(again)
    assert not one["lower"].equals(bootstrap_difference(GOOD, BAD, FLOW, resamples=50, seed=8)["lower"])


def test_the_same_days_are_drawn_for_every_lead_time():
    flow = series(300, 4)
    first, second = forecast(flow, horizon=1, seed=1), forecast(flow, horizon=1, seed=2)
    twice = [xr.concat([f, f.assign_coords(lead_time=[2])], "lead_time") for f in (first, second)]
    seen = flow.sel(time=first["issue_time"].values + np.timedelta64(1, "D"))
    seen = seen.rename(time="issue_time").assign_coords(issue_time=first["issue_time"].values)
    result = bootstrap_difference(*twice, seen.expand_dims(lead_time=[1, 2]), resamples=50)
    assert result.isel(lead_time=0, drop=True).equals(result.isel(lead_time=1, drop=True))


def test_intervals_hold_the_truth_about_as_often_as_they_should():
    rng = np.random.default_rng(0)
    inside = 0
    for trial in range(60):
        truth = labelled(rng.gamma(2, 2, (150, 5)))
        equal = [truth + rng.normal(0, 1, truth.shape) for _ in range(2)]
        result = bootstrap_difference(*equal, truth, resamples=100, block_days=5, level=0.9, seed=trial)
        inside += bool(result["lower"] <= 0 <= result["upper"])
    assert 45 <= inside <= 60


def test_a_day_that_one_forecast_lacks_is_taken_from_both():
    gappy = GOOD.copy()
    gappy[100:200] = np.nan
    without = FLOW.copy()
    without[100:200] = np.nan
    for test in (diebold_mariano, lambda *a: bootstrap_difference(*a, resamples=20)):
        assert test(gappy, BAD, FLOW).equals(test(GOOD, BAD, without))
        assert test(BAD, gappy, FLOW).equals(test(BAD, GOOD, without))


@pytest.mark.parametrize("horizon", [1, 4])
def test_diebold_mariano_is_that_of_scores(horizon):
    from scores.stats.statistical_tests import diebold_mariano as theirs

    flow = series(300, 3)
    first, second = (forecast(flow, horizon=horizon, seed=s) for s in (1, 2))
    result = diebold_mariano(first, second, flow).isel(lead_time=-1)
    at = first["issue_time"].values + np.timedelta64(horizon, "D")
    seen = flow.sel(time=at).values
    squares = [((f.isel(lead_time=-1).values - seen) ** 2).T for f in (first, second)]
    differences = xr.DataArray(
        squares[0] - squares[1], dims=("series", "time"), coords={"h": ("series", [horizon] * 3)}
    )
    expected = theirs(differences, "series", "h", method="HLN", statistic_distribution="t")
    assert np.allclose(result["statistic"], expected["dm_test_stat"])
    n = len(at)
    assert np.allclose(result["p_value"], 2 * student.sf(np.abs(expected["dm_test_stat"]), n - 1))


def test_a_lead_time_is_tested_as_if_it_were_alone():
    flow = series(300, 3)
    first, second = (forecast(flow, horizon=4, seed=s) for s in (1, 2))
    result = diebold_mariano(first, second, flow)
    for lead in (1, 2, 3):
        assert result.sel(lead_time=[lead]).equals(diebold_mariano(first.sel(lead_time=[lead]), second, flow))


@pytest.mark.parametrize("block", [1, 7, 40, 100])
def test_a_resample_has_as_many_days_as_the_record_in_blocks(block):
    counts = block_draws(40, block, 30, np.random.default_rng(1))
    assert counts.shape == (30, 40) and (counts.sum(1) == 40).all()
    begins = (np.diff(counts, axis=1, prepend=counts[:, -1:]) > 0).sum(1)
    assert (begins <= -(-40 // block)).all()


def test_the_overlap_of_forecasts_is_counted_in_steps_of_the_issue_times():
    flow = series(900, 2)
    first, second = (forecast(flow, every=5, horizon=5, seed=s) for s in (1, 2))
    result = diebold_mariano(first, second, flow)  # forecasts of 1 to 5 days issued every 5 days never overlap
    seen = flow.sel(time=first["issue_time"].values + np.timedelta64(5, "D")).values
    d = (first.isel(lead_time=4).values - seen) ** 2 - (second.isel(lead_time=4).values - seen) ** 2
    expected = d.mean(0) / (d.std(0, ddof=1) / np.sqrt(len(d)))
    assert np.allclose(result["statistic"].isel(lead_time=4), expected)


def test_too_few_days_give_no_test():
    flow = FLOW.copy()
    flow[90:, 0] = np.nan
    result = diebold_mariano(GOOD, BAD, flow)
    assert result["p_value"].isnull().values.tolist() == [True] + [False] * 5
    assert bootstrap_difference(GOOD, BAD, flow, resamples=5)["stations"].item() == 5


@pytest.mark.parametrize("wrong", [{"resamples": 0}, {"block_days": 0}, {"level": 1.0}])
def test_arguments_outside_their_range_are_refused(wrong):
    with pytest.raises(ValueError, match="at least 1"):
        bootstrap_difference(GOOD, BAD, FLOW, **wrong)
