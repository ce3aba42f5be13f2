"""What sets one data set apart from another, in words."""

import json
from copy import deepcopy
from typing import Any

import pytest

from hydromae.store.fingerprint import changed_since, differences
from hydromae.store.store import Store
from support.sources import World

Prepared = tuple[World, Store]


@pytest.fixture
def identity(prepared: Prepared) -> dict[str, Any]:
    store = prepared[1]
    return json.loads(json.dumps(store.identity_until(store.n_days)))


def test_a_store_does_not_differ_from_what_json_kept_of_it(prepared: Prepared, identity: dict[str, Any]) -> None:
    assert changed_since(identity, prepared[1]) == "" and differences(identity, identity) == []
    assert identity["fingerprint"] == prepared[1].fingerprint


def test_every_modality_has_hashes_of_its_own(identity: dict[str, Any]) -> None:
    hashes = [tuple(modality["hashes"]) for modality in identity["modalities"].values()]
    assert len(set(hashes)) == 4 and {len(blocks) for blocks in hashes} == {4}  # 200 days in blocks of 64


@pytest.mark.parametrize("n_days", [1, 64, 100, 128])
def test_days_that_were_added_since_do_not_count(prepared: Prepared, n_days: int) -> None:
    assert changed_since(prepared[1].identity_until(n_days), prepared[1]) == ""


@pytest.mark.parametrize(
    ("keys", "value", "told"),
    [
        (("first_day",), "2000-12-31", ["the days begin on 2000-12-31 instead of 2001-01-01", "the days end on"]),
        (("shape",), [20, 10], ["the grid is 20 x 10 cells in patches of 5 instead of 15 x 10 cells in patches of 5"]),
        (("hashes", "valid_patches.npy"), "0", ["the land differs"]),
        (
            ("station_ids",),
            [*"abcdef"],
            ["stations 9002, 101, 39001, 27003 removed", "stations a, b, c, d and 2 more added"],
        ),
        (("modalities", "soil", "units"), "mm", ["soil has units mm instead of 1"]),
        (("modalities", "evap", "scaler", "mean"), [7.0], ["the scaler of evap differs"]),
        (("modalities", "evap", "hashes", 3), "0", ["evap differs in the days 2001-07-12 to 2001-07-19"]),
        (("coordinates",), {"y": {"units": "m"}}, ["coordinates differs"]),
        (("attributes", "latitude"), "0", ["the values of latitude differ"]),
    ],
)
def test_one_thing_that_differs_is_told_of_alone(
    identity: dict[str, Any], keys: tuple[Any, ...], value: Any, told: list[str]
) -> None:
    other = deepcopy(identity)
    place: Any = other
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    found = differences(identity, other)
    assert len(found) == len(told) and all(said.startswith(words) for said, words in zip(found, told, strict=True)), (
        found
    )


def test_blocks_that_differ_since_the_stations_do_are_not_told_of(identity: dict[str, Any]) -> None:
    other = deepcopy(identity)
    other["station_ids"].remove("101")
    for name in ("evap", "riverflow"):
        other["modalities"][name]["hashes"] = ["0"] * 4
    assert differences(identity, other) == ["stations 101 removed"]
    other["modalities"]["precip"]["hashes"][1] = "0"
    said = "precip differs in the days 2001-03-06 to 2001-05-08"
    assert differences(identity, other) == ["stations 101 removed", said]
