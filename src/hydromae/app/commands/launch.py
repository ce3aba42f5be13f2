"""What `train_mae.py` does: the entry point for launchers, which add arguments of their own."""

import argparse
import os
import time
from pathlib import Path

from hydromae.app.commands.runs import train_here
from hydromae.app.streams import prepare_streams
from hydromae.base.errors import HydroMAEError
from hydromae.base.permissions import told_of_files

_TIME_TO_BE_ENDED = 5.0  # seconds; torchrun looks ten times a second, deepspeed once


def main(arguments: list[str] | None = None) -> None:
    """Train as `hydromae train` does; under torchrun, deepspeed or Slurm as one process of several."""
    parser = argparse.ArgumentParser(
        prog="train_mae.py",
        description="Pretrain a model; start it with python, torchrun or deepspeed.",
        epilog="example: torchrun --standalone --nproc_per_node=4 train_mae.py --config configs/gb_small.yaml",
    )
    parser.add_argument("--config", type=Path, required=True, help="YAML configuration")
    parser.add_argument("--continue", dest="go_on", action="store_true", help="continue the run if it exists")
    # The deepspeed launcher passes it; we read the environment instead.
    parser.add_argument("--local_rank", "--local-rank", help=argparse.SUPPRESS)
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="keys to change, as training.lr=3e-4")
    given = parser.parse_args(arguments)
    prepare_streams()
    try:
        train_here(given.config, given.overrides, go_on=given.go_on)
    except HydroMAEError as error:
        _fail(str(error))
    except OSError as error:
        if not (sentence := told_of_files(error)):
            raise
        _fail(sentence)


def _fail(message: str) -> None:
    """End with one sentence, however many processes met the same error.

    The launcher ends all processes as soon as the first has failed; one that is still there was the
    only one to fail, and prints.
    """
    from hydromae.app.console import fail, messages

    if os.environ.get("LOCAL_RANK", "0") not in ("", "0"):
        time.sleep(_TIME_TO_BE_ENDED)
        messages.quiet = False
    fail(message)
