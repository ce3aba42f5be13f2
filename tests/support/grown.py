"""Sources whose data end early, and the store that was prepared from them."""

from pathlib import Path

from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from support.sources import write_grid, write_table


def write_up_to(world, n_days: int) -> None:
    """The validation files and the table as they were when the data ended after `n_days`."""
    n = world.n_train
    for name, grid in world.grids.items():
        write_grid(world.root / f"{name}_val.h5", grid[n:n_days], world.days[n:n_days])
    columns = {"evaporation": world.series["evap"][:n_days], "discharge_vol": world.series["riverflow"][:n_days]}
    write_table(world.root / "series.parquet", world.days[:n_days], [int(i) for i in world.ids], columns)


def val_up_to(world, n_days: int) -> str:
    return f"data.val=[{world.days[world.n_train]}, {world.days[n_days - 1]}]"


def make_old(world, n_days: int = 180, *overrides: str) -> Store:
    write_up_to(world, n_days)
    old = prepare(world.config(val_up_to(world, n_days), *overrides))
    write_up_to(world, len(world.days))
    return old


def files_of(path: Path) -> dict[str, bytes]:
    return {str(f.relative_to(path)): f.read_bytes() for f in path.rglob("*") if f.is_file() and f.name != "store.json"}
