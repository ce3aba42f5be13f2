"""Reading configurations: files that build on others, variables, overrides, and errors that name the right key."""

from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hydromae.base.errors import ConfigError
from hydromae.config import Config
from hydromae.config.read import build_config, dump_config, load_config


def write(folder: Path, **files: str) -> Path:
    """Write name=content as name.yaml, and give the path of the last."""
    for name, content in files.items():
        (folder / f"{name}.yaml").write_text(content, encoding="utf-8")
    return folder / f"{name}.yaml"


@pytest.mark.parametrize(
    ("raw", "unknown", "near"),
    [
        ({"trainig": {}}, "trainig", "training"),
        ({"training": {"batchsize": 2}}, "training.batchsize", "batch_size"),
        ({"data": {"attributes": {"collumns": ["a"]}}}, "data.attributes.collumns", "columns"),
        ({"data": {"modalities": {"precip": {"unit": "mm/d"}}}}, "data.modalities.precip.unit", "units"),
    ],
)
def test_an_unknown_key_suggests_the_near_one(raw, unknown, near):
    with pytest.raises(ConfigError) as refused:
        build_config(raw)
    assert f"unknown key {unknown}; did you mean {near}?" in str(refused.value)


def test_an_unknown_key_like_no_other_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"unknown key masking\.zzz; known keys there: grid_mask_ratio"):
        build_config({"masking": {"zzz": 1}})


def test_extends_builds_on_a_chain_of_files_and_the_last_word_wins(tmp_path):
    path = write(
        tmp_path,
        base="training: {epochs: 1, lr: 0.1, batch_size: 3}",
        middle="{extends: base.yaml, training: {epochs: 2, lr: 0.2}}",
        leaf="{extends: middle.yaml, training: {epochs: 3}}",
    )
    training = load_config(path).training
    assert (training.epochs, training.lr, training.batch_size) == (3, 0.2, 3)


def test_extends_is_relative_to_the_file_that_says_it(tmp_path, monkeypatch):
    (tmp_path / "inner").mkdir()
    write(tmp_path, base="seed: 5")
    path = write(tmp_path / "inner", leaf="extends: ../base.yaml")
    monkeypatch.chdir("/")
    assert load_config(path).seed == 5


def test_a_file_that_builds_on_another_keeps_its_own_name(tmp_path):
    assert load_config(write(tmp_path, base="seed: 5", leaf="extends: base.yaml")).name == "leaf"


@pytest.mark.parametrize("links", [{"a": "a"}, {"a": "b", "b": "a"}, {"a": "b", "b": "c", "c": "b"}])
def test_files_that_extend_each_other_in_a_circle_are_refused(tmp_path, links):
    write(tmp_path, **{name: f"extends: {base}.yaml" for name, base in links.items()})
    with pytest.raises(ConfigError, match="circle"):
        load_config(tmp_path / "a.yaml")


def test_two_branches_may_share_a_base(tmp_path):
    write(tmp_path, base="seed: 7", left="extends: base.yaml")
    path = write(tmp_path, right="extends: base.yaml")
    assert load_config(path).seed == load_config(tmp_path / "left.yaml").seed == 7


def test_a_base_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"gone\.yaml: no such configuration file"):
        load_config(write(tmp_path, leaf="extends: gone.yaml"))


def test_a_modality_set_to_null_is_taken_out_of_what_the_base_has(tmp_path):
    path = write(
        tmp_path,
        base="data: {modalities: {precip: {paths: p.h5}, evap: {paths: e.parquet}}}",
        leaf="{extends: base.yaml, data: {modalities: {precip: null}}}",
    )
    assert list(load_config(path).data.modalities) == ["evap"]


def test_a_variable_is_replaced_by_its_value_and_else_by_its_default(monkeypatch):
    raw = {"data": {"root": "${HYDROMAE_TEST_ROOT:-/fallback}/gb"}, "seed": "${HYDROMAE_TEST_SEED:-3}"}
    monkeypatch.delenv("HYDROMAE_TEST_ROOT", raising=False)
    monkeypatch.delenv("HYDROMAE_TEST_SEED", raising=False)
    assert build_config(raw).data.root == "/fallback/gb" and build_config(raw).seed == 3
    monkeypatch.setenv("HYDROMAE_TEST_ROOT", "/given")
    monkeypatch.setenv("HYDROMAE_TEST_SEED", "4")
    assert build_config(raw).data.root == "/given/gb" and build_config(raw).seed == 4


def test_variables_are_replaced_inside_lists(monkeypatch):
    monkeypatch.setenv("HYDROMAE_TEST_YEAR", "1999")
    raw = {"data": {"modalities": {"precip": {"paths": ["p_${HYDROMAE_TEST_YEAR}.h5", "q.h5"]}}}}
    assert build_config(raw).data.modalities["precip"].paths == ("p_1999.h5", "q.h5")


