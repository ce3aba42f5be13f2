"""HydroMAE: a multi-modal masked autoencoder for hydrology. Every task is a mask."""

from importlib import import_module
from typing import Any

from hydromae.base.version import VERSION

__version__ = VERSION

# Where the public names live; imported on first use, since torch takes seconds to load.
_PUBLIC = {
    "Config": "hydromae.config",
    "cross_modality": "hydromae.tasks.cross_modality",
    "evaluate": "hydromae.tasks.evaluate",
    "export": "hydromae.results.export",
    "finetune": "hydromae.training.finetune",
    "forecast": "hydromae.tasks.forecast",
    "infill": "hydromae.tasks.infill",
    "load": "hydromae.tasks.loaded",
    "load_config": "hydromae.config.read",
    "load_pretrained": "hydromae.runs.pretrained",
    "ModelConfig": "hydromae.config",
    "MultiModalMAE": "hydromae.runs.pretrained",
    "open_store": "hydromae.store.view",
    "plot": "hydromae.plots.plot",
    "prepare": "hydromae.store.prepare",
    "reconstruct": "hydromae.tasks.reconstruct",
    "Store": "hydromae.store.store",
    "ungauged": "hydromae.tasks.ungauged",
    "write_report": "hydromae.report",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'hydromae' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)
