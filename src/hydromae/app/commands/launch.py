"""What `train_mae.py` does: the entry point for launchers, which add arguments of their own."""

import argparse
from pathlib import Path

from hydromae.app.commands.runs import train_here
from hydromae.app.sentences import errors_as_sentences
from hydromae.app.streams import prepare_streams


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
    with errors_as_sentences():
        train_here(given.config, given.overrides, go_on=given.go_on)
