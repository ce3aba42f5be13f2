"""Without the extras the package works, and says what to install for what it then lacks."""

import json
import subprocess
import sys

import pytest

from support.small import small_raw
from support.sources import make_world

# Packages of the extras that a base install does not have.
EXTRAS = ["huggingface_hub", "tensorboard", "wandb", "deepspeed", "starlette", "uvicorn", "eccodes", "distributed"]
SESSION = """
import json, logging, sys
sys.modules.update(dict.fromkeys(json.loads(sys.argv[1])))
logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
import hydromae
from hydromae.base.errors import RunError

run = hydromae.train(json.loads(sys.argv[2]))
model = hydromae.load_pretrained(run.path)
model.save_pretrained(sys.argv[3])
again = hydromae.MultiModalMAE.from_pretrained(sys.argv[3])
said = {"classes": [base.__module__ for base in type(again).__mro__]}
said["forecast"] = hydromae.forecast(run.path, "2001-06-01", horizon=2)["riverflow"].sizes["lead_time"]
for name, use in {
    "load": lambda: hydromae.load_pretrained("someone/rivers"),
    "push": lambda: model.push_to_hub("someone/rivers", private=True),
}.items():
    try:
        use()
    except RunError as error:
        said[name] = str(error)
said["imported"] = [name for name in json.loads(sys.argv[1]) if sys.modules[name] is not None]
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> "subprocess.CompletedProcess[str]":
    """A process in which nothing of the extras can be imported trains, saves, loads, forecasts and asks the hub."""
    folder = tmp_path_factory.mktemp("base")
    world = make_world(folder / "sources")
    changes = {"training": {"epochs": 1}, "logging": {"tensorboard": True}, "masking": {"forecast": ["riverflow"]}}
    raw = small_raw(world, folder / "run", **changes)
    command = [sys.executable, "-c", SESSION, json.dumps(EXTRAS), json.dumps(raw, default=str), str(folder / "model")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "model/README.md").read_text().startswith("---\nlibrary_name: hydromae\n")
    return done


def test_the_base_trains_loads_and_forecasts(session: "subprocess.CompletedProcess[str]") -> None:
    said = json.loads(session.stdout.splitlines()[-1])
    assert said["forecast"] == 2 and said["imported"] == []
    assert not any(module.startswith("huggingface_hub") for module in said["classes"])


def test_what_needs_an_extra_says_which(session: "subprocess.CompletedProcess[str]") -> None:
    said = json.loads(session.stdout.splitlines()[-1])
    for asked in ("load", "push"):
        assert said[asked].startswith("someone/rivers: ") and "`pip install 'hydromae[hub]'`" in said[asked]
    assert session.stderr.count("`pip install hydromae[tensorboard]`") == 1
