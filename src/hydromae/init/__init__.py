"""Writes a configuration for the data in a folder: survey, look, guess, choose, write."""

from hydromae.init.result import InitResult, Row, init
from hydromae.init.write import check_target, config_text, write_config

__all__ = ["InitResult", "Row", "check_target", "config_text", "init", "write_config"]
