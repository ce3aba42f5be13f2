import numpy as np

from hydromae.evaluation.first_warning import first_warnings

ON = np.arange(np.datetime64("2001-01-01"), np.datetime64("2001-02-10"))
LEADS = np.array([1, 2, 3])


def state_of(*events: tuple[int, int]) -> np.ndarray:
    """One station, with events from a day of `ON` to another."""
    state = np.zeros((len(ON), 1))
    for first, last in events:
        state[first : last + 1] = 1
    return state


def warned(state: np.ndarray, warnings: list[tuple[int, int]], issues: list[int] | None = None) -> list[float]:
    """Share warned, mean days and number of events, with warnings on (issue day, lead time)."""
    places = np.array(range(len(ON) - 3) if issues is None else issues)
    probability = np.zeros((len(places), 3, state.shape[1]))
    for day, lead in warnings:
        probability[list(places).index(day), lead - 1] = 0.5
    found = first_warnings({"hydromae": probability}, state, ON, ON[places], LEADS, 0.5)
    return [float(found[name].values.ravel()[0]) for name in ("warned", "warning_days", "warning_events")]


def test_the_first_warning_before_the_first_day_counts() -> None:
    assert warned(state_of((20, 22)), [(19, 1), (17, 3)]) == [1, 3, 1]
    assert warned(state_of((20, 22)), [(19, 1)]) == [1, 1, 1]


def test_a_warning_of_a_later_day_of_the_event_counts_and_one_of_another_day_does_not() -> None:
    assert warned(state_of((20, 22)), [(19, 3)]) == [1, 1, 1]
    assert warned(state_of((20, 22)), [(17, 2), (21, 1), (20, 2)]) == [0, 0, 1]


def test_events_without_a_warning_count_as_0_days() -> None:
    assert warned(state_of((10, 10), (20, 20)), [(8, 2)]) == [0.5, 1, 2]


def test_days_close_to_each_other_are_one_event() -> None:
    assert warned(state_of((10, 10), (15, 15), (21, 21)), [(9, 1)]) == [0.5, 0.5, 2]


def test_events_whose_first_day_was_not_forecast_are_left_out() -> None:
    assert warned(state_of((0, 1), (20, 20)), []) == [0, 0, 1]
    assert warned(state_of((14, 14), (25, 25)), [(12, 2)], [12, 17, 27]) == [1, 2, 1]


def test_events_of_all_stations_are_counted_and_without_any_nothing_is_said() -> None:
    both = np.concatenate([state_of((10, 12)), state_of((10, 10), (30, 30))], 1)
    assert warned(both, [(9, 1)]) == [2 / 3, 2 / 3, 3]
    share, days, number = warned(state_of(), [(9, 1)])
    assert np.isnan(share) and np.isnan(days) and number == 0
