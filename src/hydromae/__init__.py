"""HydroMAE: a multi-modal masked autoencoder for hydrology. Every task is a mask."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

try:
    __version__ = version("hydromae")
except PackageNotFoundError:  # run from a source tree that is not installed
    __version__ = "0+unknown"

# Where the public names live; imported on first use, since torch takes seconds to load.
_PUBLIC = {
    "Config": "hydromae.config",
    "cross_modality": "hydromae.tasks.cross_modality",
    "evaluate": "hydromae.tasks.evaluate",
    "export": "hydromae.data.export",
    "finetune": "hydromae.tasks.finetune",
    "forecast": "hydromae.tasks.forecast",
    "infill": "hydromae.tasks.infill",
    "load_config": "hydromae.config_io",
    "load_pretrained": "hydromae.models.pretrained",
    "ModelConfig": "hydromae.config",
    "MultiModalMAE": "hydromae.models.multimodal_mae",
    "open_store": "hydromae.data.dataset",
    "prepare": "hydromae.data.prepare",
    "reconstruct": "hydromae.tasks.reconstruct",
    "Store": "hydromae.data.store",
    "ungauged": "hydromae.tasks.ungauged",
    "write_report": "hydromae.report",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'hydromae' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)
