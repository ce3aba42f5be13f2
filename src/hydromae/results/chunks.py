"""How values are cut in the files that are written: maps by days, series by stations."""

_SERIES = (1024, 64)


def chunks_of(shape: tuple[int, ...], grid_days: int) -> tuple[int, ...]:
    """Chunks: whole maps of some days for a grid, many days of some stations for series, the whole of less."""
    wanted = {3: (grid_days, *shape[1:]), 2: _SERIES}.get(len(shape), shape)
    return tuple(max(1, min(size, length)) for size, length in zip(wanted, shape, strict=True))
