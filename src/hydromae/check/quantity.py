"""What a modality measures, by its names and units, and whether its values fit those units."""

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hydromae.base.areas import is_flow
from hydromae.base.units import conversion, same_units

Quantity = Literal["rain", "temperature", "evaporation", "soil", "flow", "other"]

# In this order: "soil temperature" is a temperature, "water_evaporation_rate" no flow.
_WORDS: tuple[tuple[Quantity, tuple[str, ...]], ...] = (
    ("temperature", ("temperature", "temp", "tas", "tasmax", "tasmin")),
    ("evaporation", ("evapo", "evap", "pet")),
    ("rain", ("precipitation", "rainfall", "rain", "precip")),
    ("soil", ("soil moisture", "soil_moisture", "soil", "volume_fraction_of_condensed_water_in_soil")),
    ("flow", ("discharge", "river flow", "riverflow", "streamflow", "volume_transport_in_river", "runoff")),
)
_YEAR = 365.25


def quantity_of(name: str, standard_name: str, long_name: str, units: str) -> Quantity:
    """What a modality measures; `other` where neither its units nor a word of its names says."""
    if is_flow(units):
        return "flow"
    for text in (standard_name.lower(), long_name.lower(), name.lower()):
        whole_words = set(re.split("[^a-z]+", text))
        for quantity, words in _WORDS:
            # A short word stands for itself only: "pet" is no part of "competing".
            if any(word in whole_words or (len(word) > 4 and word in text) for word in words):
                return quantity
    return "other"


@dataclass(frozen=True)
class Doubt:
    """A unit that the values contradict; `certain` where no place on Earth has such values."""

    text: str
    certain: bool


def doubt_units(quantity: Quantity, units: str, mean: float, low: float, high: float) -> Doubt | None:
    """Whether the mean, smallest and largest value of a modality contradict its units.

    The bounds are wider than any climate: yearly rainfall of 100 to 10,000 mm (inches and metres lie below, tenths of a
    millimetre above), a mean temperature below 40 degC, evaporation of -50 to 5,000 mm a year.
    """
    if not np.isfinite(mean):
        return None
    if quantity == "temperature":
        return _temperature(units, mean)
    if quantity == "soil" and same_units(units, "1") and high > 1.01:
        if mean > 1:
            return Doubt(f"has a mean of {mean:.4g} where 1 is the most; is it in percent or mm?", True)
        return Doubt(f"reaches {high:.4g} where 1 is the most", False)
    if quantity in ("rain", "evaporation") and same_units(units, "mm/d"):
        return _depth(quantity, mean * _YEAR, high)
    if quantity == "evaporation" and mean < 0 and abs(low) > high:
        return Doubt(f"has a mean of {mean:.4g}, as where evaporation is counted as negative; change its sign", True)
    return None


def _temperature(units: str, mean: float) -> Doubt | None:
    if same_units(units, "degC"):
        if mean > 200:
            return Doubt(f"has a mean of {mean:.4g}; is it in K?", True)
        if mean > 40:
            return Doubt(f"has a mean of {mean:.4g}; is it in degF, or in tenths of a degree?", True)
    if same_units(units, "K") and mean < 150:
        return Doubt(f"has a mean of {mean:.4g}; is it in degC?", True)
    return None


def _depth(quantity: Quantity, yearly: float, high: float) -> Doubt | None:
    amount = f"has {yearly:.4g} mm a year"
    if quantity == "evaporation":
        if yearly < -50:
            return Doubt(f"{amount}, as where evaporation is counted as negative; change its sign", True)
        if yearly > 5000:
            return Doubt(f"{amount}; is it in W/m2 or tenths of a millimetre?", True)
        return Doubt(f"{amount}; is it in m or kg m-2 s-1?", True) if 0 < yearly < 10 and high < 1 else None
    if yearly > 10_000:
        return Doubt(f"{amount}; is it in tenths of a millimetre, or in a smaller unit?", True)
    if 0 < yearly < 100:
        unit = "kg m-2 s-1" if yearly < 0.1 else "m" if yearly < 10 else "inches"
        # Deserts have as little, but not without a day of heavy rain.
        return Doubt(f"{amount}, with {high:.3g} mm on the wettest day; is it in {unit}?", high < 20)
    return None


FLOW_UNITS = ("l/s", "ft3/s", "Ml/d", "m3/d")  # in which flow is often kept
_TYPICAL_RUNOFF, _WITHIN = 300.0, 4.0  # mm a year of land as a whole, and the factor by which a guess may be off
LOW_RUNOFF, HIGH_RUNOFF = 1.0, 10_000.0  # mm a year, wider than any catchment


def flow_factors() -> dict[str, float]:
    """Unit that flow is often kept in -> how many m3/s it is."""
    return {unit: conversion(unit, "m3/s")[0] for unit in FLOW_UNITS}


def doubt_runoff(median: float) -> Doubt | None:
    """Whether the median of the stations' yearly runoff in mm contradicts m3/s and km2."""
    if LOW_RUNOFF <= median <= HIGH_RUNOFF or not np.isfinite(median):
        return None
    if median < LOW_RUNOFF:
        return Doubt(f"{median:.3g} mm a year; are the areas in km2, or is the flow in mm/d?", True)
    near = {unit: abs(float(np.log(median * factor / _TYPICAL_RUNOFF))) for unit, factor in flow_factors().items()}
    units = [unit for unit, far in sorted(near.items(), key=lambda item: item[1]) if far < np.log(_WITHIN)]
    guess = f"is the flow in {' or '.join(units)}, or are" if units else "are"
    return Doubt(f"{median:.4g} mm a year; {guess} the areas not in km2?", True)
