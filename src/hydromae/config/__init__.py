"""Typed configuration: what every key means, its default, its unit.

A configuration is a YAML file that holds only what differs from the defaults here, or from the file it `extends`.
"""

from hydromae.config.data import ATTRIBUTES, AttributesConfig, DataConfig
from hydromae.config.experiment import Config
from hydromae.config.logging import LoggingConfig
from hydromae.config.masking import MaskingConfig
from hydromae.config.modality import PRESETS, ModalityConfig
from hydromae.config.model import ModelConfig
from hydromae.config.training import TrainingConfig
from hydromae.config.types import Kind, Period, Section

__all__ = [
    "ATTRIBUTES",
    "PRESETS",
    "AttributesConfig",
    "Config",
    "DataConfig",
    "Kind",
    "LoggingConfig",
    "MaskingConfig",
    "ModalityConfig",
    "ModelConfig",
    "Period",
    "Section",
    "TrainingConfig",
]