def test_a_variable_without_value_or_default_is_named(monkeypatch):
    monkeypatch.delenv("HYDROMAE_TEST_ROOT", raising=False)
    with pytest.raises(ConfigError, match="HYDROMAE_TEST_ROOT is not set"):
        build_config({"data": {"root": "${HYDROMAE_TEST_ROOT}"}})


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("training.lr=3e-4", 3e-4),
        ("training.epochs=7", 7),
        ("model.calendar=false", False),
        ("model.coordinate_attrs=[1, 3]", (1, 3)),
        ("model.use_fm_layers=null", None),
        ("data.train=[1989-01-01, 1990-12-31]", (date(1989, 1, 1), date(1990, 12, 31))),
        ("data.root=a=b", "a=b"),
    ],
)
def test_an_override_has_the_type_of_its_key(override, value):
    found = build_config({}, [override])
    for part in override.partition("=")[0].split("."):
        found = getattr(found, part)
    assert found == value and type(found) is type(value)


def test_overrides_go_before_the_file_and_later_ones_before_earlier(tmp_path):
    path = write(tmp_path, leaf="training: {epochs: 2, batch_size: 5}")
    training = load_config(path, ["training.epochs=3", "training.epochs=4"]).training
    assert (training.epochs, training.batch_size) == (4, 5)


def test_an_override_of_the_wrong_type_names_key_and_value():
    with pytest.raises(ConfigError, match=r"training\.epochs: .*'ten'"):
        build_config({}, ["training.epochs=ten"])


@pytest.mark.parametrize("text", ["training.lr", "=3", "data.root=[1"])
def test_what_is_not_key_and_value_is_refused_as_it_was_written(text):
    with pytest.raises(ConfigError) as refused:
        build_config({}, [text])
    assert repr(text) in str(refused.value)


def test_a_python_configuration_is_refused_with_the_name_of_its_yaml_twin(tmp_path):
    (tmp_path / "exp1.py").write_text("raise SystemExit('was run')")
    with pytest.raises(ConfigError) as refused:
        load_config(tmp_path / "exp1.py")
    assert str(tmp_path / "exp1.yaml") in str(refused.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"a: [1", "not valid YAML"), (b"- 1\n- 2", "must be a mapping"), (b"\xff\xfe\x00", "cannot be read")],
)
def test_a_file_that_holds_no_configuration_is_named(tmp_path, content, message):
    (tmp_path / "bad.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=rf"bad\.yaml.*{message}"):
        load_config(tmp_path / "bad.yaml")


def test_yaml_cannot_run_code(tmp_path):
    victim = tmp_path / "victim"
    path = write(tmp_path, evil=f"name: !!python/object/apply:os.mkdir ['{victim}']")
    with pytest.raises(ConfigError):
        load_config(path)
    assert not victim.exists()


def test_reading_changes_nothing_it_is_given():
    raw = {"data": {"modalities": {"precip": {"paths": "p.h5"}}}}
    build_config(raw, ["data.modalities.precip.paths=q.h5", "data.window=3"])
    assert raw == {"data": {"modalities": {"precip": {"paths": "p.h5"}}}}


positive = st.floats(1e-12, 1e6, allow_nan=False)
share = st.floats(0, 1, exclude_max=True)
some_configs = st.fixed_dictionaries(
    {},
    optional={
        "seed": st.integers(0, 2**63 - 1),
        "output": st.none() | st.text("abcé/ :#'-", min_size=1),
        "training": st.fixed_dictionaries({}, optional={"lr": positive, "betas": st.tuples(share, share)}),
        "data": st.fixed_dictionaries(
            {},
            optional={
                "missing_values": st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3),
                "val": st.dates().map(lambda day: (day, day)),
                "modalities": st.fixed_dictionaries(
                    {}, optional={"precip": st.just({}), "riverflow": st.just({"minimum": None, "paths": ["a", "b"]})}
                ),
            },
        ),
    },
)


@settings(deadline=None)
@given(raw=some_configs)
def test_a_dumped_configuration_reads_back_as_the_same(raw):
    config = build_config(raw)
    assert build_config(yaml.safe_load(dump_config(config))) == config


def test_a_dumped_configuration_writes_out_every_section_and_key():
    dumped = yaml.safe_load(dump_config(Config()))
    assert list(dumped) == list(Config.model_fields)
    assert all(list(dumped[name]) == list(type(getattr(Config(), name)).model_fields) for name in ("data", "model"))


def test_a_mixture_is_replaced_whole_and_changed_by_its_keys(tmp_path):
    (tmp_path / "base.yaml").write_text("masking: {strategies: {random: 1}}\ndata: {window_mix: {10: 1, 20: 2}}\n")
    (tmp_path / "own.yaml").write_text("extends: base.yaml\nmasking: {strategies: {forecast: 1}}\n")
    path = tmp_path / "own.yaml"
    assert load_config(path).masking.strategies == {"forecast": 1}
    assert load_config(path).data.window_mix == {10: 1, 20: 2}
    assert load_config(path, ["masking.strategies={gap: 2}"]).masking.strategies == {"gap": 2}
    assert load_config(path, ["masking.strategies.gap=2"]).masking.strategies == {"forecast": 1, "gap": 2}
    assert load_config(path, ["data.window_mix={30: 1}"]).data.window_mix == {30: 1}
    both = ["masking.strategies={gap: 2}", "masking.strategies.span=1"]
    assert load_config(path, both).masking.strategies == {"gap": 2, "span": 1}
    assert load_config(path, ["masking={strategies: {gap: 2}}"]).masking.strategies == {"gap": 2}
