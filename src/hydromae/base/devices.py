"""The device to compute on."""

import torch

from hydromae.base.errors import ConfigError


def choose_device(device: str, local_rank: int = 0) -> torch.device:
    """The device to compute on.

    Raises:
        ConfigError: a GPU was asked for and there is none, or none is left for this process.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("training.device is cuda, but torch finds no GPU; set training.device=cpu or auto")
    if device == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    if local_rank >= torch.cuda.device_count():
        raise ConfigError(
            f"process {local_rank} of this machine has no GPU of its own, since there are {torch.cuda.device_count()}; "
            f"start as many processes as GPUs, or set training.device=cpu"
        )
    return torch.device("cuda", local_rank)
