"""From values as files hold them to values and missing ones: codes become NaN, and impossible values are found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float

from hydromae.config import ModalityConfig

# Fill values of netCDF and its kin are 1e20 or above in float32 however they were rounded.
LARGEST: Final = 1e19
# What is beyond a limit by no more than this, or this share of the limit, is so by rounding, as packed values are.
_ROUNDING = 1e-6


def missing_to_nan(values: Float[np.ndarray, "..."], codes: Sequence[float]) -> None:
    """Turn missing codes, any finite magnitude of 1e19 or more, and any NaN into the one NaN of numpy, in place.

    NaN has many bit patterns; only one is left, so that stores of the same data are the same bytes.
    """
    missing = ~(np.abs(values) < LARGEST)  # NaN is not below anything
    missing ^= np.isinf(values)
    for code in codes:
        if not LARGEST <= abs(code) < np.inf:
            missing |= values == values.dtype.type(code)
    np.copyto(values, np.nan, where=missing)


def within_limits(values: Float[np.ndarray, "..."], settings: ModalityConfig) -> None:
    """Bring values to a limit that they are beyond only by rounding, as rain of -2e-16 to 0, in place.

    Where logarithm or root need at least 0 and the settings' minimum is below it, values from there to 0 become 0.
    """
    low, high = limits(settings)
    with np.errstate(invalid="ignore"):
        if low is not None:
            admitted = min(low - _margin(low), low if settings.minimum is None else settings.minimum)
            below = values < low
            if below.any():
                values[below & (values >= admitted)] = low
        if high is not None:
            above = values > high
            if above.any():
                values[above & (values <= high + _margin(high))] = high


def _margin(limit: float) -> float:
    return _ROUNDING * max(1.0, abs(limit))


def number_text(value: float) -> str:
    """A value of a file with enough digits to differ from all others, so that it can be copied as a missing code."""
    with np.errstate(over="ignore"):
        single = np.float32(value)
    text = str(single) if float(single) == value or np.isnan(value) else repr(float(value))
    return text.removesuffix(".0")


@dataclass(frozen=True)
class Fault:
    """The first impossible value of a block: where it is, and why it cannot be."""

    index: tuple[int, ...]
    value: float
    reason: str


def limits(settings: ModalityConfig) -> tuple[float | None, float | None]:
    """Smallest and largest possible value; logarithm and root allow nothing below 0, whatever the minimum."""
    if settings.scaling in ("log", "log1p", "sqrt"):
        return max(settings.minimum or 0.0, 0.0), settings.maximum
    return settings.minimum, settings.maximum


def first_fault(values: Float[np.ndarray, "..."], settings: ModalityConfig) -> Fault | None:
    """The first value, in the order of days, that is infinite or beyond the limits; NaN is none."""
    low, high = limits(settings)
    wrong = impossible(values, low, high)
    if not wrong.any():
        return None
    index = tuple(int(i) for i in np.unravel_index(int(wrong.argmax()), wrong.shape))
    return fault_of(index, float(values[index]), low, high)


def impossible(values: Float[np.ndarray, "*any"], low: float | None, high: float | None) -> Bool[np.ndarray, "*any"]:
    """Where values are infinite or beyond the limits; nowhere where they are NaN."""
    wrong: np.ndarray = np.isinf(values)
    if low is not None:
        wrong |= values < low
    if high is not None:
        wrong |= values > high
    return wrong


def fault_of(index: tuple[int, ...], value: float, low: float | None, high: float | None) -> Fault:
    """The fault of an impossible value."""
    if np.isinf(value):
        return Fault(index, value, "not a finite number")
    if low is not None and value < low:
        return Fault(index, value, f"below the smallest possible value ({low:g})")
    return Fault(index, value, f"above the largest possible value ({high:g})")
