"""A model on disk: weights without code (safetensors) and its configuration beside them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from hydromae.config import ModelConfig
from hydromae.errors import RunError
from hydromae.files import atomic_path, write_text
from hydromae.models.multimodal_mae import MultiModalMAE

WEIGHTS, CONFIG = "model.safetensors", "config.json"
_REMEDY = "copy it anew or train again"


@dataclass(frozen=True)
class Pretrained:
    """A trained model as it lies on disk.

    Attributes:
        config: of the model.
        task_weights: weight of each loss.
        weights: every tensor by its name, on the CPU.
        folder: where they lie.
    """

    config: ModelConfig
    task_weights: dict[str, float]
    weights: dict[str, torch.Tensor]
    folder: Path


def save_pretrained(model: MultiModalMAE, folder: Path, weights: Mapping[str, torch.Tensor] | None = None) -> None:
    """Write `model.safetensors` and `config.json`, each atomically; with `weights` in the place of the model's own."""
    weights = model.state_dict() if weights is None else weights
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    content = {"model": model.config.model_dump(mode="json"), "task_weights": model.task_weights}
    write_text(folder / CONFIG, json.dumps(content, indent=1))
    with atomic_path(folder / WEIGHTS) as temporary:
        save_file(state, temporary, metadata={"sha256": _digest(state)})


def load_pretrained(path: str | Path, device: torch.device | str = "cpu") -> MultiModalMAE:
    """A trained model, in eval mode.

    Args:
        path: a run directory, or a folder with `model.safetensors` and `config.json`.
        device: where to put it.

    Raises:
        RunError: there is no model, or it is damaged.
    """
    found = read_pretrained(path)
    model = MultiModalMAE(found.config, found.weights["valid_patches"], found.task_weights)
    try:
        model.load_state_dict(found.weights)
    except RuntimeError:
        raise RunError(f"{found.folder / CONFIG}: is not of the weights in {WEIGHTS}; {_REMEDY}") from None
    return model.to(device).eval()


def read_pretrained(path: str | Path) -> Pretrained:
    """A trained model's configuration and weights, without building it.

    Args:
        path: as of `load_pretrained`.

    Raises:
        RunError: there is no model, or it is damaged.
    """
    path = Path(path)
    folder = path / "model" if (path / "model" / CONFIG).is_file() else path
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise RunError(f"{path}: holds no trained model (no {name}); give the output of `hydromae train`")
    return Pretrained(*_read_config(folder / CONFIG), _read_weights(folder / WEIGHTS), folder)


def _read_config(path: Path) -> tuple[ModelConfig, dict[str, float]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return ModelConfig.model_validate(content["model"]), dict(content["task_weights"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise RunError(f"{path}: is damaged ({reason}); {_REMEDY}") from None


def _read_weights(path: Path) -> dict[str, torch.Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            written = (file.metadata() or {}).get("sha256")
        state = load_file(path)
    except (OSError, ValueError, SafetensorError) as error:
        raise RunError(f"{path}: is damaged ({error}); {_REMEDY}") from None
    if written != _digest(state):
        raise RunError(f"{path}: is damaged (its checksum differs); {_REMEDY}")
    return state


def _digest(state: dict[str, torch.Tensor]) -> str:
    """SHA-256 of all tensors in order of their names: a flipped byte loads silently from safetensors."""
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode())
        digest.update(state[name].numpy().tobytes())
    return digest.hexdigest()
