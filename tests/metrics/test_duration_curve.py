import numpy as np
import pytest

from hydromae.metrics import duration_curve
from support.flows import labelled, noisy, series


def test_high_flows_are_the_sums_of_the_largest_of_each():
    flow = np.arange(1.0, 101.0)
    made = flow[::-1].copy()  # the order of days says nothing
    made[0] = 130  # instead of 100
    result = duration_curve(labelled(made), labelled(flow))
    assert result["fhv"].item() == pytest.approx(100 * (130 + 99 - 199) / 199)


def test_high_flows_use_at_least_one():
    flow = np.arange(1.0, 11.0)
    made = flow.copy()
    made[-1] = 15
    assert duration_curve(labelled(made), labelled(flow), 1)["fhv"].item() == pytest.approx(50)


def test_low_flows_are_logarithms_above_the_lowest_with_the_sign_of_the_paper():
    flow = np.exp(np.arange(100) / 10)
    made = np.exp(np.arange(100) / 5)  # twice as steep: too little water in low flows
    low_q, low_p = np.log(flow[:30] / flow[0]).sum(), np.log(made[:30] / made[0]).sum()
    result = duration_curve(labelled(made), labelled(flow))
    assert result["flv"].item() == pytest.approx(-100 * (low_p - low_q) / low_q)
    assert result["flv"].item() < 0


def test_the_slope_is_between_the_flows_of_falling_rank_20_and_70_percent():
    flow = np.exp(np.arange(100) / 10)
    made = flow.copy()
    made[79] *= 1.05  # rank 20 from the top, counted from 0; it keeps its rank
    # the slope of the observations is 5 in logarithms
    assert duration_curve(labelled(made), labelled(flow))["fms"].item() == pytest.approx(
        100 * np.log(1.05) / 5, rel=1e-4
    )


def test_no_flow_is_taken_as_a_very_small_one():
    flow = np.concatenate([np.zeros(10), np.arange(1.0, 91.0)])
    made = np.concatenate([np.full(10, -1.0), np.arange(1.0, 91.0)])
    result = duration_curve(labelled(made), labelled(flow))
    assert result["flv"].item() == 0 and result["fms"].item() == 0


def test_the_published_formulas_hold_on_random_flows():
    flow = series(777, 3)
    made = noisy(flow)
    result = duration_curve(made, flow)
    for i in range(3):
        p, q = (np.sort(a.values[:, i])[::-1] for a in (made, flow))
        high, low = round(0.02 * 777), round(0.3 * 777)
        assert result["fhv"][i].item() == pytest.approx(100 * (p[:high] - q[:high]).sum() / q[:high].sum())
        lp, lq = (np.sum(np.log(x[-low:]) - np.log(x[-1])) for x in (p, q))
        assert result["flv"][i].item() == pytest.approx(-100 * (lp - lq) / (lq + 1e-6))
        sp, sq = (np.log(x[round(0.2 * 777)]) - np.log(x[round(0.7 * 777)]) for x in (p, q))
        assert result["fms"][i].item() == pytest.approx(100 * (sp - sq) / (sq + 1e-6))


@pytest.mark.parametrize("wrong", [{"high": 0.0}, {"low": 1.0}, {"middle": (0.7, 0.2)}])
def test_shares_outside_their_range_are_refused(wrong):
    with pytest.raises(ValueError, match="inside"):
        duration_curve(series(), series(), **wrong)
