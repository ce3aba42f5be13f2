"""What a variable is: by its name, held against its values, which decide where the two differ."""

from dataclasses import dataclass

from hydromae.base.units import same_units
from hydromae.config import PRESETS
from hydromae.init.found import Candidate, Values
from hydromae.init.words import MEANING, roles_of, words_of


@dataclass(frozen=True)
class Guess:
    """What a variable is taken for.

    Attributes:
        role: name of the modality it could be; None where it cannot be told.
        units: of its values.
        said: whether the file says the units; else they are guessed from the values.
        limits: smallest and largest possible value in these units, for `minimum` and `maximum`; None for no limit.
        reason: why, for the comment.
    """

    role: str | None
    units: str
    said: bool
    limits: tuple[float | None, float | None]
    reason: str


# Units -> factor and offset from those of the preset.
_CONVERSIONS: dict[str, dict[str, tuple[float, float]]] = {
    "precip": {"m": (1e-3, 0), "m/d": (1e-3, 0), "kg m-2 s-1": (1 / 86400, 0), "mm/s": (1 / 86400, 0)},
    "evap": {"m": (1e-3, 0), "m/d": (1e-3, 0), "kg m-2 s-1": (1 / 86400, 0)},
    "temp": {"K": (1, 273.15), "kelvin": (1, 273.15)},
    "riverflow": {"ft3/s": (35.3147, 0), "l/s": (1000, 0), "mm/d": (0.05, 0)},
    "soil": {},
}


def guess(candidate: Candidate) -> Guess:
    """Say what a candidate is."""
    values = candidate.values
    named, text = _by_name(candidate.names)
    by_values = _by_values(values, candidate.kind == "grid")
    if named is not None:
        units = candidate.units if candidate.units is not None else _units(named, values, text)
        contradiction = _contradiction(named, values)
        if contradiction is None and units is not None:
            reason = f"{text!r} says {MEANING[named]}; {values.span}"
            return _guess(named, units, candidate.units is not None, reason)
        wrong = f"{text!r} says {MEANING[named]}, but {contradiction or 'no unit fits'} ({values.span})"
        if by_values is None or by_values == named:
            return Guess(None, "1", False, (None, None), wrong)
        units = candidate.units or _units(by_values, values, "") or "1"
        reason = f"{wrong}: they are those of {MEANING[by_values]}"
        return _guess(by_values, units, candidate.units is not None, reason)
    if by_values is not None:
        units = candidate.units or _units(by_values, values, "") or "1"
        reason = f"no name says what it is, its values are those of {MEANING[by_values]} ({values.span}): check"
        return _guess(by_values, units, candidate.units is not None, reason)
    reason = f"neither its name nor its values say which variable it is ({values.span})"
    return Guess(None, candidate.units or "1", candidate.units is not None, (None, None), reason)


def _guess(role: str, units: str, said: bool, reason: str) -> Guess:
    preset = PRESETS[role]
    units = preset["units"] if same_units(units, preset["units"]) else units
    bounds = preset.get("minimum"), preset.get("maximum")
    if units == preset["units"]:
        return Guess(role, units, said, bounds, reason)
    known = _CONVERSIONS[role].get(" ".join(units.split()))
    if known is None:
        return Guess(role, units, said, (None, None), reason)
    factor, offset = known
    low, high = (None if bound is None else float(f"{bound * factor + offset:.6g}") for bound in bounds)
    return Guess(role, units, said, (low, high), reason)


def _by_name(names: tuple[str, ...]) -> tuple[str | None, str]:
    """The role that the first telling name gives, and that name."""
    for text in names:
        roles = roles_of(text)
        if len(roles) == 1:
            return roles.pop(), text
    return None, ""


def _by_values(values: Values, is_grid: bool) -> str | None:
    """The role that values alone give, where only one is likely."""
    if values.count == 0:
        return None
    if values.low >= 180 and values.high <= 340:
        return "temp"
    if -70 <= values.low < 0 and values.high <= 60 and values.high - values.low > 5 and values.zeros < 0.1:
        return "temp"
    if not is_grid:  # flow and rain of a station look too much alike
        return None
    if values.low >= 0 and values.high <= 1 and values.zeros < 0.05 and values.high > values.low:
        return "soil"
    if values.low >= 0 and 5 < values.high <= 700 and values.zeros > 0.15:
        return "precip"
    return None


def _contradiction(role: str, values: Values) -> str | None:
    """Why values cannot be those of a role."""
    if values.count == 0:
        return None
    if role in ("precip", "soil") and values.low < -0.05:
        return "there are values below 0"
    if role == "precip" and values.high > 1 and values.quarter > 0.5 * values.high:
        return "it is never near 0"
    if role == "temp" and values.zeros > 0.3:
        return "too many values are exactly 0"
    if role == "riverflow" and values.quarter < 0:
        return "a quarter of the values is below 0"
    return None


def _units(role: str, values: Values, text: str) -> str | None:
    """The units that the range of values speaks for; None where there are none in which they are possible."""
    low, high = values.low, values.high
    if values.count == 0:
        return str(PRESETS[role]["units"])
    if role == "temp":
        return "degC" if low >= -80 and high <= 60 else "K" if low >= 180 and high <= 340 else None
    if role == "precip":
        steps = ((0.003, "kg m-2 s-1"), (0.6, "m"), (1000.0, "mm/d"))
        return next((units for most, units in steps if high <= most), None)
    if role == "evap":
        if low < -50 or high > 50:
            return None
        return "m" if max(-low, high) <= 0.05 and high > low else "mm/d"
    if role == "soil":
        return next((units for most, units in ((1.2, "1"), (105.0, "%"), (5000.0, "mm")) if high <= most), None)
    if words_of(text) & {"spec", "specific", "mm"}:
        return "mm/d" if high <= 1000 else None
    return "m3/s" if high <= 300_000 else None
