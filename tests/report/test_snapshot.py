from pathlib import Path

import numpy as np
from PIL import Image

from hydromae.drawing.maps import GridSample
from hydromae.drawing.series import SeriesSample
from hydromae.drawing.snapshot import draw_snapshot, fixed_stations, write_picture
from hydromae.tokens.selection import MISSING, TARGET, VISIBLE

DAYS = np.arange("2010-01-01", "2010-01-09", dtype="datetime64[D]")


def grid(reconstructed: float = 0.0, hidden: bool = True) -> GridSample:
    observed = np.random.default_rng(0).gamma(1.0, 3.0, (8, 20, 12)).astype(np.float32)
    observed[:, :, :2] = np.nan
    state = np.full(observed.shape, VISIBLE, np.int8)
    state[:, 5:10] = TARGET if hidden else VISIBLE
    state[np.isnan(observed)] = MISSING
    estimate = np.full_like(observed, reconstructed)
    return GridSample("precip", "mm/d", "YlGnBu", False, DAYS, observed, estimate, state)


def series(reconstructed: float = 0.0) -> SeriesSample:
    observed = np.random.default_rng(1).gamma(1.0, 3.0, (8, 5)).astype(np.float32)
    state = np.full(observed.shape, VISIBLE, np.int8)
    state[:3, 1] = state[:4, 3] = state[:, 4] = TARGET
    return SeriesSample("flow", "m3/s", DAYS, tuple("abcde"), observed, np.full_like(observed, reconstructed), state)


def test_the_same_is_drawn_alike_and_another_reconstruction_is_not() -> None:
    first = draw_snapshot("step 1", grid(), series())
    assert np.array_equal(first, draw_snapshot("step 1", grid(), series()))
    assert not np.array_equal(first, draw_snapshot("step 1", grid(5.0), series()))
    assert not np.array_equal(first, draw_snapshot("step 1", grid(), series(5.0)))


def test_what_is_reconstructed_changes_no_part_that_shows_what_was_observed() -> None:
    pictures = [draw_snapshot("step 1", grid(value), None) for value in (0.0, 5.0)]
    changed = np.flatnonzero((pictures[0] != pictures[1]).any(axis=(0, 2)))  # columns
    assert changed.size and changed.min() > 0.6 * pictures[0].shape[1]


def test_stations_are_those_both_hidden_and_seen_whatever_the_reconstruction() -> None:
    assert fixed_stations(series()) == fixed_stations(series(9.0)) == [1, 3]
    assert fixed_stations(series(), count=9) == [1, 3, 4]


def test_a_window_in_which_nothing_is_hidden_is_drawn_empty() -> None:
    sample = series()
    seen = SeriesSample(
        sample.name, "1", DAYS, sample.stations, sample.observed, sample.reconstructed, sample.state * 0
    )
    assert draw_snapshot("step 1", grid(hidden=False), seen).shape[2] == 3


def test_a_picture_is_written_whole_and_small(tmp_path: Path) -> None:
    picture = draw_snapshot("step 1", grid(), series())
    write_picture(tmp_path / "images" / "step_1.png", picture)
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["step_1.png"]
    assert np.array_equal(np.asarray(Image.open(tmp_path / "images" / "step_1.png"))[..., :3], picture)
    assert (tmp_path / "images" / "step_1.png").stat().st_size < 100_000
