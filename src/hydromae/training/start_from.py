"""Starting from trained weights: which of them fit another model, and what was done with each tensor."""

import logging
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from rich.table import Table
from torch import Tensor

from hydromae.base.errors import ConfigError, HydroMAEError
from hydromae.config import ModelConfig
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import Pretrained, read_pretrained
from hydromae.runs.seen import BEFORE, Seen, ever_seen
from hydromae.store.store import Store
from hydromae.tokens.shape import token_shape

logger = logging.getLogger(__name__)

How = Literal["loaded", "resized", "new", "left out"]

_QUANTILES = "_decoder.decoder.quantile_head.projection"
_OF_TOKENS = ("_encoder.embedding.weight", "_encoder.validity.weight", "_decoder.decoder.head.weight",
              "_decoder.decoder.head.bias", "_decoder.states.to_query.weight", f"{_QUANTILES}.weight",
              f"{_QUANTILES}.bias")  # fmt: skip
_OF_ATTRIBUTES = (".static.weight", ".scale_and_shift.weight", "station_states.attributes.weight",
                  "donors.receiver.weight", "donors.donor.weight")  # fmt: skip


@dataclass(frozen=True)
class Carried:
    """What became of one tensor.

    Attributes:
        name: in the model, or in the model that it started from where `how` is "left out".
        how: loaded unchanged, resized (part of it was loaded), new (as initialised), or left out.
        why: the reason, unless it was loaded.
    """

    name: str
    how: How
    why: str = ""


@dataclass(frozen=True)
class Start:
    """Where a training started from, tensor by tensor.

    Attributes:
        path: of the model.
        tensors: what became of each.
        before: the data that its weights had been trained on.
    """

    path: str
    tensors: tuple[Carried, ...]
    before: tuple[Seen, ...] = ()

    def count(self, how: How) -> int:
        """Number of tensors with which this was done."""
        return sum(tensor.how == how for tensor in self.tensors)

    def table(self) -> Table:
        """One line for all tensors of a part that were treated alike, for the console."""
        table = Table("part", "tensors", "was", "since", title=f"Start from {self.path}", title_justify="left")
        for (part, how, why), count in self._rows():
            table.add_row(part, str(count), how, why)
        return table

    def log(self) -> None:
        """Write to the log what was not simply loaded."""
        kinds: tuple[How, ...] = ("loaded", "resized", "new", "left out")
        logger.info("starts from %s: %s tensors", self.path, ", ".join(f"{self.count(how)} {how}" for how in kinds))
        for (part, how, why), count in self._rows():
            if how != "loaded":
                logger.info("%s: %s (%d tensors), since %s", part, how, count, why)

    def to_json(self) -> dict[str, Any]:
        """For `start.json` of a run."""
        return {
            "from": self.path,
            BEFORE: [seen.to_json() for seen in self.before],
            "tensors": [asdict(tensor) for tensor in self.tensors],
        }

    def _rows(self) -> list[tuple[tuple[str, How, str], int]]:
        return list(Counter((tensor.name.split(".")[0], tensor.how, tensor.why) for tensor in self.tensors).items())


def start_from(model: MultiModalMAE, path: str | Path, store: Store) -> Start:
    """Load into a new model the fitting weights of a trained one with other stations, grids or modalities.

    Layers are loaded where their sizes agree, and positions of patches for patches at the same place of a grid of the
    same size. Positions of stations made from coordinates have no weights, so they hold for any stations; learned ones
    are loaded only for the same data. Inputs for static attributes are matched by the attributes' names where the store
    of the trained run can be opened, else by their number. Embeddings and heads of tokens that are cut in another way
    start anew, and so do modalities that the old model did not have. The head of the mean is loaded into a model with
    quantiles, too; heads of quantiles are loaded where they have the same levels.

    The data keep their own scalers: a scaled value of 1 is one deviation of the new training period, not of the old
    one, and coordinates are scaled over the new stations, too. The weights thus meet values of the same magnitude, but
    the same physical value has another scaled value, unless both trainings use the same store or the new one keeps the
    scales of the model (`store_as_read`).

    What the weights were trained on before is written into `model.trained_on`, so that no later evaluation takes those
    days for unseen days.

    Args:
        model: the new model, whose weights are changed in place.
        path: a run, or a folder of `save_pretrained`.
        store: the new training's data.

    Raises:
        ConfigError: nothing fits.
        RunError: there is no model, or it is damaged.
    """
    pretrained, old_store = read_pretrained(path), _store_of(Path(path))
    if old_store is not None:
        _warn_of_other_scaling(path, old_store, store)
    elif store.kept_scales is None:
        logger.warning("%s: its data are not at hand, so their units and attributes cannot be compared", path)
    before = ever_seen(path, pretrained.trained_on)
    start = Start(str(path), tuple(carry(model, pretrained, store, old_store)), before)
    if not start.count("loaded"):
        old, new = pretrained.config, model.config
        raise ConfigError(
            f"training.start_from is {path}, of whose weights none fits this model (d_model {old.d_model}, now "
            f"{new.d_model}; modalities {', '.join(old.modalities)}, now {', '.join(new.modalities)}); "
            f"make model.* agree, or leave the key out"
        )
    model.trained_on = {**model.trained_on, BEFORE: [seen.to_json() for seen in before]}
    return start


