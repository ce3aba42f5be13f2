import numpy as np
import pytest

from hydromae.baselines.gr4j import gr4j
from hydromae.baselines.gr4j_calibration import (
    HIGHEST,
    LOWEST,
    WARM_UP,
    Calibration,
    calibrate,
    losses,
    parameters_of,
)
from support.gr4j_world import POINTS, make_twins

SEARCH = Calibration(members=20, generations=40)


@pytest.fixture(scope="module")
def twins():
    series = make_twins(last="2002-06-30")
    return tuple(series[name].to_numpy() for name in ("rain", "pet", "flow"))


def test_known_parameters_are_found_again(twins):
    found = calibrate(*twins, SEARCH)
    np.testing.assert_allclose(found, POINTS, atol=0.05)


def test_a_loss_is_that_of_nse_of_flow_and_of_its_root(twins):
    rain, potential, flow = twins
    holed = flow.copy()
    holed[WARM_UP + 5 :: 3, 1] = np.nan
    points = np.stack([POINTS, (LOWEST + HIGHEST) / 2 + np.zeros((2, 4))])
    loss = losses(rain, potential, holed, points)
    for member in range(2):
        run = gr4j(rain, potential, parameters_of(points[member])).flow[WARM_UP:]
        for station in range(2):
            observed = holed[WARM_UP:, station]
            known = np.isfinite(observed)
            expected = 0.0
            for transform in (lambda x: x, np.sqrt):
                truth, simulated = transform(observed[known]), transform(run[known, station])
                expected += ((simulated - truth) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()
            assert loss[member, station] == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_a_station_is_calibrated_by_itself_and_its_warm_up_is_not_scored(twins):
    rain, potential, flow = twins
    few = Calibration(members=6, generations=3)
    together = calibrate(rain, potential, flow, few)
    spoiled = flow.copy()
    spoiled[:WARM_UP] = 1e6
    alone = calibrate(rain[:, 1:], potential[:, 1:], spoiled[:, 1:], few)
    np.testing.assert_allclose(alone[0], together[1], rtol=1e-6)


def test_candidates_stay_within_bounds_and_progress_reaches_the_end(twins):
    rain, potential, flow = twins
    done = []
    found = calibrate(rain, potential, 100 * flow, Calibration(members=6, generations=3), done.append)
    assert ((found >= LOWEST) & (found <= HIGHEST)).all()
    assert done == sorted(done) and done[-1] == 1.0
