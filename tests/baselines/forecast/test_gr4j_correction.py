import numpy as np
import pytest

from hydromae.baselines.forecast.gr4j_correction import (
    Correction,
    fit_correction,
    fit_persistence,
    recent_features,
    root_errors,
)

CHANCE = np.random.default_rng(0)


def test_a_known_law_of_roots_is_learned():
    ahead = CHANCE.gamma(2, 2, (3000, 2, 1))
    recent = CHANCE.normal(0, 0.3, (3000, 1, 4))
    weights = np.array([[0.2, -0.1, 0.5, -0.2, 0.1, 0.05], [0.1, -0.2, 0.3, 0.0, 0.0, 0.1]])[None]
    truth = Correction(weights, np.ones((1, 2)))(ahead, recent)
    learned = fit_correction(ahead, recent, truth)
    np.testing.assert_allclose(learned(ahead, recent), truth, rtol=0.02, atol=0.02)
    np.testing.assert_allclose(learned.weights, weights, atol=0.02)


def test_without_flow_the_simulation_stands_and_with_little_it_is_changed_little():
    ahead, recent = CHANCE.gamma(2, 2, (400, 1, 2)), np.zeros((400, 2, 4))
    truth = np.full((400, 1, 2), np.nan)
    truth[0, 0, 1] = 4 * ahead[0, 0, 1]  # its root is twice that of the simulation
    learned = fit_correction(ahead, recent, truth)
    np.testing.assert_allclose(learned(ahead, recent)[..., 0], ahead[..., 0])
    constant, slope = learned.weights[1, 0, :2]
    # Two features share one day against five of no correction: 2 / 7 of what was missed.
    assert constant + slope * np.sqrt(ahead[0, 0, 1]) == pytest.approx(2 / 7 * np.sqrt(ahead[0, 0, 1]), rel=1e-6)


def test_forecast_flow_has_the_mean_of_observed_flow():
    ahead, recent = CHANCE.gamma(2, 2, (2000, 1, 1)), np.zeros((2000, 1, 4))
    truth = (np.sqrt(ahead) + CHANCE.normal(0, 0.5, ahead.shape)) ** 2
    corrected = fit_correction(ahead, recent, truth)(ahead, recent)
    assert corrected.mean() == pytest.approx(truth.mean(), rel=1e-9)


def test_an_error_fades_while_flow_is_missing():
    flow = np.array([[np.nan], [4.0], [np.nan], [np.nan], [9.0]])
    simulated = np.ones((5, 1))
    np.testing.assert_allclose(root_errors(flow, simulated, np.array([0.5]))[:, 0], [0.0, 1.0, 0.5, 0.25, 2.0])
    assert np.isnan(root_errors(flow, simulated)[0, 0])


def test_persistence_is_the_share_of_an_error_that_is_left_a_day_later():
    errors = np.array([[1.0, np.nan], [0.5, np.nan], [0.25, np.nan], [np.nan, 1.0], [3.0, -1.0]])
    np.testing.assert_allclose(fit_persistence(errors), [0.5, 0.0])


def test_recent_features_are_of_the_issue_day_and_the_day_before():
    errors, simulated = np.array([[1.0], [2.0], [3.0]]), np.array([[4.0], [9.0], [16.0]])
    features = recent_features(errors, simulated, np.array([0, 2]))
    np.testing.assert_allclose(features[:, 0], [[1, 1, 2, 2], [3, 2, 4, 3]])
