import pytest
import torch

from hydromae.batch.batch import ModalityTokens
from support.tiny import plain_dict, tiny_config, tiny_model

CONFIG = tiny_config()


def chosen(tokens: ModalityTokens, which: str, sample: int) -> list[int]:
    selection = getattr(tokens, which)
    return sorted(selection.index[sample, selection.real[sample]].tolist())


def test_entry_of_a_grid_mask_makes_its_patch_on_its_day_the_target() -> None:
    model, plain = tiny_model(CONFIG), plain_dict(CONFIG, missing=0.0)
    plain["precip_mask"][:] = False
    plain["precip_mask"][1, 2, 4] = True
    batch = model.as_batch(plain)
    tokens = batch.tokens["precip"]
    assert chosen(tokens, "target", 0) == [] and chosen(tokens, "target", 1) == [2 * 5 + 4]  # 5 patches of 6 are land
    assert len(chosen(tokens, "visible", 1)) == 5 * 5 - 1
    patch = plain["precip"][1, 2, 5:10, 5:10]  # patch 4 of a grid of 2 x 3
    assert torch.equal(tokens.values[1, 2 * 5 + 4], patch.flatten())


def test_entry_of_a_series_mask_makes_its_stations_on_their_day_the_target() -> None:
    model, plain = tiny_model(CONFIG), plain_dict(CONFIG, missing=0.0)
    plain["evap_mask"][:] = False
    plain["evap_mask"][0, 1, 3] = True
    tokens = model.as_batch(plain).tokens["evap"]
    assert chosen(tokens, "target", 0) == [3 * 3 + 1]
    assert torch.equal(tokens.values[0, 3 * 3 + 1], plain["evap"][0, 2:4, 3])


def test_tokens_without_any_value_are_neither_visible_nor_targets() -> None:
    model, plain = tiny_model(CONFIG), plain_dict(CONFIG, missing=0.0)
    plain["evap"][0, 0:2, :2] = torch.nan
    plain["evap"][0, 2, 0] = torch.nan  # half of a token
    tokens = model.as_batch(plain).tokens["evap"]
    known = set(chosen(tokens, "target", 0)) | set(chosen(tokens, "visible", 0))
    assert known == set(range(15)) - {0, 3}
    assert tokens.valid[0, 1].tolist() == [False, True]


def test_masks_may_be_numbers() -> None:
    model, plain = tiny_model(CONFIG), plain_dict(CONFIG)
    numbers = {key: value.float() if key.endswith("_mask") else value for key, value in plain.items()}
    assert torch.equal(model(numbers)[0], model(plain)[0])


@pytest.mark.parametrize("key", ["precip", "precip_mask", "riverflow", "riverflow_mask", "static_attr"])
def test_an_absent_entry_is_named(key: str) -> None:
    plain = plain_dict(CONFIG)
    del plain[key]
    with pytest.raises(ValueError, match=rf"no tensor {key};"):
        tiny_model(CONFIG)(plain)


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        ("precip", (3, 5, 15, 10)),  # rows and columns swapped: as many patches, all wrong
        ("precip", (3, 5, 10)),
        ("precip", (0, 5, 10, 15)),
        ("precip", (3, 13, 10, 15)),  # longer than max_time_steps
        ("temp", (3, 4, 10, 15)),
        ("temp", (2, 5, 10, 15)),
        ("precip_mask", (3, 5, 5)),
        ("precip_mask", (3, 5, 2, 3)),
        ("evap", (3, 5, 4)),
        ("evap", (3, 6, 5)),
        ("riverflow", (3, 5, 6)),
        ("evap_mask", (3, 5, 5)),
        ("evap_mask", (3, 5, 3)),
        ("static_attr", (3, 5, 2)),
        ("static_attr", (5, 3)),
        ("day_of_year", (3, 4)),
    ],
)
def test_an_entry_of_the_wrong_shape_is_named(key: str, shape: tuple[int, ...]) -> None:
    plain = plain_dict(CONFIG) | {key: torch.zeros(shape, dtype=torch.long if key == "day_of_year" else torch.float32)}
    with pytest.raises(ValueError, match=rf"^{key} has shape"):
        tiny_model(CONFIG)(plain)


def test_attributes_are_not_asked_for_where_none_are_used() -> None:
    for changes in ({"static_attr_dim": 0, "series_position": "none"}, {"modalities": {"precip": "grid"}}):
        config = tiny_config(**changes)
        plain = plain_dict(config)
        plain.pop("static_attr", None)
        assert tiny_model(config)(plain)[0].isfinite()


@pytest.mark.parametrize("code", [-99999.0, 1e20, -3e38])
def test_missing_codes_are_missing(code: float) -> None:
    model = tiny_model(CONFIG)
    coded, plain = (plain_dict(CONFIG, missing=0.0) for _ in range(2))
    for given, value in ((coded, code), (plain, torch.nan)):
        given["evap"][0, 0:3, :2] = value
        given["precip"][1, 2, 5:9] = value
        given["static_attr"][1, 2, 0] = value
    one, two = model(coded), model(plain)
    assert torch.equal(one[0], two[0]) and torch.isfinite(one[0])
    assert not model.as_batch(coded).tokens["evap"].valid[0, 0].any()


@pytest.mark.parametrize("key", ["evap", "precip", "static_attr"])
def test_an_infinite_value_is_named(key: str) -> None:
    plain = plain_dict(CONFIG)
    plain[key][0, 0, 0] = torch.inf
    with pytest.raises(ValueError, match=rf"{key} is infinite somewhere; write what is missing as NaN"):
        tiny_model(CONFIG)(plain)
