"""HydroMAE: a multi-modal masked autoencoder for hydrology. Every task is a mask."""

from difflib import get_close_matches
from importlib import import_module
from typing import Any

# Where the public names live; imported on first use, since torch takes seconds to load.
_PUBLIC = {
    "check": "hydromae.check",
    "Config": "hydromae.config",
    "cross_modality": "hydromae.tasks.cross_modality",
    "embed": "hydromae.tasks.embed",
    "evaluate": "hydromae.tasks.evaluated",
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
    "train": "hydromae.training.train",
    "ungauged": "hydromae.tasks.ungauged",
    "write_report": "hydromae.report",
}

# Functions that take long: the title of their bar, empty where they say what they do; and whether data in memory do.
_LONG = {
    "cross_modality": ("Hiding each modality", False),
    "embed": ("Embedding", True),
    "evaluate": ("", False),
    "export": ("", False),
    "finetune": ("", True),
    "forecast": ("Forecasting", True),
    "infill": ("Filling gaps", True),
    "prepare": ("", False),
    "reconstruct": ("Reconstructing", False),
    "train": ("", False),
    "ungauged": ("Simulating", True),
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("hydromae.base.version").VERSION
    if name not in _PUBLIC:
        near = get_close_matches(name, _PUBLIC, 1)
        hint = f"; did you mean {near[0]}?" if near and not name.startswith("_") else ""
        raise AttributeError(f"module 'hydromae' has no attribute {name!r}{hint}")
    module = import_module(_PUBLIC[name])
    if module.__name__ == f"{__name__}.{name}":
        return module  # a package that can be called
    value = getattr(module, name)
    if name in _LONG:
        value = import_module("hydromae.tasks.public").public(value, *_LONG[name])
    return globals().setdefault(name, value)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
