"""Packages that a test installs, with entry points of their own."""

import sys
from pathlib import Path

import pytest


def install_package(
    site: Path, module: str, code: str, group: str, monkeypatch: pytest.MonkeyPatch, **points: str
) -> None:
    """Install a distribution with one module, which registers some of its objects in a group."""
    info = site / f"{module}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module.replace('_', '-')}\nVersion: 1.0\n")
    lines = [f"{name} = {value}" for name, value in points.items()]
    (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines]))
    (site / f"{module}.py").write_text(code)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, module, raising=False)
