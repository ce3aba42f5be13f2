"""Doing something as a user who may do less: in a process of its own, since root may do anything."""

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

NOBODY = 65534

needs_root = pytest.mark.skipif(
    not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can become another user"
)


def as_nobody(action: Callable[[], Any]) -> tuple[str, str]:
    """Name of the exception's class and its message that an action ends in as another user; two blanks if in none."""
    context = multiprocessing.get_context("fork")  # what is imported stays: another user may not read the packages
    ours, theirs = context.Pipe()

    def run() -> None:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        try:
            action()
        except BaseException as error:
            theirs.send((type(error).__name__, str(error)))
        else:
            theirs.send(("", ""))

    process = context.Process(target=run)
    process.start()
    theirs.close()
    try:
        return ours.recv()
    finally:
        process.join()


def open_to_all(path: Path) -> None:
    """Let every user enter the folders above, which pytest makes for its own alone."""
    for folder in path.parents:
        if folder.stat().st_uid == os.getuid() and folder.is_relative_to("/tmp") and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o055)
