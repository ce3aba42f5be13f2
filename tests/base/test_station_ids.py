"""What an id is as text, and which spellings are one station."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydromae.base.errors import DataError
from hydromae.base.station_ids import (
    id_key,
    id_texts,
    one_spelling,
    places_among,
    require_distinct,
    respelled,
    sorted_ids,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (39001, "39001"),
        (39001.0, "39001"),
        (np.float32(39001), "39001"),
        (np.int64(39001), "39001"),
        (Decimal("39001.00"), "39001"),
        ("39001.0", "39001"),
        ("39001.", "39001"),
        (b"39001\0\0", "39001"),
        (np.bytes_(b"39001"), "39001"),
        ("b'39001'", "39001"),
        (" 39001\xa0", "39001"),
        ("\ufeff39001", "39001"),
        ("01013500", "01013500"),
        ("01013500.0", "01013500"),
        (1e15, "1000000000000000"),
        ("camelsgb_10002", "camelsgb_10002"),
        ("Thames at Kingston", "Thames at Kingston"),
        ("02EB004", "02EB004"),
        ("12E3", "12E3"),
        ("39001.5", "39001.5"),
    ],
)
def test_an_id_is_the_text_that_the_archive_gave(value, text):
    assert id_texts([value], "a.csv") == [text]


@pytest.mark.parametrize("values", [["10.0", "10.1"], [10.0, 10.1]])
def test_numbers_keep_their_zero_behind_the_point_where_others_have_a_fraction(values):
    assert id_texts(values, "a.csv") == ["10.0", "10.1"]


@pytest.mark.parametrize("value", [None, "", " ", float("nan"), b"", np.float64("nan")])
def test_a_blank_id_is_refused(value):
    with pytest.raises(DataError, match=r"a\.csv: has a station whose id is blank; give every station its id"):
        id_texts([value], "a.csv")


@pytest.mark.parametrize("value", ["4.02114E+14", "4e+14", 2.0**53 + 2, np.float32(2**24 + 2), np.float16(39001)])
def test_a_number_that_has_lost_digits_is_refused(value):
    if np.isfinite(float(value)):
        with pytest.raises(DataError, match="lost digits; write the ids as text"):
            id_texts([value], "a.csv")


def test_two_ids_of_one_file_that_differ_only_in_zeros_are_refused_with_both_names():
    with pytest.raises(DataError, match=r"a\.csv: has the stations 39001 and 039001, which may be one.*write both"):
        require_distinct(["39001", "7", "039001"], "a.csv")
    with pytest.raises(DataError, match=r"a\.csv: has station 7 more than once \(line 4\); keep one of them"):
        require_distinct(["39001", "8", "7", "7"][1:], "a.csv", first_line=2)
    require_distinct(["39001", "390010", "x39001", "X39001"], "a.csv")


def test_an_id_is_found_under_its_own_text_first_and_else_under_the_only_one_that_it_can_be():
    assert places_among(["39001", "039001", "5"], ["039001", "39001"]).tolist() == [1, 0, -1]
    assert places_among(["1013500"], ["x", "01013500"]).tolist() == [1]
    with pytest.raises(DataError, match="s: station 0039001 may be 039001 or 39001"):
        places_among(["0039001"], ["039001", "39001"], "s")
    with pytest.raises(DataError, match="stations 39001 and 039001 would both be 0039001"):
        respelled(["39001", "039001"], ["0039001"])


def test_a_station_is_called_as_it_is_known_and_else_with_the_most_zeros():
    assert one_spelling(["1013500", "01013500", "7"], ["7"]) == dict.fromkeys(("1013500", "01013500"), "01013500") | {
        "7": "7"
    }
    assert one_spelling(["01013500", "9"], ["1013500"]) == {"01013500": "1013500", "9": "9"}


def test_letters_are_never_changed():
    words = ["camels_01013500", "camels_1013500", "GB-10002", "gb-10002", "0x1F", "1E5"]
    assert [id_key(word) for word in words] == words and sorted_ids({"10", "9", "009"}) == ["009", "9", "10"]


@given(st.integers(0, 10**9), st.integers(0, 4))
def test_whatever_happened_to_a_number_it_is_the_same_station(number, zeros):
    spellings = ["0" * zeros + str(number), number, float(number), f"{number}.0", str(number).encode(), f" {number} "]
    texts = [id_texts([one], "a")[0] for one in spellings]
    assert {id_key(text) for text in texts} == {str(number)}
    assert len(set(one_spelling(texts).values())) == 1


@given(st.lists(st.from_regex(r"[0-9]{1,9}|[A-Z]{2}[0-9]{3,5}", fullmatch=True), unique_by=id_key, min_size=1))
def test_ids_that_differ_in_more_than_zeros_stay_apart(ids):
    require_distinct(ids, "a")
    assert id_texts(ids, "a") == ids and respelled(ids, ids[::-1]) == ids
    assert places_among([id_key(station) for station in ids], ids).tolist() == list(range(len(ids)))
