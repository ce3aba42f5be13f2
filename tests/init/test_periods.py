from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hydromae.init.periods import split

DATES = st.dates(date(1900, 1, 1), date(2050, 12, 31))


@given(DATES, st.integers(3, 20_000))
def test_periods_follow_each_other_over_all_days(first, n_days):
    last = first + timedelta(days=n_days - 1)
    periods = list(split(first, last, {}).periods.items())
    assert [name for name, _ in periods] == ["train", "val", "test"][: len(periods)]
    assert periods[0][1][0] == first and periods[-1][1][1] == last
    for (_, (begin, end)), (_, (after, _)) in pairwise(periods):
        assert begin <= end and after == end + timedelta(days=1)


def test_years_are_those_of_which_more_are_whole():
    hydrological = split(date(1970, 10, 1), date(2012, 9, 30), {})
    assert hydrological.periods["val"] == (date(2000, 10, 1), date(2006, 9, 30))
    assert hydrological.periods["test"] == (date(2006, 10, 1), date(2012, 9, 30))
    calendar = split(date(2001, 1, 1), date(2010, 12, 31), {})
    assert calendar.periods["train"] == (date(2001, 1, 1), date(2006, 12, 31)) and "calendar" in calendar.reason


def test_names_of_files_decide_where_there_are_train_and_val_apart():
    train, val = (date(2001, 1, 1), date(2003, 12, 31)), (date(2004, 1, 1), date(2004, 12, 31))
    assert split(date(2001, 1, 1), date(2004, 12, 31), {"train": train, "val": val}).periods == {
        "train": train,
        "val": val,
    }
    for marked in ({"train": train}, {"train": train, "val": train}):
        assert split(date(2001, 1, 1), date(2004, 12, 31), marked).periods["test"][0] > date(2003, 1, 1)
