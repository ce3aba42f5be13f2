"""What a launcher or a batch system says in the environment: how many processes train, and which one this is."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from hydromae.base.errors import ConfigError

_MEETING = ("RANK", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Launched:
    """A process among those that were started together; a single one is rank 0 of 1.

    Attributes:
        rank: of this process, from 0.
        size: number of processes.
        local_rank: of this process on its machine.
        local_size: number of processes on its machine.
        restarts: how often the job was started again.
    """

    rank: int
    size: int
    local_rank: int
    local_size: int
    restarts: int


def launched() -> Launched:
    """Read the environment that torchrun, deepspeed or Slurm set; an empty variable counts as one that is not set.

    Raises:
        ConfigError: a variable is not a number, or only some of them are set, as another program may leave them.
    """
    size, rank = _number("WORLD_SIZE"), _number("RANK")
    restarts = max(_number(name) or 0 for name in ("TORCHELASTIC_RESTART_COUNT", "SLURM_RESTART_COUNT"))
    process = Launched(
        rank=rank or 0,
        size=1 if size is None else size,
        local_rank=_number("LOCAL_RANK") or 0,
        local_size=next((n for n in map(_number, ("LOCAL_WORLD_SIZE", "LOCAL_SIZE")) if n is not None), 1),
        restarts=restarts,
    )
    if process.size > 1:
        if lacking := [name for name in _MEETING if not _text(name)]:
            verb = "is" if len(lacking) == 1 else "are"
            raise _half(f"WORLD_SIZE is {process.size}, but {' and '.join(lacking)} {verb} not set", ["WORLD_SIZE"])
        _number("MASTER_PORT")
    if not 0 <= process.rank < process.size:
        said = f"WORLD_SIZE is {size}" if size is not None else "WORLD_SIZE is not set"
        raise _half(f"RANK is {process.rank}, but {said}", ["RANK"])
    return process


def _half(what: str, to_unset: Sequence[str]) -> ConfigError:
    present = [name for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK") if name in os.environ]
    return ConfigError(
        f"the environment has half of what a launcher sets: {what}; start the processes with torchrun, or train in "
        f"one with `unset {' '.join(present or to_unset)}`"
    )


def _number(name: str) -> int | None:
    text = _text(name)
    if not text:
        return None
    if not text.isascii() or not text.isdigit():
        raise ConfigError(f"the environment variable {name} is {text!r}, not a number; correct it, or `unset {name}`")
    return int(text)


def _text(name: str) -> str:
    return os.environ.get(name, "").strip()
