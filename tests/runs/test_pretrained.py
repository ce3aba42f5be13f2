import hashlib
import json
import os
import stat
from pathlib import Path

import pytest
import torch

from hydromae.base.errors import RunError
from hydromae.runs.pretrained import MultiModalMAE, _digest, load_pretrained, save_pretrained, seal
from support.disk_faults import Fault, run, unavailable
from support.tiny import EACH, VARIANTS, assert_same, plain_dict, predictions, tiny_config, tiny_model


@pytest.fixture
def model() -> MultiModalMAE:
    return tiny_model(tiny_config(), torch.float32)


@pytest.fixture
def folder(model: MultiModalMAE, tmp_path: Path) -> Path:
    save_pretrained(model, tmp_path / "run" / "model")
    return tmp_path / "run" / "model"


@pytest.mark.parametrize("variant", EACH)
def test_a_saved_model_predicts_the_same_bit_for_bit(variant: str, tmp_path: Path) -> None:
    config = tiny_config(**VARIANTS[variant], dropout=0.5)
    model = tiny_model(config, torch.float32)
    model.task_weights = {"temp_loss": 10.0}
    model.save_pretrained(tmp_path)
    loaded = MultiModalMAE.from_pretrained(tmp_path)
    assert loaded.config == config and loaded.task_weights == {"temp_loss": 10.0} and not loaded.training
    assert_same(loaded.state_dict(), model.state_dict())
    assert_same(predictions(loaded, plain_dict(config)), predictions(model.eval(), plain_dict(config)))


def test_the_run_and_its_model_folder_give_the_same_model(folder: Path, model: MultiModalMAE) -> None:
    for path in (folder, folder.parent, str(folder.parent)):
        assert_same(load_pretrained(path).state_dict(), model.state_dict())
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.999])
def test_a_flipped_byte_of_the_weights_is_found_and_the_file_named(folder: Path, share: float) -> None:
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[int(share * len(content))] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunError, match=rf"{path}: is damaged \(.*copy it anew or train again"):
        load_pretrained(folder.parent)


@pytest.mark.parametrize("size", [0, 5, 1000])
def test_weights_that_were_cut_short_are_named(folder: Path, size: int) -> None:
    os.truncate(folder / "model.safetensors", size)
    with pytest.raises(RunError, match=r"model\.safetensors: is damaged"):
        load_pretrained(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"model": {}}', '{"model": {"d_modl": 8}, "task_weights": {}}'])
def test_a_damaged_configuration_is_named(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content)
    with pytest.raises(RunError, match=r"config\.json: is damaged \(.*copy it anew or train again") as caught:
        load_pretrained(folder)
    assert "\n" not in str(caught.value)


def test_a_configuration_of_another_model_is_named(folder: Path) -> None:
    content = json.loads((folder / "config.json").read_text())
    content["model"]["d_model"] = 32
    (folder / "config.json").write_text(json.dumps(content))
    seal(folder)
    with pytest.raises(RunError, match=r"config\.json: does not fit the weights in model\.safetensors; copy it anew"):
        load_pretrained(folder)


@pytest.mark.parametrize("gone", ["config.json", "model.safetensors"])
def test_a_model_that_is_not_there_is_refused(folder: Path, gone: str) -> None:
    (folder / gone).unlink()
    with pytest.raises(RunError, match=r"holds no trained model \(no .*\); give the output of `hydromae train`"):
        load_pretrained(folder.parent)
    with pytest.raises(RunError, match="holds no trained model"):
        load_pretrained(folder.parent.parent / "nowhere")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_a_model_of_any_precision_is_saved_and_comes_back_with_its_values(dtype: torch.dtype, tmp_path: Path) -> None:
    model = tiny_model(tiny_config(), torch.float32).to(dtype)
    model.save_pretrained(tmp_path)
    loaded = load_pretrained(tmp_path)
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name].double(), tensor.float().double()), name
    path = tmp_path / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(RunError, match="its checksum differs"):
        load_pretrained(tmp_path)


def test_the_checksum_is_that_of_the_bytes_in_order_of_names() -> None:
    """As files of older versions carry it."""
    state = {"b": torch.arange(3.0), "a": torch.tensor(7), "empty": torch.zeros(0, 2), "flag": torch.tensor([True])}
    expected = hashlib.sha256()
    for name in sorted(state):
        expected.update(name.encode() + state[name].numpy().tobytes())
    assert _digest(state) == expected.hexdigest()


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_weights_can_be_read_by_those_whom_the_umask_lets(model: MultiModalMAE, tmp_path: Path, umask: int) -> None:
    old = os.umask(umask)
    try:
        save_pretrained(model, tmp_path / "model")
    finally:
        os.umask(old)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "model").iterdir()}
    assert modes == {"config.json": 0o666 & ~umask, "model.safetensors": 0o666 & ~umask}


@pytest.mark.skipif(bool(unavailable()), reason=unavailable())
@pytest.mark.parametrize("at", range(1, 6))
def test_weights_that_the_disk_refuses_are_not_called_damaged(folder: Path, at: int) -> None:
    def load() -> None:
        with pytest.raises(RunError) as caught:
            load_pretrained(folder)
        print(caught.value)

    outcome = run(load, folder, Fault(at, "EIO"))
    assert outcome.failed and outcome.code == 0, outcome.err
    assert "damaged" not in outcome.out
    assert "Input/output error" in outcome.out or "could not be opened a moment ago" in outcome.out
