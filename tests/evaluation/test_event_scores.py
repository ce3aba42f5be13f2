import numpy as np
import pytest
import xarray as xr

from hydromae.evaluation.event_scores import score_events
from hydromae.evaluation.significance import block_draws

ISSUED = np.arange(np.datetime64("2001-01-01"), np.datetime64("2001-01-05"))
OCCURRED = np.array([[1.0, 0.0], [0.0, 0.0], [1.0, np.nan], [0.0, 0.0]])[:, None]  # [4, 1, 2]
OWN = np.array([[0.8, 0.1], [0.4, 0.0], [0.2, 0.9], [0.0, 0.3]])[:, None]
SEASON = np.full((4, 1, 2), 2 / 7)


def scored(resamples: int = 50, **more: np.ndarray) -> xr.Dataset:
    made = {"hydromae": OWN, "climatology": SEASON, **more}
    return score_events(made, OCCURRED, ISSUED, np.array([3]), block_days=2, resamples=resamples)


def test_brier_score_and_skill_are_those_by_hand() -> None:
    found = scored().sel(lead_time=3)
    own = (0.2**2 + 0.1**2 + 0.4**2 + 0.8**2 + 0.3**2) / 7
    season = (2 * (5 / 7) ** 2 + 5 * (2 / 7) ** 2) / 7
    np.testing.assert_allclose(found["brier"], [own, season])
    np.testing.assert_allclose(found["skill"], [1 - own / season, 0], atol=1e-12)
    np.testing.assert_allclose(found["gain"], [0, 1 - own / season], atol=1e-12)
    assert (found["pairs"], found["events"], found["stations"]) == (7, 2, 2)


def test_f1_counts_warnings_from_the_stated_probability_on() -> None:
    # warnings of OWN: 0.8 (a hit), 0.4 and 0.3 (in vain); 0.2 is an event without a warning
    np.testing.assert_allclose(scored()["f1"][:, 0], [2 * 1 / (2 * 1 + 2 + 1), 0])


def test_the_reliability_table_says_how_often_the_event_came() -> None:
    found = scored().sel(model="hydromae", lead_time=3)
    assert found["pairs_in_bin"].values.tolist() == [2, 1, 1, 1, 1, 0, 0, 0, 1, 0]
    np.testing.assert_allclose(found["observed_share"][:5], [0, 0, 1, 0, 0])
    np.testing.assert_allclose(found["forecast_share"][:5], [0, 0.1, 0.2, 0.3, 0.4])
    certain = scored(sure=np.ones((4, 1, 2)))
    assert certain["pairs_in_bin"].sel(model="sure")[0].values.tolist() == [0] * 9 + [7]


def test_only_pairs_that_all_have_are_scored() -> None:
    lacking = np.where(np.arange(4)[:, None, None] == 0, np.nan, 0.5) * np.ones((4, 1, 2))
    found = scored(other=lacking)
    assert (found["pairs"].item(), found["events"].item()) == (5, 1)
    assert found["brier"].sel(model="hydromae").item() == pytest.approx((0.16 + 0.64 + 0.09) / 5)
    assert found["station_brier"].sel(model="hydromae")[0, 1].item() == pytest.approx(0.09 / 2)
    nothing = scored(other=lacking * np.nan)
    assert nothing["pairs"].item() == 0 and nothing[["brier", "skill", "f1"]].to_dataarray().isnull().all()


def test_intervals_are_those_of_resampled_blocks_of_issue_days() -> None:
    found = scored(resamples=400)
    draws = block_draws(4, 2, 400, np.random.default_rng(0))
    error = np.nansum((OWN - OCCURRED)[:, 0] ** 2, -1), np.isfinite(OCCURRED[:, 0]).sum(-1)
    brier = (draws @ error[0]) / (draws @ error[1])
    ends = [found[f"brier_{end}"].sel(model="hydromae").item() for end in ("lower", "upper")]
    np.testing.assert_allclose(ends, np.quantile(brier, [0.025, 0.975]))


def test_a_better_forecast_is_significantly_better_and_one_like_it_is_not() -> None:
    rng = np.random.default_rng(0)
    chance = rng.random((400, 2, 3))
    came = (rng.random(chance.shape) < chance).astype(float)
    issued = np.arange(np.datetime64("2001-01-01"), np.datetime64("2001-01-01") + 400)
    made = {
        "hydromae": chance,
        "climatology": np.full(chance.shape, 0.5),
        "like it": np.clip(chance + rng.choice([-0.01, 0.01], chance.shape), 0, 1),
    }
    found = score_events(made, came, issued, np.array([1, 2]), block_days=5, resamples=200)
    assert (found["p_value"].sel(model="climatology") < 0.05).all()
    assert (found["p_value"].sel(model="like it") > 0.05).all()
    assert found["p_value"].sel(model="hydromae").isnull().all()
    assert (found["skill_lower"].sel(model="hydromae") > 0).all()


def test_without_an_event_there_is_no_score() -> None:
    made = {"hydromae": OWN, "climatology": SEASON}
    found = score_events(made, OCCURRED * 0, ISSUED, np.array([1]), block_days=1, resamples=10)
    assert found[["brier", "skill", "f1", "p_value", "skill_upper"]].to_dataarray().isnull().all()
    assert found["pairs"].item() == 7
