"""Token shapes of the small sources, and when two windows are the same."""

import torch

from hydromae.tokens.shape import TokenShape
from hydromae.windows.windows import Windows

SHAPES = {
    "precip": TokenShape("grid", 25, 1, 4),
    "soil": TokenShape("grid", 25, 1, 4),
    "evap": TokenShape("series", 3, 2, 4),
    "riverflow": TokenShape("series", 3, 2, 4),
}


def same(found: Windows, expected: Windows) -> bool:
    values = ((found.values[name].numpy(), expected.values[name].numpy()) for name in expected.values)
    equal = all(a.tobytes() == b.tobytes() for a, b in values)
    by_slot = found.available_by_slot == expected.available_by_slot
    return equal and torch.equal(found.starts, expected.starts) and by_slot and found.number == expected.number
