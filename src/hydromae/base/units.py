"""Spellings of the same unit; nothing is ever converted."""

# Sums over a day are written as a depth (mm) by some and as a rate (mm/d) by others: for daily values they are one.
_SPELLINGS = (
    ("mm/d", "mm/day", "mm d-1", "mm day-1", "mm d^-1", "mm day^-1", "mm"),
    ("degC", "deg C", "degree_C", "degrees_C", "degree_Celsius", "degrees_Celsius", "celsius", "C", "°C"),
    ("m3/s", "m3 s-1", "m^3/s", "m^3 s^-1", "m3 s^-1", "m**3/s", "m**3 s**-1", "m³/s", "cumecs"),
    ("1", "", "-", "dimensionless", "m3/m3", "m3 m-3", "m^3/m^3"),
)
_CANONICAL = {spelling.lower(): group[0] for group in _SPELLINGS for spelling in group}


def same_units(one: str, other: str) -> bool:
    """Whether two texts are spellings of one unit of daily values, as `mm`, `mm/day` and `mm d-1` are."""
    first, second = (" ".join(text.split()).lower() for text in (one, other))
    return _CANONICAL.get(first, first) == _CANONICAL.get(second, second)
