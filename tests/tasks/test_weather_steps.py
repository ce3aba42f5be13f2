"""Which steps of a weather forecast make a day."""

import pytest

from hydromae.tasks.weather_steps import instant_terms, mean_terms, sum_terms

FROM_START = [(0, 6), (0, 12), (0, 24), (0, 48), (0, 72)]
PIECES = [(0, 3), (0, 6), (6, 9), (6, 12), (12, 18), (18, 24), (24, 36), (36, 48)]  # as GEFS has them


def test_accumulations_from_the_start_are_differenced() -> None:
    assert sum_terms(FROM_START, 0) == [((0, 24), 1.0)]
    assert sum_terms(FROM_START, 24) == [((0, 24), -1.0), ((0, 48), 1.0)]
    assert sum_terms(FROM_START, 12) is None  # there is none up to hour 36


def test_pieces_are_added_once_each() -> None:
    assert sum_terms(PIECES, 0) == [((0, 6), 1.0), ((6, 12), 1.0), ((12, 18), 1.0), ((18, 24), 1.0)]
    assert sum_terms(PIECES, 24) == [((24, 36), 1.0), ((36, 48), 1.0)]
    assert sum_terms(PIECES, 30) is None and sum_terms([], 0) is None


def test_a_mean_weighs_each_piece_by_its_hours() -> None:
    assert mean_terms([(0, 6), (6, 24)], 0) == [((0, 6), 0.25), ((6, 24), 0.75)]
    assert mean_terms([(0, 24), (0, 48)], 24) == [((0, 24), -1.0), ((0, 48), 2.0)]
    assert mean_terms([(0, 6)], 0) is None


def test_instants_are_joined_linearly_from_midnight_to_midnight() -> None:
    instants = [(hour, hour) for hour in (0, 6, 12, 18, 24, 36, 48, 72)]
    assert instant_terms(instants, 0) == [
        ((0, 0), 0.125),
        ((6, 6), 0.25),
        ((12, 12), 0.25),
        ((18, 18), 0.25),
        ((24, 24), 0.125),
    ]
    assert instant_terms(instants, 24) == [((24, 24), 0.25), ((36, 36), 0.5), ((48, 48), 0.25)]
    assert instant_terms(instants, 48) is None  # 24 hours apart
    assert instant_terms(instants[1:], 0) is None  # begins at hour 6


@pytest.mark.parametrize("join", [sum_terms, mean_terms, instant_terms])
def test_nothing_beyond_the_last_step_is_made_up(join) -> None:
    assert join([(0, 24), (24, 48), (24, 24), (36, 36)], 48) is None
