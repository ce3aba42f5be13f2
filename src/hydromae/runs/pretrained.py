"""A model on disk: weights without code (safetensors) and its configuration beside them.

The weights' file holds a hash of the weights and one of the configuration, which has the scalers; models that were
saved before lack the latter, and `seal` adds it.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save

from hydromae.base.errors import RunError
from hydromae.base.files import atomic_path, sha256, write_text
from hydromae.base.json_text import json_text
from hydromae.base.permissions import refused
from hydromae.config import ModelConfig
from hydromae.models import multimodal_mae
from hydromae.runs.hub import download, upload
from hydromae.runs.model_card import model_card
from hydromae.runs.shipped import located

WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_REMEDY = "copy it anew or train again"


@dataclass(frozen=True)
class Pretrained:
    """A trained model as stored on disk.

    Attributes:
        config: of the model.
        task_weights: weight of each loss.
        trained_on: as of `MultiModalMAE`.
        weights: every tensor by its name, on the CPU.
        folder: that holds the files.
    """

    config: ModelConfig
    task_weights: dict[str, float]
    trained_on: dict[str, Any]
    weights: dict[str, torch.Tensor]
    folder: Path


class MultiModalMAE(multimodal_mae.MultiModalMAE):
    """The network with its ways to disk and to the Hugging Face hub; see `hydromae.models.multimodal_mae`."""

    @classmethod
    def from_pretrained(cls, path: str | Path, device: torch.device | str = "cpu", **hub: Any) -> "MultiModalMAE":
        """A trained model from a run, a folder or the Hugging Face hub; see `hydromae.load_pretrained`."""
        return load_pretrained(path, device, **hub)

    def save_pretrained(self, folder: str | PathLike[str]) -> None:
        """Write `model.safetensors` and `config.json`, and a model card, `README.md`, unless there is one."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        save_pretrained(self, folder)
        if not (folder / CARD).exists():
            write_text(folder / CARD, model_card(self))

    def push_to_hub(self, repo_id: str, **options: Any) -> str:
        """Upload the files of `save_pretrained` to the Hugging Face hub; makes the repository where there is none.

        Args:
            repo_id: as `user/name`.
            options: as of `hydromae.runs.hub.upload`: private, token, branch, commit_message, create_pr, more.

        Returns:
            Address of the commit.

        Raises:
            RunError: the hub's client is not installed, the hub cannot be reached, or it refuses.
        """
        with TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            return upload(Path(folder), repo_id, **options)


def save_pretrained(
    model: multimodal_mae.MultiModalMAE, folder: Path, weights: Mapping[str, torch.Tensor] | None = None
) -> None:
    """Write `model.safetensors` and `config.json`, each atomically; with `weights` in place of the model's own."""
    weights = model.state_dict() if weights is None else weights
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    content = {
        "model": model.config.model_dump(mode="json"),
        "task_weights": model.task_weights,
        "trained_on": model.trained_on,
    }
    write_text(folder / CONFIG, json_text(content, indent=1))
    _write_weights(folder, state)


def seal(folder: Path) -> None:
    """Give a model that was saved before the hash of its configuration; its weights stay as they are, bit for bit."""
    _write_weights(folder, _read_weights(folder / WEIGHTS))


def _write_weights(folder: Path, state: dict[str, torch.Tensor]) -> None:
    hashes = {"sha256": _digest(state), "config_sha256": sha256(folder / CONFIG)}
    content = _in_order(save(state, metadata=hashes))
    with atomic_path(folder / WEIGHTS) as temporary:
        temporary.write_bytes(content)  # safetensors' own writer does not say what a disk refused


