"""The value of `${API_TOKEN}` is in no store, run, result, page, checkpoint or log; `resume` reads it anew."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from hydromae.base import secret_values
from hydromae.base.errors import ConfigError, DataError
from hydromae.base.json_text import json_text, sealed
from hydromae.base.secret_values import concealed, remember_secret, revealed
from hydromae.config.read import build_config, dump_config, load_config
from hydromae.runs.directory import RunDirectory
from hydromae.store.prepare import prepare
from hydromae.training.progress import Progress
from hydromae.training.runs import is_finished, new_run
from support.callbacks import OnStep
from support.small import small_raw
from support.sources import World, make_world

Hydromae = Callable[..., tuple[int, str, str]]
SECRET = "hunter2-9f3c"


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_values, "_named", {})


@pytest.mark.parametrize("name", ["API_KEY", "KEY", "HF_TOKEN", "SECRET_2", "DB_PASSWORD", "AWS_CREDENTIALS", "token"])
def test_what_looks_like_a_secret_is_written_by_its_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, SECRET)
    config = build_config({"data": {"root": f"/data/${{{name}}}/x", "store": "s"}})
    assert config.data.root == f"/data/{SECRET}/x"
    kept = f"/data/${{{name}}}/x"
    assert yaml.safe_load(dump_config(config))["data"]["root"] == kept
    assert kept in json_text({"a": [config.data.root]}) and kept in sealed({"a": config.data.root})
    assert kept in str(DataError(f"{config.data.root}: is absent")) and revealed(kept) == config.data.root


@pytest.mark.parametrize("name", ["HOME_DATA", "MONKEY", "KEYBOARD", "PWD", "PASSAGE"])
def test_other_variables_are_written_by_their_values(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, SECRET)
    assert SECRET in dump_config(build_config({"data": {"root": f"${{{name}}}"}}))


def test_a_default_and_a_value_of_few_letters_are_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("API_TOKEN", raising=False)
    assert "root: public" in dump_config(build_config({"data": {"root": "${API_TOKEN:-public}"}}))
    remember_secret("API_TOKEN", "a")
    assert concealed("banana") == "banana"


def holds_secret(folder: Path) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 5
    return [path.name for path in files if SECRET.encode() in path.read_bytes()]


def test_no_secret_reaches_store_run_result_page_and_log_and_resume_reads_it_anew(
    hydromae: Hydromae, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_TOKEN", SECRET)
    world: World = make_world(tmp_path / SECRET / "sources")
    raw = small_raw(world, tmp_path / "run", logging={"log_file": str(tmp_path / "log.txt"), "log_every": 1})
    raw["data"] |= {"root": f"{tmp_path}/${{DATA_TOKEN}}/sources", "store": str(tmp_path / "store")}
    raw["data"]["modalities"]["evap"]["long_name"] = "${DATA_TOKEN}"
    settings = tmp_path / "a.yaml"
    settings.write_text(yaml.safe_dump(raw))
    config = load_config(settings)
    run = new_run(config, prepare(config), [OnStep(stop)])
    assert not is_finished(run)
    assert hydromae("check", settings, "-o", tmp_path / "run" / "check.html")[0] < 2
    assert hydromae("report", run.path)[0] == 0
    assert holds_secret(tmp_path / "store") == [] and holds_secret(run.path) == []
    assert "${DATA_TOKEN}" in run.config_file.read_text()

    monkeypatch.delenv("DATA_TOKEN")
    code, _, said = hydromae("resume", run.path)
    assert code == 2 and "the environment variable DATA_TOKEN is not set; set it" in said
    with pytest.raises(ConfigError, match="DATA_TOKEN is not set"):
        RunDirectory.open(run.path).config()
    secret_values._named.clear()  # as in a new process
    monkeypatch.setenv("DATA_TOKEN", SECRET)
    code, printed, said = hydromae("resume", run.path)
    assert code == 0 and is_finished(run) and SECRET not in printed + said
    code, printed, said = hydromae("forecast", run.path, "--horizon", "2", "-o", run.path / "forecast.nc")
    assert code == 0 and SECRET not in printed + said and (run.path / "forecast.nc").is_file()
    assert holds_secret(run.path) == []
    assert SECRET not in (tmp_path / "log.txt").read_text()


def stop(progress: Progress) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
