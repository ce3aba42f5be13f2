"""Random numbers that are a hash of their purpose, not the state of a generator.

So they are the same on every device, in every batch and in every process, and a resumed run restores no state.
"""

import zlib

import torch
from jaxtyping import Float, Int
from torch import Tensor

_LAST = torch.iinfo(torch.int64).max


def random_keys(
    windows: Int[Tensor, " batch"], n_tokens: int, *, seed: int, epoch: int, stream: str
) -> Int[Tensor, "batch tokens"]:
    """Uniform random 63-bit integers, a hash of all the arguments and the token's place.

    The hash is the finaliser of SplitMix64 (Steele, Lea & Flood 2014), applied once for each argument.

    Args:
        windows: [B] what distinguishes the windows, as their first days.
        n_tokens: tokens in a sample.
        seed: the seed of the run.
        epoch: the epoch of the training; -1 where masks must not change.
        stream: what the numbers are for, as the modality's name.
    """
    device = windows.device
    start = _mix(torch.tensor(seed) + zlib.crc32(stream.encode()) * 2**16)  # on the host: nothing waits for a device
    keys = _mix(start + epoch * 2**32 + windows.long())  # [B]
    places = torch.arange(n_tokens, device=device)
    return _mix(keys[:, None] + _mix(places)[None, :]) & _LAST  # [B, tokens]


def random_numbers(
    windows: Int[Tensor, " batch"], count: int, *, seed: int, epoch: int, stream: str
) -> Float[Tensor, "batch number"]:
    """Uniform random numbers from 0 to 1 on the windows' device, float64; the arguments are those of `random_keys`."""
    return random_keys(windows, count, seed=seed, epoch=epoch, stream=stream).double() / _LAST


def random_shares(window: int, count: int, *, seed: int, epoch: int, stream: str) -> list[float]:
    """Uniform random numbers from 0 to below 1 on the host; the arguments are those of `random_keys`."""
    keys = random_keys(torch.tensor([window]), count, seed=seed, epoch=epoch, stream=stream)[0]
    return [(key >> 11) / 2**52 for key in keys.tolist()]  # 52 bits: more could round up to 1


def _mix(x: Int[Tensor, "..."]) -> Int[Tensor, "..."]:
    """SplitMix64's finaliser on 64-bit integers that wrap."""
    x = x + -7046029254386353131  # 0x9E3779B97F4A7C15
    x = (x ^ _shift(x, 30)) * -4658895280553007687  # 0xBF58476D1CE4E5B9
    x = (x ^ _shift(x, 27)) * -7723592293110705685  # 0x94D049BB133111EB
    return x ^ _shift(x, 31)


def _shift(x: Int[Tensor, "..."], bits: int) -> Int[Tensor, "..."]:
    """Logical shift to the right of signed integers."""
    return (x >> bits) & (2 ** (64 - bits) - 1)
