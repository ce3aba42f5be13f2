import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydromae.baselines.gr4j import GR4JParameters, gr4j, initial_state, unit_hydrographs
from support.gr4j_world import random_forcing


def parameters(x1, x2, x3, x4) -> GR4JParameters:
    return GR4JParameters(*(np.atleast_1d(np.asarray(value, dtype=float)) for value in (x1, x2, x3, x4)))


@pytest.fixture
def forcing():
    return random_forcing()


def scalar_gr4j(rain, evaporation, x1, x2, x3, x4):
    """One station, day by day with the water under way in two queues, as the paper's equations read."""

    def s1(t):
        return 0.0 if t <= 0 else (t / x4) ** 2.5 if t < x4 else 1.0

    def s2(t):
        if t <= 0:
            return 0.0
        if t <= x4:
            return 0.5 * (t / x4) ** 2.5
        return 1 - 0.5 * (2 - t / x4) ** 2.5 if t < 2 * x4 else 1.0

    n = int(np.ceil(2 * x4)) + 1
    uh1 = [s1(j) - s1(j - 1) for j in range(1, n + 1)]
    uh2 = [s2(j) - s2(j - 1) for j in range(1, n + 1)]
    queue1, queue2 = [0.0] * n, [0.0] * n
    s, r, flows = 0.5 * x1, 0.5 * x3, []
    for p, e in zip(rain, evaporation, strict=True):
        pn = ps = es = 0.0
        if p >= e:
            pn = p - e
            ps = x1 * (1 - (s / x1) ** 2) * np.tanh(pn / x1) / (1 + s / x1 * np.tanh(pn / x1))
        else:
            en = e - p
            es = s * (2 - s / x1) * np.tanh(en / x1) / (1 + (1 - s / x1) * np.tanh(en / x1))
        s = s - es + ps
        perc = s * (1 - (1 + (4 / 9 * s / x1) ** 4) ** -0.25)
        s -= perc
        pr = perc + pn - ps
        queue1 = [q + 0.9 * pr * u for q, u in zip(queue1, uh1, strict=True)]
        queue2 = [q + 0.1 * pr * u for q, u in zip(queue2, uh2, strict=True)]
        q9, q1 = queue1.pop(0), queue2.pop(0)
        queue1.append(0.0)
        queue2.append(0.0)
        f = x2 * (r / x3) ** 3.5
        r = max(0.0, r + q9 + f)
        qr = r * (1 - (1 + (r / x3) ** 4) ** -0.25)
        r -= qr
        flows.append(qr + max(0.0, q1 + f))
    return np.array(flows)


@given(st.floats(0.3, 30))
@settings(max_examples=50, deadline=None)
def test_unit_hydrographs_sum_to_one_and_are_never_negative(time_base):
    for hydrograph in unit_hydrographs(np.array([time_base])):
        assert hydrograph.sum() == pytest.approx(1)
        assert hydrograph.min() >= 0


def test_unit_hydrograph_ordinates_match_the_s_curve_worked_by_hand():
    first, second = unit_hydrographs(np.array([2.0]))
    half = 0.5**2.5
    np.testing.assert_allclose(first[:, 0], [half, 1 - half])
    np.testing.assert_allclose(second[:, 0], [half / 2, 0.5 - half / 2, 0.5 - half / 2, half / 2])


def test_water_balance_closes_every_day_without_exchange(forcing):
    rain, evaporation = forcing
    wanted = parameters([150, 350, 900], [0, 0, 0], [20, 90, 250], [0.6, 1.7, 6.3])
    state = initial_state(wanted)
    for day in range(len(rain)):
        run = gr4j(rain[[day]], evaporation[[day]], wanted, state)
        gained = run.state.storage() - state.storage()
        np.testing.assert_allclose(gained, rain[day] - run.evaporation[0] - run.flow[0], atol=1e-9)
        assert (run.evaporation[0] <= evaporation[day] + 1e-12).all()
        state = run.state


def test_a_run_in_two_pieces_equals_one(forcing):
    rain, evaporation = forcing
    wanted = parameters([150, 350, 900], [-1, 0, 1], [20, 90, 250], [0.6, 1.7, 6.3])
    whole = gr4j(rain, evaporation, wanted)
    first = gr4j(rain[:3], evaporation[:3], wanted)
    second = gr4j(rain[3:], evaporation[3:], wanted, first.state)
    np.testing.assert_array_equal(np.concatenate([first.flow, second.flow]), whole.flow)
    np.testing.assert_array_equal(second.state.slow, whole.state.slow)


def test_several_weathers_follow_one_state_and_several_parameters_share_one_weather(forcing):
    rain, evaporation = forcing
    wanted = parameters([150, 350, 900], [-1, 0, 1], [20, 90, 250], [0.6, 1.7, 6.3])
    state = gr4j(rain[:50], evaporation[:50], wanted).state
    spans = np.array([50, 200]) + np.arange(30)[:, None]  # [day, member]
    together = gr4j(rain[spans], evaporation[spans], wanted, state).flow  # [day, member, station]
    for member in (0, 1):
        alone = gr4j(rain[spans[:, member]], evaporation[spans[:, member]], wanted, state).flow
        np.testing.assert_array_equal(together[:, member], alone)
    sets = parameters([[150] * 3, [900] * 3], [[0] * 3] * 2, [[20] * 3, [250] * 3], [[0.6] * 3, [6.3] * 3])
    both = gr4j(rain[:, None], evaporation[:, None], sets).flow  # [day, set, station]
    small = gr4j(rain, evaporation, parameters([150] * 3, [0] * 3, [20] * 3, [0.6] * 3)).flow
    np.testing.assert_allclose(both[:, 0], small, rtol=1e-12)


@pytest.mark.parametrize("exchange", [-1.5, 0.0, 1.0])
def test_all_stations_at_once_equal_the_paper_run_day_by_day(forcing, exchange):
    rain, evaporation = forcing
    x1, x3, x4 = [150, 350, 900], [20, 90, 250], [0.6, 1.7, 6.3]
    together = gr4j(rain, evaporation, parameters(x1, [exchange] * 3, x3, x4)).flow
    for i in range(3):
        alone = scalar_gr4j(rain[:, i], evaporation[:, i], x1[i], exchange, x3[i], x4[i])
        np.testing.assert_allclose(together[:, i], alone, rtol=1e-9, atol=1e-12)


def test_constant_rain_without_evaporation_leads_to_flow_equal_to_rain():
    days = 5000
    run = gr4j(np.full((days, 1), 4.0), np.zeros((days, 1)), parameters(350, 0, 90, 1.7))
    assert run.flow[-1, 0] == pytest.approx(4.0, rel=1e-6)


def test_groundwater_loss_lowers_flow_and_gain_raises_it(forcing):
    rain, evaporation = forcing
    run = gr4j(rain, evaporation, parameters([350] * 3, [-1, 0, 1], [90] * 3, [1.7] * 3))
    same_rain = gr4j(rain[:, [0, 0, 0]], evaporation, parameters([350] * 3, [-1, 0, 1], [90] * 3, [1.7] * 3))
    assert run.flow.min() >= 0
    loss, none, gain = same_rain.flow.sum(axis=0)
    assert loss < none < gain
