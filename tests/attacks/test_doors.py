"""Weather and results that commands read: damaged or hostile, they are one sentence, within a second and little memory.

`pytest -m slow -s tests/attacks -k door` tries 100 a door and prints how many crashed.
"""

import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5netcdf
import h5py
import numpy as np
import pytest
import torch
import xarray as xr

from hydromae.base.errors import DataError, HydroMAEError, RunError
from hydromae.base.files import sha256
from hydromae.base.memory import used_memory
from hydromae.plots.plot import plot
from hydromae.report.cross_modality import load_cross_modality
from hydromae.report.evaluation import read_evaluation
from hydromae.report.inputs import open_reconstruction
from hydromae.results.write import write_result
from hydromae.runs.checkpoint import load_newest
from hydromae.runs.directory import RunDirectory
from hydromae.store.store import Store
from hydromae.training.runs import continue_run
from hydromae.training.setup import model_config_for
from support.small import small_config
from support.sources import World
from support.stamped import DAYS
from support.untrained import ONE, untrained_run
from support.weather import open_weather_file

SECONDS, MEMORY = 20, 2**28


def reconstruction(path: Path) -> Any:
    with open_reconstruction(path) as opened:
        return opened.load()


def evaluation(path: Path) -> Any:
    (path.parent / "none_scores.nc").write_bytes(path.read_bytes())
    return read_evaluation(path.parent, path.rename(path.with_name("none.nc")).parent)


DOORS: dict[str, Callable[[Path], Any]] = {
    "forcing": open_weather_file,
    "plot": plot,
    "report, evaluation": evaluation,
    "report, reconstruction": reconstruction,
    "report, cross modality": load_cross_modality,
}
EVERY_DOOR = pytest.mark.parametrize("door", DOORS)


def weather(path: Path) -> Path:
    """A sound file of weather, which is no result of any command, without the hash that ours have."""
    values = np.arange(len(DAYS), dtype=np.float32)[:, None]
    data = xr.Dataset(
        {name: (("time", "station"), values, {"units": "mm/d"}) for name in ("rain", "evap")},
        {"time": DAYS.astype("datetime64[ns]"), "station": ["7"]},
    )
    write_result(data, path)
    return path


def without_seal(path: Path) -> Path:
    with path.open("rb+") as file:
        file.truncate(path.stat().st_size - 81)
    return path


def refused(door: str, path: Path, told: str) -> None:
    before, began = used_memory(), time.monotonic()
    with pytest.raises(DataError, match=told) as said:
        DOORS[door](path)
    assert "\n" not in str(said.value) and path.suffix in str(said.value)
    assert time.monotonic() - began < SECONDS and used_memory() - before < MEMORY


@EVERY_DOOR
@pytest.mark.parametrize("kind", ["external link", "virtual", "external storage"])
def test_no_door_leads_to_another_file(tmp_path: Path, door: str, kind: str) -> None:
    secret = weather(tmp_path / "secret.nc")
    path = weather(tmp_path / "a.nc")
    with h5py.File(path, "a") as file:
        shape = file["rain"].shape
        del file["rain"]
        if kind == "external link":
            file["rain"] = h5py.ExternalLink(str(secret), "rain")
        elif kind == "virtual":
            layout = h5py.VirtualLayout(shape, "f4")
            layout[:] = h5py.VirtualSource(str(secret), "rain", shape)
            file.create_virtual_dataset("rain", layout)
        else:
            file.create_dataset("rain", shape, "f4", external=[(str(secret), 0, 4 * shape[0])])
    refused(door, path, "is a link to another file|keeps its values in another file")


@EVERY_DOOR
@pytest.mark.parametrize("shape", [(200_000_000, 1), (90_000, 90_000), (90_000, 90_000, 2)])
def test_no_door_takes_memory_that_is_only_declared(tmp_path: Path, door: str, shape: tuple[int, ...]) -> None:
    path = tmp_path / "a.nc"
    with h5netcdf.File(path, "w") as file:
        file.dimensions = dict(zip(("time", "station", "member"), shape, strict=False))
        names = tuple(file.dimensions)
        file.create_variable("rain", names, "f4", chunks=(1000, *(1 for _ in shape[1:]))).attrs["units"] = "mm/d"
    refused(door, path, "declares .* (entries|values)")


