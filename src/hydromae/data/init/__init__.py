"""A configuration from what lies in a folder: survey, look, guess, choose, write."""

from hydromae.data.init.result import InitResult, Row, init
from hydromae.data.init.write import check_target, config_text, write_config

__all__ = ["InitResult", "Row", "check_target", "config_text", "init", "write_config"]