def carry(model: MultiModalMAE, pretrained: Pretrained, store: Store, old_store: Store | None) -> list[Carried]:
    """Load what fits, tensor by tensor; see `start_from`."""
    carried, fit = [], _Fit(model, pretrained, store, old_store)
    own = dict(model.named_parameters())
    with torch.no_grad():
        for name, parameter in own.items():
            value, how, why = fit(name, parameter)
            if value is not None:
                parameter.copy_(value)
            carried.append(Carried(name, how, why))
    left = pretrained.weights.keys() - own.keys() - {"valid_patches"}
    return [*carried, *(Carried(name, "left out", "this model has no such part") for name in sorted(left))]


Fitted = tuple[Tensor | None, How, str]


class _Fit:
    """Finds what of the old weights fits a parameter of the new model."""

    def __init__(self, model: MultiModalMAE, pretrained: Pretrained, store: Store, old_store: Store | None) -> None:
        self.new, self.old, self.weights = model.config, pretrained.config, pretrained.weights
        self.patches, self.old_patches = model.valid_patches, pretrained.weights["valid_patches"]
        self.attributes = store.attribute_names
        self.old_attributes = None if old_store is None else old_store.attribute_names
        self.same_data = old_store is not None and old_store.fingerprint == store.fingerprint

    def __call__(self, name: str, parameter: Tensor) -> Fitted:
        modality = next((m for m in self.new.modalities if _is_of(name, m)), None)
        if modality is not None and modality not in self.old.modalities:
            return None, "new", f"{modality} was not among the modalities"
        if modality is not None and self.new.modalities[modality] != self.old.modalities[modality]:
            return None, "new", f"{modality} was a {self.old.modalities[modality]}"
        if name not in self.weights:
            return None, "new", "there was no such part"
        old = self.weights[name]
        if modality is not None and name.endswith(_OF_TOKENS):
            cut, old_cut = (_cut(config, modality) for config in (self.new, self.old))
            if cut != old_cut:
                return None, "new", f"tokens were {old_cut}, now {cut}"
        if _QUANTILES in name and self.new.quantiles != self.old.quantiles:
            levels, old_levels = (", ".join(map(str, config.quantiles)) for config in (self.new, self.old))
            return None, "new", f"the quantiles were {old_levels}, now {levels}"
        if name.endswith(".patch_position") and _grid(self.new) != _grid(self.old):
            return None, "new", f"the grid was {_grid(self.old)}, now {_grid(self.new)}"
        if name.endswith("_encoder.patch_position") and old.shape[1] == parameter.shape[1]:
            return self._patches(parameter, old)
        if name.endswith(".group_position.learned") and not self.same_data:
            return None, "new", "it was learned for other stations, or for the same in another order"
        if (name == "missing_attribute" or name.endswith(_OF_ATTRIBUTES)) and old.shape[:-1] == parameter.shape[:-1]:
            return self._attributes(parameter, old)
        return _whole(parameter, old)

    def _patches(self, parameter: Tensor, old: Tensor) -> Fitted:
        if torch.equal(self.patches, self.old_patches):
            return old, "loaded", ""
        row_of = torch.full((self.new.all_patches,), -1)
        row_of[self.old_patches] = torch.arange(len(self.old_patches))
        rows = row_of[self.patches]  # [P] of the old positions; -1: not there
        was_there = rows >= 0
        if not was_there.any():
            return None, "new", "none of the patches was there"
        value = torch.where(was_there[:, None], old[rows], parameter)
        return value, "resized", f"{int(was_there.sum())} of {len(was_there)} patches were there"

    def _attributes(self, parameter: Tensor, old: Tensor) -> Fitted:
        names, old_names = self.attributes, self.old_attributes
        if old_names is None or names == old_names:
            return _whole(parameter, old)
        value = parameter.clone()
        shared = [name for name in names if name in old_names]
        if not shared:
            return None, "new", "the attributes were others"
        value[..., [names.index(name) for name in shared]] = old[..., [old_names.index(name) for name in shared]]
        return value, "resized", f"{len(shared)} of {len(names)} attributes were there"


def _whole(parameter: Tensor, old: Tensor) -> Fitted:
    if old.shape == parameter.shape:
        return old, "loaded", ""
    return None, "new", f"its size was {_size(old)}, now {_size(parameter)}"


def _is_of(name: str, modality: str) -> bool:
    parts = (f"{modality}_encoder.", f"{modality}_decoder.")
    return name.startswith(parts) or name in (f"modality_{modality}", f"decoder_modality_{modality}")


def _size(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape))


def _cut(config: ModelConfig, modality: str) -> str:
    shape = token_shape(config, modality, 1)
    return f"{shape.size} {'cells' if shape.kind == 'grid' else 'stations'} x {shape.days} days"


def _grid(config: ModelConfig) -> str:
    return f"{config.grid_height} x {config.grid_width} cells in patches of {config.patch_size}"


def _store_of(path: Path) -> Store | None:
    """The store that a model was trained on, where it can still be opened."""
    for folder in (path, path.absolute().parent):
        try:
            return RunDirectory.open(folder).store()
        except HydroMAEError:
            continue
    return None


def _warn_of_other_scaling(path: str | Path, old: Store, new: Store) -> None:
    for name in new.names:
        if name not in old.names:
            continue
        then, now = (f"{s.specific_units(name)}, scaling {s.scaler(name).transform}" for s in (old, new))
        if then != now:
            logger.warning("%s: %s was in %s, now in %s; its embedding and head must learn that", path, name, then, now)
