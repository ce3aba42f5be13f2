from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from support.readers_sources import write_months
from support.sources import World

Hydromae = Callable[..., tuple[int, str, str]]


def test_months_become_one_file(hydromae: Hydromae, world: World, tmp_path: Path) -> None:
    folder = write_months(tmp_path / "months", world.grids["precip"], world.days)
    target = tmp_path / "merged.h5"
    code, output, _ = hydromae("data", "merge", folder, "-o", target)
    assert code == 0 and f"Written: {target}" in output
    with h5py.File(target) as file:
        np.testing.assert_array_equal(file["data"][:], world.grids["precip"])
        assert file["dates"].asstr()[0] == str(world.days[0]) and len(file["dates"]) == len(world.days)
    code, _, errors = hydromae("data", "merge", folder, "-o", target)
    assert code == 2 and "--overwrite" in errors