@EVERY_DOOR
def test_no_door_unpacks_a_zarr_with_a_codec_that_runs_code(
    tmp_path: Path, door: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "none.zarr"
    data = xr.Dataset({"rain": (("time", "station"), np.ones((2, 1), "f4"))}, {"time": [0, 1], "station": [7]})
    data.to_zarr(path, zarr_format=2, consolidated=False)
    described = json.loads((path / "rain" / ".zarray").read_text())
    described |= {"compressor": None, "filters": [{"id": "pickle", "protocol": 4}]}
    (path / "rain" / ".zarray").write_text(json.dumps(described))
    (path / "rain" / "0.0").write_bytes(b"cposix\nsystem\n(S'touch harmed'\ntR.")
    if door in ("forcing", "plot"):
        refused(door, path, "is stored with pickle, which is not read")
    assert not (tmp_path / "harmed").exists()


def test_texts_of_a_zarr_result_are_read(tmp_path: Path) -> None:
    weather(path := tmp_path / "a.zarr")
    assert set(open_weather_file(path).names) == {"rain", "evap"}


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("kind", [object, "U5", "S5"])
@pytest.mark.filterwarnings("ignore")
def test_ids_in_zarr_of_others_are_read_in_every_form(tmp_path: Path, version: Any, kind: Any) -> None:
    ids = np.array(["012", "7"]).astype(kind)
    rain = (("time", "station"), np.ones((2, 2), "f4"), {"units": "mm/d"})
    xr.Dataset({"rain": rain}, {"time": DAYS[:2].astype("M8[ns]"), "station": ids}).to_zarr(
        tmp_path / "a.zarr", zarr_format=version
    )
    assert open_weather_file(tmp_path / "a.zarr", ("012", "7")).series["rain"].values.tolist() == [[1, 1], [1, 1]]


def test_a_changed_byte_in_weather_of_our_own_is_told(tmp_path: Path) -> None:
    path = weather(tmp_path / "a.nc")
    assert set(open_weather_file(path).names) == {"rain", "evap"}
    with path.open("rb+") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    refused("forcing", path, "its checksum differs")


def damage(door: str, folder: Path, trials: int) -> None:
    """Change bytes of an unsealed file; what its door then says is a sentence, or what it read."""
    sound, draw, crashed = without_seal(weather(folder / "sound.nc")).read_bytes(), random.Random(door), []
    for trial in range(trials):
        path, content = folder / "a.nc", bytearray(sound)
        for _ in range(draw.choice((1, 1, 8))):
            content[draw.randrange(len(content))] = draw.choice((0, 0xFF, draw.randrange(256)))
        path.unlink(missing_ok=True)
        path.write_bytes(content[: draw.randrange(len(content))] if trial % 8 == 7 else content)
        began = time.monotonic()
        try:
            DOORS[door](path)
        except HydroMAEError as error:
            crashed += [str(error)] if "\n" in str(error) else []
        except Exception as error:
            crashed.append(f"{trial}: {error!r}")
        crashed += [f"{trial}: took long"] if time.monotonic() - began > SECONDS else []
    print(f"\n| bytes of a file without hash, {door} | {trials} | - | {len(crashed)} |")
    assert not crashed


def test_a_damaged_file_at_the_door_of_weather_is_a_sentence(tmp_path: Path) -> None:
    damage("forcing", tmp_path, 16)


@pytest.mark.slow
@EVERY_DOOR
def test_a_damaged_file_at_any_door_is_a_sentence(tmp_path: Path, door: str) -> None:
    damage(door, tmp_path, 100)


class Harm:
    """Unpickling it makes a file in the current folder."""

    def __reduce__(self) -> tuple[Any, ...]:
        return open, ("harmed", "w")


def checkpoint(run: Path, content: Any) -> Path:
    """A checkpoint with a checksum that is right, as anybody can make one."""
    path = run / "checkpoints" / "step_00000007.pt"
    path.parent.mkdir(exist_ok=True)
    torch.save(content, path)
    path.with_suffix(".sha256").write_text(sha256(path))
    return path


def test_a_checkpoint_with_objects_runs_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for content in ({"model": Harm()}, Harm(), [1, 2]):
        path = checkpoint(tmp_path, content)
        with pytest.raises(RunError, match=rf"{path.name}: is not a checkpoint of this run .*; delete it") as said:
            load_newest(path.parent, torch.device("cpu"))
        assert "\n" not in str(said.value) and not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("content", [{}, {"batch": "many"}, {"batch": 4}, {"batch": 4, "data": {"n_days": 9}}])
def test_a_checkpoint_that_lacks_keys_is_a_sentence(
    prepared: tuple[World, Store], tmp_path: Path, content: dict[str, Any]
) -> None:
    config, store = small_config(prepared[0], tmp_path / "run", **ONE), prepared[1]
    run = RunDirectory.create(config.model_copy(update={"model": model_config_for(config, store)}), store)
    path = checkpoint(run.path, content)
    with pytest.raises(RunError, match=rf"{path.name}: is not a checkpoint of this run .*; delete it") as said:
        continue_run(run)
    assert "\n" not in str(said.value)


def test_a_changed_configuration_of_a_run_is_refused_by_all_that_reads_it(
    prepared: tuple[World, Store], tmp_path: Path
) -> None:
    run = untrained_run(*prepared, tmp_path / "run", **ONE)
    text = run.config_file.read_text()
    assert "window: 12" in text
    run.config_file.write_text(text.replace("window: 12", "window: 13"))
    told = r"config\.yaml: is not as it was when the run was begun: data\.window \(12 in the run, now 13\); set it as"
    with pytest.raises(RunError, match=told):
        RunDirectory.open(run.path).config()
    run.config_file.write_text(text.replace("log_every: 2", "log_every: 3"))
    assert RunDirectory.open(run.path).config().logging.log_every == 3
    content = run.read_json("data.json")
    del content["settings"]
    run.write_json("data.json", content)  # as older versions wrote it
    run.config_file.write_text(text.replace("window: 12", "window: 11"))
    assert RunDirectory.open(run.path).config().data.window == 11


def test_weather_of_another_program_needs_no_hash(tmp_path: Path) -> None:
    path = without_seal(weather(tmp_path / "a.nc"))
    assert b"sha256" not in path.read_bytes()[-81:] and set(open_weather_file(path).names) == {"rain", "evap"}
