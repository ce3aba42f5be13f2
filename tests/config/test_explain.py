"""What `hydromae config` can explain."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydromae.base.errors import ConfigError
from hydromae.config import ModalityConfig
from hydromae.config.explain import Key, all_keys, find_keys, section_at
from hydromae.config.read import build_config


def names(keys: list[Key]) -> list[str]:
    return [key.name for key in keys]


def keys_of(value: dict[str, object], path: str = "") -> Iterator[str]:
    """The dotted keys of a written-out configuration, down to what is not a section."""
    for name, inner in value.items():
        here = f"{path}{name}"
        free = here in ("model.modalities", "training.task_weights")  # names of modalities, not keys
        if isinstance(inner, dict) and not free:
            yield from keys_of(inner, f"{here}.")
        else:
            yield here


def test_every_key_that_can_be_written_is_listed_once():
    config = build_config({"data": {"modalities": {"evap": {"sources": {"a": {"paths": "b"}}}}}})
    written = {
        key.replace(".evap.", ".<name>.").replace(".sources.a.", ".sources.<name>.")
        for key in keys_of(config.model_dump())
    }
    listed = names(all_keys())
    open_keys = {
        "data.window_mix",
        "data.fill",
        "masking.drop",
        "masking.strategies",
        "masking.targets",
        "training.lr_scale",
    }  # their own keys are the user's to name
    written = {next((key for key in open_keys if w == key or w.startswith(f"{key}.")), w) for w in written} | open_keys
    assert written | {"data.modalities", "data.modalities.<name>.sources"} == set(listed)
    assert len(listed) == len(set(listed))


def test_every_key_says_its_type_and_meaning():
    for key in all_keys():
        assert key.type, key.name
        assert len(key.meaning.split()) >= 2, f"{key.name} has no description"
        assert "hydromae" not in key.type and "pydantic" not in key.type, f"{key.name}: {key.type}"


def test_a_key_finds_itself_alone():
    for key in all_keys():
        if key.name not in ("data.modalities", "data.modalities.<name>.sources"):
            assert find_keys(key.name) == [key]


@pytest.mark.parametrize("prefix", ["data", "data.attributes", "model", "training", "logging"])
def test_a_section_finds_all_below_it_and_nothing_else(prefix):
    assert names(find_keys(prefix)) == [name for name in names(all_keys()) if name.startswith(f"{prefix}.")]


def test_part_of_a_name_is_no_prefix():
    with pytest.raises(ConfigError, match="no configuration key train;"):
        find_keys("train")


@given(modality=st.from_regex(r"[a-z][a-z0-9_]*", fullmatch=True))
def test_a_modality_of_any_name_has_the_keys_of_a_modality(modality):
    found = find_keys(f"data.modalities.{modality}")
    prefix = f"data.modalities.{modality}."
    own = [name.removeprefix(prefix) for name in names(found)]
    assert [name for name in own if not name.startswith("sources.")] == list(ModalityConfig.model_fields)
    assert names(find_keys(f"{prefix}units")) == [f"{prefix}units"]
    assert section_at(["data", "modalities", modality]) is ModalityConfig


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("training.learning_rat", "training.lr"),
        ("batch_size", "training.batch_size"),
        ("model.dmodel", "model.d_model"),
    ],
)
def test_an_unknown_key_suggests_near_ones(wrong, near):
    with pytest.raises(ConfigError, match=near):
        find_keys(wrong)


def test_the_default_of_a_usual_variable_is_its_own():
    assert [key.default for key in find_keys("data.modalities.precip.scaling")] == ["log1p"]
    assert [key.default for key in find_keys("data.modalities.snow.scaling")] == ["standard"]
