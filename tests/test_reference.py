"""Stores, runs and checkpoints of users stay good: what the package gave before its code was arranged anew."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from hydromae.training.runs import continue_run
from support.reference import FOLDER, GAUGES, GRIDS, masks, outputs, unpacked


@pytest.fixture(params=[GRIDS, GAUGES])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_masks_are_equal_bit_for_bit(name: str, tmp_path: Path) -> None:
    now = masks(unpacked(name, tmp_path))
    with np.load(FOLDER / name / "masks.npz") as before:
        assert set(now) == set(before)
        for key in before:
            np.testing.assert_array_equal(now[key], before[key], err_msg=key)


def test_every_task_gives_what_it_gave(name: str, tmp_path: Path) -> None:
    now = outputs(unpacked(name, tmp_path), name, tmp_path)
    with np.load(FOLDER / name / "outputs.npz") as before:
        assert set(before) <= set(now)
        for key in before:
            # Some changes, in percent, divide by errors near 0, so that rounding, which differs by processor, counts.
            percent = key.startswith("cross_modality/change")
            atol = 1e-5 * np.nanmax(np.abs(before[key])) if percent else 1e-6
            np.testing.assert_allclose(now[key], before[key], rtol=1e-4 if percent else 1e-5, atol=atol, err_msg=key)


def test_training_goes_on_from_the_checkpoint_as_it_did(name: str, tmp_path: Path) -> None:
    run = unpacked(name, tmp_path)
    for after in ("summary.json", "model"):
        path = run.path / after
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    continue_run(run)
    now, before = (load_file(folder / "model/model.safetensors") for folder in (run.path, FOLDER / name / "run"))
    assert set(now) == set(before)
    for key, weights in before.items():
        if key.endswith("qkv.bias"):
            # A bias of keys moves all scores of a query alike, so its gradient is rounding, which AdamW makes large.
            queries, _, values = np.split(np.arange(len(weights)), 3)
            changing = np.concatenate([queries, values])
            now[key], weights = now[key][changing], weights[changing]
        np.testing.assert_allclose(now[key], weights, rtol=1e-4, atol=1e-6, err_msg=key)
