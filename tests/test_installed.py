"""The wheel in an environment of its own, outside of the tree: what a user has after `pip install`."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=cwd, env=ENVIRONMENT)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of a new environment with the wheel and nothing else; needs a package index."""
    folder = tmp_path_factory.mktemp("installed")
    wheel = next(iter(WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])))
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    run(folder / "venv/bin/pip", "install", "-c", ROOT / "constraints.txt", wheel, cwd=folder)
    return folder / "venv/bin"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_wheel_works_by_itself(installed: Path, tmp_path: Path) -> None:
    hydromae = installed / "hydromae"
    names = {name["name"].lower() for name in json.loads(run(installed / "pip", "list", "--format=json", cwd=tmp_path))}
    assert "hydromae" in names and not names & {"huggingface-hub", "tensorboard", "distributed", "pytest"}
    assert "modalities:" in run(hydromae, "config", "--example", "base", cwd=tmp_path)
    assert "--size" in run(hydromae, "demo", "--size", "tiny", "--help", cwd=tmp_path)
    assert json.loads(run(hydromae, "models", "--json", cwd=tmp_path))[0]["model"] == "gb"
    page = (ROOT / "docs/tutorials/first_forecast.md").read_text(encoding="utf-8")
    cell = re.findall(r"```\{code-cell\} python\n(.*?)```", page, re.DOTALL)[0]
    run(installed / "python", "-c", cell, cwd=tmp_path)  # writes my_gauges
    run(hydromae, "forecast", "gb", "--data", "my_gauges", "-o", "forecast.nc", cwd=tmp_path)
    assert (tmp_path / "forecast.nc").stat().st_size > 0
