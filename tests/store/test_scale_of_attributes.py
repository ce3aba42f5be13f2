import json

import numpy as np

from hydromae.store.scale_of_attributes import ScaleOfAttributes

random = np.random.default_rng(0)
KNOWN = random.normal(5, 2, (200, 4))
NOISE = 0.2
SCALE = np.exp(
    np.stack([0.3 * KNOWN[:, 0] - 0.1 * KNOWN[:, 1], 0.2 * KNOWN[:, 0] + 0.05 * KNOWN[:, 2]], 1)
    + NOISE * random.normal(size=(200, 2))
)
NONE = np.zeros((1, 2)), np.zeros(1, int)


def fitted() -> ScaleOfAttributes:
    return ScaleOfAttributes.fitted(KNOWN, SCALE)


def test_the_scale_follows_from_what_is_known() -> None:
    made = fitted()
    assert made.quadratic and all(0.7 * NOISE < error < 1.5 * NOISE for error in made.error)
    found = made(KNOWN, np.zeros((200, 2)), np.zeros(200, int))
    assert np.median(np.abs(np.log(found / SCALE))) < NOISE
    assert np.abs(np.log(SCALE) - np.log(SCALE).mean(0)).mean() > 2 * NOISE
    # Far from all stations of the training nothing runs away.
    far = made(np.full((1, 4), 1e6), *NONE)
    assert (far < 50 * SCALE.max(0)).all() and np.isfinite(far).all()


def test_what_is_unknown_counts_as_usual() -> None:
    made = fitted()
    nothing = made(np.full((1, 4), np.nan), *NONE)[0]
    usual = made(np.array(made.centre)[None], *NONE)[0]
    np.testing.assert_allclose(nothing, usual)
    np.testing.assert_allclose(np.log(usual), np.log(SCALE).mean(0), atol=0.15)


def test_a_record_counts_the_more_the_longer_it_is() -> None:
    made = fitted()
    at = KNOWN[:1]
    without = made(at, *NONE)
    record = without * 3
    shares = [np.log(made(at, record, np.array([days])) / without) / np.log(3) for days in (7, 365, 3650, 365000)]
    assert (np.diff(np.concatenate(shares), axis=0) > 0).all()
    assert (shares[0] < 0.1).all() and (shares[3] > 0.98).all()
    expected = np.square(made.error) / (np.square(made.error) + np.square([0.29, 0.40]))
    np.testing.assert_allclose(shares[1][0], expected)
    # A record of one value has no deviation.
    found = made(at, np.array([[5.0, 0.0]]), np.array([1]))
    assert found[0, 0] != without[0, 0] and found[0, 1] == without[0, 1]


def test_few_stations_teach_less_and_very_few_only_their_average() -> None:
    linear = ScaleOfAttributes.fitted(KNOWN[:30], SCALE[:30])
    assert len(linear.centre) == 4 and not linear.quadratic
    few = ScaleOfAttributes.fitted(KNOWN[:10], SCALE[:10])
    np.testing.assert_allclose(few(KNOWN[:1], *NONE)[0], np.exp(np.log(SCALE[:10]).mean(0)))
    assert all(error > 0.9 * of_logs for error, of_logs in zip(few.error, np.log(SCALE[:10]).std(0), strict=True))


def test_means_that_have_no_logarithm_are_told_themselves() -> None:
    scale = np.stack([np.log(SCALE[:, 0]), SCALE[:, 1]], 1)
    assert (scale[:, 0] < 0).any()
    made = ScaleOfAttributes.fitted(KNOWN, scale)
    found, usual = (of(KNOWN, np.zeros((200, 2)), np.zeros(200, int)) for of in (made, fitted()))
    np.testing.assert_allclose(found[:, 0], np.log(usual[:, 0]), rtol=1e-5)
    np.testing.assert_allclose(found[:, 1], usual[:, 1])
    below = made(KNOWN[:1], np.array([[-2.0, 1.0]]), np.array([365 * 500]))
    assert abs(below[0, 0] + 2) < 0.1


def test_it_survives_json() -> None:
    made = fitted()
    assert ScaleOfAttributes.from_dict(json.loads(json.dumps(made.to_dict()))) == made
