"""Writes the golden outputs of the two published configurations.

    PYTHONPATH=src:tests python tests/support/make_golden.py

Weights and data follow from integer arithmetic, not from a random generator, so any version of torch makes the same.
Run it only where a change of the model's numbers is meant, and say so.
"""

import json
import zlib
from pathlib import Path

import torch
from torch import Tensor, nn

from hydromae.config import ModelConfig
from hydromae.config.read import load_config
from hydromae.models.multimodal_mae import MultiModalMAE

REPOSITORY = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
PUBLISHED = ("crossmae", "crossmae_wfm")
DAYS = 3
_PRIME = 65_521


def quadratic(n: int, start: int) -> Tensor:
    """Values in [-1, 1) that look random, from quadratic residues; exact in integers."""
    i = torch.arange(n, dtype=torch.int64)
    residue = ((i + start) * (i * 7 + start) % _PRIME * 40_503 + i) % _PRIME
    return residue.double() * (2 / _PRIME) - 1


def set_weights(model: nn.Module) -> None:
    """Weights of variance 1 / inputs, gains about 1, everything else small; each parameter differs by its name."""
    with torch.no_grad():
        for path, module in model.named_modules():
            for name, parameter in module.named_parameters(recurse=False):
                values = quadratic(parameter.numel(), zlib.crc32(f"{path}.{name}".encode()) % _PRIME)
                values = values.reshape(parameter.shape)
                if isinstance(module, nn.LayerNorm):
                    values = 0.1 * values + (1.0 if name == "weight" else 0.0)
                elif parameter.ndim == 2 and name == "weight":
                    values = values * (3 / parameter.shape[1]) ** 0.5
                else:
                    values = 0.1 * values
                parameter.copy_(values)


def make_batch(config: ModelConfig) -> dict[str, Tensor]:
    """Windows of three days in which two tokens of five are hidden and some values are missing."""
    batch = {"static_attr": quadratic(config.static_attr_dim, 11).reshape(1, 1, -1).float()}
    batch["static_attr"][..., 4] = torch.nan
    for start, (name, kind) in enumerate(config.modalities.items(), start=1):
        if kind == "grid":
            shape, tokens = (1, DAYS, config.grid_height, config.grid_width), (1, DAYS, config.all_patches)
        else:
            shape, tokens = (1, 1, DAYS), (1, 1, DAYS)
        values = quadratic(torch.Size(shape).numel(), 1000 * start).float()
        if kind == "grid":
            values[::17] = torch.nan
        batch[name] = values.reshape(shape)
        batch[f"{name}_mask"] = (torch.arange(torch.Size(tokens).numel()).reshape(tokens) + start) % 5 < 2
    return batch


def outputs(name: str) -> dict[str, float | list[float]]:
    """Losses of a published configuration, and for each modality moments and some single predictions."""
    config = load_config(REPOSITORY / "configs" / f"{name}.yaml").model
    model = MultiModalMAE(config).eval()
    set_weights(model)
    batch = make_batch(config)
    with torch.no_grad():
        total, losses = model(batch)
        predicted = model.predict(model.as_batch(batch))
    found: dict[str, float | list[float]] = {"total_loss": float(total), **{k: float(v) for k, v in losses.items()}}
    for modality, values in predicted.items():
        flat = values.double().flatten()
        found[f"{modality}_mean_and_deviation"] = [float(flat.mean()), float(flat.std(correction=0))]
        found[f"{modality}_values"] = [float(v) for v in flat[:: max(1, len(flat) // 40)]]
    return found


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for published in PUBLISHED:
        text = json.dumps(outputs(published), indent=1)
        (GOLDEN / f"{published}.json").write_text(text + "\n", encoding="utf-8")
