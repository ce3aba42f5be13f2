"""The independent scorer of GB-Flow-7, where it is at hand."""

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2].parent / "shared/bench/gb_flow_7.py"


def load():
    """Its module, or skip the test."""
    if not PATH.exists():
        pytest.skip(f"no scorer at {PATH}")
    spec = importlib.util.spec_from_file_location("gb_flow_7", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