def _in_order(content: bytes) -> bytes:
    """Put the hashes in order, which safetensors writes in any: the same model gives the same file."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    ordered = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    assert len(ordered) <= size
    return b"".join((content[:8], ordered.ljust(size), content[8 + size :]))


def load_pretrained(path: str | PathLike[str], device: torch.device | str = "cpu", **hub: Any) -> MultiModalMAE:
    """A trained model, in eval mode.

    Args:
        path: a run directory, a folder with `model.safetensors` and `config.json`, or, as text, the name of a model
            that comes with the package, `gb`, or of one on the Hugging Face hub, `user/name`, where no folder `user`
            is here.
        device: where to put it.
        hub: options of the download, as `revision`, `token`, `cache_dir`, `local_files_only`.

    Raises:
        RunError: there is no model, it is damaged, or the hub cannot be reached.
    """
    pretrained = read_pretrained(path if isinstance(path, str) else Path(path), **hub)
    model = MultiModalMAE(pretrained.config, pretrained.weights["valid_patches"], pretrained.task_weights)
    model.trained_on = pretrained.trained_on
    try:
        model.load_state_dict(pretrained.weights)
    except RuntimeError:
        raise RunError(f"{pretrained.folder / CONFIG}: does not fit the weights in {WEIGHTS}; {_REMEDY}") from None
    return model.to(device).eval()


def read_pretrained(path: str | Path, **hub: Any) -> Pretrained:
    """A trained model's configuration and weights, without building it; arguments and errors of `load_pretrained`."""
    path = download(str(path), [CONFIG, WEIGHTS], **hub) if _is_on_hub(path) else located(path)
    if reason := refused(path) or refused(path / "model"):
        raise RunError(reason)
    folder = path / "model" if (path / "model" / CONFIG).is_file() else path
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise RunError(f"{path}: holds no trained model (no {name}); give the output of `hydromae train`")
    return Pretrained(*_read_config(folder), _read_weights(folder / WEIGHTS), folder)


def read_trained_on(path: str | Path) -> dict[str, Any]:
    """What a trained model's `config.json` says of the data it was trained on; its weights are not read.

    Raises:
        RunError: there is no model here, or its configuration is damaged.
    """
    path = located(path)
    folder = path / "model" if (path / "model" / CONFIG).is_file() else path
    return _read_config(folder)[2]


def _is_on_hub(path: str | Path) -> bool:
    """Whether it has the form of a model's name on the hub; if a folder `user` exists here, a local path is meant."""
    return isinstance(path, str) and _HUB_NAME.fullmatch(path) is not None and not Path(path).parent.exists()


def _read_config(folder: Path) -> tuple[ModelConfig, dict[str, float], dict[str, Any]]:
    path = folder / CONFIG
    try:
        given = path.read_bytes()
        written = _metadata(folder / WEIGHTS).get("config_sha256") if (folder / WEIGHTS).is_file() else None
        if written is not None and hashlib.sha256(given).hexdigest() != written:
            raise RunError(f"{path}: is damaged (it is not what {WEIGHTS} was saved with); {_REMEDY}")
        content = json.loads(given)
        return ModelConfig.model_validate(content["model"]), dict(content["task_weights"]), dict(content["trained_on"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise RunError(refused(path, error) or f"{path}: is damaged ({reason}); {_REMEDY}") from None


def _metadata(path: Path) -> dict[str, str]:
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:  # torch's own errors are RuntimeErrors
        raise RunError(refused(path, error) or f"{path}: is damaged ({error}); {_REMEDY}") from None


def _read_weights(path: Path) -> dict[str, torch.Tensor]:
    written = _metadata(path).get("sha256")
    try:
        state = load_file(path)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise RunError(refused(path, error) or f"{path}: is damaged ({error}); {_REMEDY}") from None
    if written != _digest(state):
        raise RunError(f"{path}: is damaged (its checksum differs); {_REMEDY}")
    return state


def _digest(state: dict[str, torch.Tensor]) -> str:
    """SHA-256 of all tensors in order of their names: a flipped byte loads silently from safetensors."""
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode())
        # As bytes, since numpy has no bfloat16.
        digest.update(state[name].contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
