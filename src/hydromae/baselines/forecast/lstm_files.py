"""A fitted LSTM on disk: tensors without code (safetensors), with their description beside them."""

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from hydromae.base.errors import RunError
from hydromae.base.files import atomic_path, sha256, write_text
from hydromae.base.json_text import json_text
from hydromae.base.permissions import refused
from hydromae.baselines.forecast.lstm_inputs import Scaling
from hydromae.baselines.forecast.lstm_training import LstmSettings

TENSORS, CONTENT = "lstm.safetensors", "lstm.json"
_NET, _SCALING = "net.", "scaling."
_REMEDY = "copy it anew or fit again"


@dataclass(frozen=True)
class SavedLstm:
    """The whole content of a fitted LSTM.

    Attributes:
        settings: of the net and its training.
        target: the variable it forecasts.
        forcing: the variables it reads.
        static: the attributes it reads.
        stations: ids of the stations that have a scale.
        horizon: longest lead time in days.
        scaling: of the training period.
        weights: of the net.
    """

    settings: LstmSettings
    target: str
    forcing: list[str]
    static: list[str]
    stations: list[str]
    horizon: int
    scaling: Scaling
    weights: dict[str, Tensor]


def write_lstm(saved: SavedLstm, folder: Path) -> None:
    """Write the tensors, then the description that carries their checksum.

    Raises:
        DataError: the folder cannot be written.
    """
    tensors = {f"{_NET}{name}": tensor.detach().cpu().contiguous() for name, tensor in saved.weights.items()}
    for field in fields(Scaling):
        tensors[f"{_SCALING}{field.name}"] = torch.from_numpy(getattr(saved.scaling, field.name)).contiguous()
    with atomic_path(folder / TENSORS) as temporary:
        temporary.write_bytes(save(tensors))  # safetensors' own writer does not say what a disk refused
    content = {
        "settings": asdict(saved.settings),
        "target": saved.target,
        "forcing": saved.forcing,
        "static": saved.static,
        "stations": saved.stations,
        "horizon": saved.horizon,
        "sha256": sha256(folder / TENSORS),
    }
    write_text(folder / CONTENT, json_text(content, indent=1))


def read_lstm(folder: Path) -> SavedLstm:
    """Read what `write_lstm` wrote.

    Raises:
        RunError: the folder holds no fitted LSTM, or it is damaged.
    """
    for name in (CONTENT, TENSORS):
        if not (folder / name).is_file():
            raise RunError(f"{folder}: holds no fitted LSTM (no {name}); give the folder that `save` wrote")
    try:
        content = json.loads((folder / CONTENT).read_text(encoding="utf-8"))
        if content.pop("sha256") != sha256(folder / TENSORS):
            raise RunError(f"{folder / TENSORS}: is damaged (its checksum differs); {_REMEDY}")
        tensors = load_file(folder / TENSORS)
        scaling = Scaling(**{field.name: tensors[f"{_SCALING}{field.name}"].numpy() for field in fields(Scaling)})
        weights = {name.removeprefix(_NET): tensor for name, tensor in tensors.items() if name.startswith(_NET)}
        return SavedLstm(LstmSettings(**content.pop("settings")), scaling=scaling, weights=weights, **content)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        permission_problem = refused(folder / CONTENT) or refused(folder / TENSORS, error)
        raise RunError(permission_problem or f"{folder}: is damaged ({reason}); {_REMEDY}") from None
