"""The built package: what the wheel and the archive of sources hold, and that every file says the same of versions."""

import re
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest
import yaml
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder
from jinja2 import Environment, StrictUndefined
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import hydromae

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# The names under which conda-forge has packages that PyPI calls otherwise.
CONDA_NAMES = {
    "torch": "pytorch",
    "matplotlib": "matplotlib-base",
    "cf-xarray": "cf_xarray",
    "eccodes": "python-eccodes",
}


def build(kind: type[SdistBuilder] | type[WheelBuilder], root: Path, folder: Path) -> Path:
    return Path(next(iter(kind(str(root)).build(directory=str(folder), versions=["standard"]))))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(SdistBuilder, ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(WheelBuilder, ROOT, tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_the_package_and_its_examples_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        held = {name for name in file.namelist() if ".dist-info/" not in name}
        licences = [name for name in file.namelist() if name.endswith(".dist-info/licenses/LICENSE")]
    package = [path for path in (ROOT / "src/hydromae").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    expected = {path.relative_to(ROOT / "src").as_posix() for path in package}
    assert held == expected | {f"hydromae/configs/{path.name}" for path in (ROOT / "configs").iterdir()}
    for needed in (
        "py.typed",
        "configs/base.yaml",
        "pretrained/gb/config.yaml",
        "pretrained/gb/model/model.safetensors",
        "report/page.html.j2",
        "report/web/page.js",
        "drawing/vendor/uplot/uPlot.iife.min.js",
        "drawing/vendor/uplot/LICENSE",
        "serve/web/serve.js",
        "benchmark/gb_flow_7.yaml",
        "app/demo.yaml",
    ):
        assert f"hydromae/{needed}" in held
    assert len(licences) == 1


def test_the_sources_make_the_same_wheel(archive: Path, wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(archive) as file:
        file.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    again = build(WheelBuilder, unpacked, tmp_path / "dist")
    assert again.name == wheel.name and again.read_bytes() == wheel.read_bytes()


def test_the_sources_hold_tests_and_pages_but_no_data_and_nothing_of_the_repository(archive: Path) -> None:
    with tarfile.open(archive) as file:
        names = [member.name.partition("/")[2] for member in file.getmembers()]
    folders = {name.split("/")[0] for name in names if "/" in name}
    assert folders == {"benchmarks", "conda-recipe", "configs", "docs", "src", "tests"}
    assert {"constraints.txt", "Makefile", "README.md", "LICENSE", "CHANGELOG.md", "train_mae.py"} <= set(names)
    assert not [name for name in names if name.endswith((".pyc", ".ckpt", ".log"))]
    assert archive.stat().st_size < 8e6


def test_the_metadata_say_what_the_project_says(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        (name,) = (name for name in file.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(file.read(name).decode())
    assert metadata["Version"] == PROJECT["version"] and metadata["Requires-Python"] == PROJECT["requires-python"]
    assert set(metadata.get_all("Provides-Extra") or ()) == {*PROJECT["optional-dependencies"]}
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_payload() == (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_file_names_the_same_version() -> None:
    version = PROJECT["version"]
    assert hydromae.__version__ == version
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"] == version
    assert recipe()["package"]["version"] == version
    sections = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert re.match(rf"\[Unreleased\]|\[{re.escape(version)}\]", sections[0])
    assert any(version in section for section in sections)


def test_the_recipe_of_conda_asks_for_what_the_project_asks() -> None:
    made = recipe()
    run = ranges(made["requirements"]["run"])
    assert run.pop("python") == SpecifierSet(PROJECT["requires-python"])
    assert run == conda(PROJECT["dependencies"])
    assert ranges(made["requirements"]["host"]).pop("python") == SpecifierSet(PROJECT["requires-python"])
    extras = [PROJECT["optional-dependencies"][extra] for extra in made["extra"]["pip_extras"]]
    assert {*made["extra"]["pip_extras"]} == {*PROJECT["optional-dependencies"]} - {"dev", "docs", "deepspeed"}
    assert ranges(made["requirements"]["run_constrained"]) == conda([text for extra in extras for text in extra])
    assert made["build"]["entry_points"] == [f"{name} = {place}" for name, place in PROJECT["scripts"].items()]


def test_the_image_has_a_python_that_the_constraints_were_tested_with() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    images = {line.split()[1] for line in lines if line.startswith("FROM")}
    (tested,) = re.findall(r"with Python ([\d.]+)", (ROOT / "constraints.txt").read_text(encoding="utf-8"))
    assert images == {f"python:{tested}-slim"} and SpecifierSet(PROJECT["requires-python"]).contains(tested)
    assert any("-c constraints.txt" in line for line in lines)


def recipe() -> dict[str, Any]:
    text = (ROOT / "conda-recipe/meta.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(Environment(undefined=StrictUndefined).from_string(text).render(PYTHON="python"))


def ranges(requirements: list[str]) -> dict[str, SpecifierSet]:
    """Name -> range of requirements as conda writes them, `name range`."""
    return {text.split()[0]: SpecifierSet("".join(text.split()[1:])) for text in requirements}


def conda(requirements: list[str]) -> dict[str, SpecifierSet]:
    parsed = [Requirement(text) for text in requirements]
    return {CONDA_NAMES.get(asked.name, asked.name): asked.specifier for asked in parsed}
