import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hydromae.evaluation.paired_skills import MEAN, PairedErrors, paired_skills
from hydromae.evaluation.reconstruction import SquaredErrors


def windows(truth: np.ndarray, kind: str, **filled: np.ndarray) -> list[SquaredErrors]:
    """Errors of windows [window, day, place]."""
    found = []
    for i, values in enumerate(truth):
        found.append(SquaredErrors(kind, "mm/d"))
        found[-1].add(torch.from_numpy(values)[None], {m: torch.from_numpy(v[i])[None] for m, v in filled.items()})
    return found


@pytest.fixture
def noise() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("kind", ["grid", "series"])
def test_skill_is_that_of_all_windows_together(kind: str, noise: np.random.Generator) -> None:
    truth, model = noise.normal(size=(6, 5, 4)), noise.normal(size=(6, 5, 4))
    truth[2, :, 1] = np.nan
    truth[:, :, 3] = np.nan  # a station that is never scored
    errors = windows(truth, kind, mean=np.zeros_like(truth), model=model)
    found = paired_skills(PairedErrors.of_windows(errors), {"model": "model"}, 5.0, resamples=5)

    def mse(values: np.ndarray) -> float:
        squares = (values - truth)[..., :3] ** 2
        return float(np.median(np.nanmean(squares, (0, 1))) if kind == "series" else np.nanmean(squares))

    assert found.mse["model"] == pytest.approx(mse(model)) and found.mse[MEAN] == pytest.approx(mse(0 * model))
    assert found.skill["model"][0] == pytest.approx(1 - mse(model) / mse(0 * model))
    assert found.values == np.isfinite(truth).sum()


def test_a_difference_is_known_better_than_what_it_is_the_difference_of(noise: np.random.Generator) -> None:
    truth = noise.normal(size=(60, 8, 3)) * np.linspace(0.2, 4, 60)[:, None, None]  # windows differ much
    error = noise.normal(size=truth.shape)
    errors = windows(truth, "grid", mean=0 * truth, first=truth + error, second=truth + 1.05 * error)
    found = paired_skills(PairedErrors.of_windows(errors), {"second": "first"}, 8.0)
    value, lower, upper = found.change["second"]
    assert lower <= value <= upper < 0
    assert upper - lower < 0.2 * (found.skill["second"][2] - found.skill["second"][1])
    assert value == pytest.approx(found.skill["second"][0] - found.skill["first"][0])


def test_equal_methods_differ_by_exactly_nothing(noise: np.random.Generator) -> None:
    truth, model = noise.normal(size=(9, 4, 2)), noise.normal(size=(9, 4, 2))
    errors = PairedErrors.of_windows(windows(truth, "series", mean=0 * truth, one=model, other=model))
    assert paired_skills(errors, {"one": "other"}, 4.0).change["one"] == (0.0, 0.0, 0.0)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**20), place=st.integers(0, 5))
def test_a_window_without_any_scored_value_changes_no_skill(seed: int, place: int) -> None:
    noise = np.random.default_rng(seed)
    truth, model = noise.normal(size=(6, 4, 2)), noise.normal(size=(6, 4, 2))
    truth[place] = np.nan
    kept = [i for i in range(6) if i != place]
    every, fewer = (
        paired_skills(PairedErrors.of_windows(windows(truth[w], "grid", mean=0 * model[w], m=model[w])), {}, 4.0)
        for w in (slice(None), kept)
    )
    assert every.skill["m"][0] == pytest.approx(fewer.skill["m"][0], rel=1e-12) and every.values == fewer.values


def test_what_was_never_scored_has_no_skill() -> None:
    truth = np.full((3, 4, 2), np.nan)
    errors = PairedErrors.of_windows(windows(truth, "series", mean=0 * truth, m=0 * truth))
    found = paired_skills(errors, {"m": "m"}, 4.0, resamples=3)
    assert found.values == 0 and np.isnan(found.skill["m"]).all() and np.isnan(found.mse["m"])


def test_a_level_outside_its_range_is_refused(noise: np.random.Generator) -> None:
    truth = noise.normal(size=(3, 4, 2))
    with pytest.raises(ValueError, match=r"level is in \(0, 1\)"):
        paired_skills(PairedErrors.of_windows(windows(truth, "grid", mean=0 * truth)), {}, 4.0, level=1.0)
