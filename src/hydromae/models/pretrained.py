"""A model on disk: weights without code (safetensors) and its configuration beside them."""

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from hydromae.config import ModelConfig
from hydromae.errors import RunError
from hydromae.files import atomic_path, write_text
from hydromae.models.multimodal_mae import MultiModalMAE

WEIGHTS, CONFIG = "model.safetensors", "config.json"


def save_pretrained(model: MultiModalMAE, folder: Path) -> None:
    """Write `model.safetensors` and `config.json`, each atomically."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
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
    path = Path(path)
    folder = path / "model" if (path / "model" / CONFIG).is_file() else path
    try:
        content = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        with safe_open(folder / WEIGHTS, framework="pt") as file:
            written = (file.metadata() or {}).get("sha256")
        state = load_file(folder / WEIGHTS)
    except FileNotFoundError:
        raise RunError(f"{path}: holds no trained model; give the output of `hydromae train`") from None
    except (OSError, ValueError, SafetensorError) as error:
        raise RunError(f"{folder}: the model cannot be read ({error}); copy it anew or train again") from None
    if written != _digest(state):
        raise RunError(f"{folder / WEIGHTS}: is damaged (its checksum differs); copy it anew or train again")
    model = MultiModalMAE(ModelConfig(**content["model"]), state["valid_patches"], content["task_weights"])
    model.load_state_dict(state)
    return model.to(device).eval()


def _digest(state: dict[str, torch.Tensor]) -> str:
    """SHA-256 of all tensors in order of their names: a flipped byte loads silently from safetensors."""
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode())
        digest.update(state[name].numpy().tobytes())
    return digest.hexdigest()
