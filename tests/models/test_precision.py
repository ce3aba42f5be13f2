"""Reduced precision, compilation, modes: the same model up to rounding."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from support.tiny import EACH, VARIANTS, assert_same, gradients, plain_dict, predictions, tiny_config, tiny_model

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("variant", "dtype"),
    [*(pytest.param(*one.values, torch.bfloat16, marks=one.marks) for one in EACH), ("fused", torch.float16)],
    ids=str,
)
def test_a_model_cast_to_half_precision_trains_on_single_precision_batches(variant: str, dtype: torch.dtype) -> None:
    config = tiny_config(**VARIANTS[variant])
    model = tiny_model(config, dtype)
    total, losses = model(plain_dict(config))
    assert total.isfinite() and all(loss.dtype == torch.float32 for loss in losses.values())
    found = gradients(model, total)
    assert all(gradient.isfinite().all() for gradient in found.values())
    has_film = any("film" in name for name in found)
    assert any(gradient.any() for name, gradient in found.items() if "film" in name) is has_film


@pytest.mark.parametrize("variant", EACH)
def test_autocast_agrees_with_single_precision(variant: str) -> None:
    config = tiny_config(**VARIANTS[variant])
    model, plain = tiny_model(config, torch.float32), plain_dict(config)
    exact = predictions(model, plain)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = predictions(model, plain)
        total, _ = model(plain)
    total.backward()
    for name, values in rounded.items():
        assert values.dtype == torch.float32
        error = (values - exact[name]).nan_to_num().square().mean().sqrt()
        # bfloat16 has 8 bits: 0.4 % an operation, a few operations in a row.
        assert error < 0.05 * exact[name].nan_to_num().square().mean().sqrt(), name
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_dropout_changes_predictions_in_training_and_not_in_evaluation() -> None:
    config = tiny_config(dropout=0.3)
    model, plain = tiny_model(config), plain_dict(config)
    assert not torch.equal(
        predictions(model, plain)["evap"].nan_to_num(), predictions(model, plain)["evap"].nan_to_num()
    )
    model.eval()
    without = tiny_model(tiny_config(dropout=0.0))
    without.load_state_dict(model.state_dict())
    assert_same(predictions(model, plain), predictions(model, plain))
    assert_same(predictions(model, plain), predictions(without, plain))


COMPILED = """
import torch
from support.tiny import assert_same, gradients, plain_dict, tiny_config, tiny_model

config = tiny_config(
    modalities={"precip": "grid", "evap": "series"},
    grid_encoder_layers=1,
    series_encoder_layers=1,
    decoder_layers=1,
    decoder_self_attn=True,
    use_weighted_fm=True,
)
model = tiny_model(config, torch.float32)
batch = model.as_batch(plain_dict(config))
assert batch.tokens["precip"].visible.padding is not None
expected, _ = model(batch)
found, _ = torch.compile(model)(batch)
torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
assert_same(gradients(model, found), gradients(model, expected), 1e-4)
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gcc") is None, reason="torch.compile needs a C++ compiler")
def test_a_compiled_model_equals_the_eager_one() -> None:
    # In a process of its own: the compiler cannot see through the run-time checks of shapes in this one.
    paths = os.pathsep.join(str(REPOSITORY / folder) for folder in ("src", "tests"))
    done = subprocess.run(
        [sys.executable, "-c", COMPILED], env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
