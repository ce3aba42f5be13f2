"""`python -m benchmarks` lists what there is, and each of them answers."""

import ast
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "benchmarks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if "ArgumentParser" in path.read_text(encoding="utf-8"))
NAMES.remove("__main__")


@pytest.fixture
def module(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    with pytest.MonkeyPatch.context():
        before = dict(os.environ)
        found = importlib.import_module(request.param)
        os.environ.clear()
        os.environ.update(before)
    return found


def run(*arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_the_list_has_every_benchmark_with_its_first_line() -> None:
    lines = run().splitlines()
    assert [line.split()[0] for line in lines] == NAMES
    for name, line in zip(NAMES, lines, strict=True):
        docstring = ast.get_docstring(ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8")))
        assert line.split(maxsplit=1)[1] == docstring.partition("\n")[0]


def test_a_benchmark_runs_by_its_name_with_its_options() -> None:
    assert "--days DAYS" in run("waiting", "--help")


@pytest.mark.parametrize("module", NAMES, indirect=True)
def test_every_benchmark_says_what_its_options_are(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [f"{module.__name__}.py", "--help"])
    with pytest.raises(SystemExit) as ended:
        module.main()
    assert ended.value.code == 0 and module.__doc__.partition("\n")[0] in capsys.readouterr().out


@pytest.mark.skipif(torch.cuda.is_available(), reason="on a card each part takes a process of its own")
@pytest.mark.parametrize("module", ["gpu"], indirect=True)
def test_every_part_for_the_gpu_runs_at_tiny_size_and_a_failing_one_stops_no_other(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*given: object) -> None:
        raise RuntimeError("no available kernel | as said")

    monkeypatch.setitem(module.PARTS, "long", (fail, 1))
    monkeypatch.setattr(module, "compile_layers", lambda model, sizes: None)  # takes longer than all the rest
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--tiny", "-o", str(tmp_path)])
    module.main()
    # One left there would tell all later trainings of a launcher, under which a second Ctrl-C does not act.
    assert not {"RANK", "LOCAL_RANK", "WORLD_SIZE"} & os.environ.keys()
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert set(found) == {"machine", *module.PARTS}
    assert found["long"]["failed"] == "RuntimeError: no available kernel | as said"
    assert found["step"]["seconds a step"] > 0 and found["step_compiled"]["share of the rate"] > 0
    assert found["precision"]["bf16, furthest from fp32"] < 1e-2 > found["precision"]["fp16, furthest from fp32"]
    assert found["fsdp"]["furthest from one process"] < 1e-5
    assert found["recurrence"]["predictions, furthest from the CPU"] == 0
    table = (tmp_path / "gpu.md").read_text()
    assert "| long | failed | RuntimeError: no available kernel / as said |" in table


@pytest.mark.slow
@pytest.mark.parametrize("module", ["gpu"], indirect=True)
def test_compiled_layers_train_to_the_same_losses(module: ModuleType) -> None:
    plain, compiled = (module.losses_of(module.AT_TINY_SIZE, "bf16", compiled)[0] for compiled in (False, True))
    assert module.apart(compiled, plain) < 1e-3


@pytest.mark.skipif(torch.cuda.is_available(), reason="a card is there")
@pytest.mark.parametrize("module", ["gpu"], indirect=True)
def test_without_a_card_the_full_size_is_refused(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    with pytest.raises(SystemExit):
        module.main()
    assert "torch finds no GPU; --tiny" in capsys.readouterr().err
