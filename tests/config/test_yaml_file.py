"""YAML of anybody: what would exhaust memory, time or the stack is one sentence."""

import os
import time
from pathlib import Path

import pytest

from hydromae.base.errors import ConfigError
from hydromae.config.read import load_config
from hydromae.config.yaml_file import LARGEST, parse_yaml


def bomb() -> str:
    """Nine lists of nine times the list before."""
    levels = [f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 9)}]" for i in range(9)]
    return "\n".join(["a: &a [x, x, x, x, x, x, x, x, x]", *levels])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (bomb(), "stands for more than 200,000 values"),
        ("data: " + "[" * 5000 + "]" * 5000, "more than 40 deep"),
        ("".join(f"{' ' * i}a:\n" for i in range(900)), "more than 40 deep"),
        ("data: &x\n  modalities: *x\n", "stands within what it names"),
        ("data: &x [*x]", "stands within what it names"),
        ("name: !!python/object/apply:os.system [exit]", "is not valid YAML"),
        ("training: {lr: .inf}", r"training\.lr: Input should be a finite number"),
        ("training: {lr: .nan}", r"training\.lr: Input should be"),
        (f"data: {{window: {'9' * 5000}}}", "holds a number of thousands of digits"),
        ("data: {train: [2001-02-30, 2001-03-01]}", "holds a date that does not exist"),
        (f"name: {'x' * 200}", "name: String should have at most 100 characters"),
        (f"# {'x' * LARGEST}", "has 4 MB, too many for a configuration"),
    ],
)  # fmt: skip
def test_what_is_no_configuration_is_a_sentence_at_once(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(text)
    began = time.process_time()
    with pytest.raises(ConfigError, match=expected):
        load_config(path)
    assert time.process_time() - began < 5  # a second where nothing else runs


def test_devices_and_pipes_are_no_configurations(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "my.yaml").write_text("extends: /dev/zero")
    for path in (tmp_path / "pipe.yaml", tmp_path / "my.yaml"):
        with pytest.raises(ConfigError, match="is no file; give the path of a YAML file"):
            load_config(path)


def test_files_that_extend_each_other_without_end_are_refused(tmp_path: Path) -> None:
    for i in range(30):
        (tmp_path / f"c{i}.yaml").write_text(f"extends: c{i + 1}.yaml")
    with pytest.raises(ConfigError, match=r"c20\.yaml: is one of more than 20 files that extend each other"):
        load_config(tmp_path / "c0.yaml")


def test_aliases_that_stand_for_little_are_read() -> None:
    assert parse_yaml("a: &a {x: 1, y: [2]}\nb: *a\nc: [*a, *a]") == {
        "a": {"x": 1, "y": [2]}, "b": {"x": 1, "y": [2]}, "c": [{"x": 1, "y": [2]}] * 2
    }  # fmt: skip
    assert parse_yaml("01013500") == "01013500"
