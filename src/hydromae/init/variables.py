"""Which modality a variable is, by its name, and its units, as the file gives them."""

import re
from dataclasses import dataclass

from hydromae.base.units import convertible, same_units
from hydromae.config import PRESETS
from hydromae.init.found import Candidate

# Modality -> words that name it; of several columns, the one whose word comes first here is taken.
WORDS: dict[str, tuple[str, ...]] = {
    "precip": ("precipitation", "precip", "rainfall", "rain", "prcp", "ppt", "tp", "pr"),
    "soil": ("soil", "swc", "sm", "ssm", "swvl1", "moisture", "mrsos"),
    "temp": ("temperature", "temp", "tas", "t2m", "tmean", "tavg"),
    "evap": (
        "evaporation", "evapotranspiration", "aet", "evap", "evspsbl", "eta", "et", "pet", "et0", "evspsblpot", "peti",
    ),
    "riverflow": ("discharge", "streamflow", "riverflow", "flow", "flows", "gdf", "qobs", "q"),
}  # fmt: skip
_STEMS = ("precip", "rain", "soil", "temperature", "evap", "discharge", "streamflow", "riverflow")
# Words of columns that only qualify the variable, or that are another variable.
_NOT = {
    "flag", "flags", "quality", "qc", "qualifier", "count", "error", "uncertainty", "std", "dewpoint", "anomaly",
}  # fmt: skip
_EXTREMES = {"min", "max", "minimum", "maximum", "tasmin", "tasmax"}
# Words that say the units of daily values, by modality; discharge_vol and discharge_spec are names of CAMELS.
_DEPTHS = {"mm": "mm/d", "mmd": "mm/d"}
_DEGREES = {"c": "degC", "degc": "degC", "celsius": "degC", "k": "K", "kelvin": "K", "f": "degF", "fahrenheit": "degF"}
_FLOWS = {**dict.fromkeys(("m3s", "cumecs", "cumec", "cms", "vol"), "m3/s"), "cfs": "ft3/s", "ft3s": "ft3/s"}
_UNITS: dict[str, dict[str, str]] = {
    "precip": _DEPTHS,
    "evap": _DEPTHS,
    "temp": _DEGREES,
    "riverflow": {**_DEPTHS, "spec": "mm/d", "specific": "mm/d", **_FLOWS},
}
_NOT_DAILY = {"h", "hr", "hour", "hourly", "month", "monthly", "year", "yr", "annual"}
# Usual names of columns of days and of station ids.
DATE_WORDS = ("date", "time", "day", "datetime", "timestamp")
ID_WORDS = {
    "id", "ids", "station", "stations", "gauge", "site", "catchment", "basin", "code", "stn", "gaugeid", "stationid",
}  # fmt: skip


@dataclass(frozen=True)
class Variable:
    """What a variable is taken for.

    Attributes:
        role: name of the modality it could be; None where its names do not say.
        units: for the configuration.
        convert_from: units of the file where they are to be converted.
        said: whether the file or the variable's name says its units; else those of the preset are taken, and the user
            is asked.
        reason: why, for the comment.
    """

    role: str | None
    units: str
    convert_from: str | None
    said: bool
    reason: str

    @property
    def meaning(self) -> str:
        """In words."""
        return str(PRESETS[str(self.role)]["long_name"])


def variable_of(candidate: Candidate) -> Variable:
    """Say what a candidate is."""
    given, said = candidate.units, candidate.units is not None
    named = [(roles, text) for text in candidate.names if len(roles := roles_of(text)) == 1]
    if not named:
        return Variable(None, given or "1", None, said, "no name says which modality it is")
    (role,), text = named[0]
    usual, reason = str(PRESETS[role]["units"]), f"{text!r} says {PRESETS[role]['long_name']}"
    given = given or units_in(text, role)
    if given is None:
        return Variable(role, usual, None, False, reason)
    if same_units(given, usual):
        return Variable(role, usual, None, True, reason)
    if convertible(given, usual):
        return Variable(role, usual, given, True, reason)
    return Variable(role, given, None, True, reason)


def units_in(text: str, role: str) -> str | None:
    """The units that a name says, as `flow_m3s`, `rain (mm)` or `temp_c`; None where it does not."""
    words = words_of(re.sub(r"(m|ft)\^?[3³][/_ ]?s(?![a-z])", r"\g<1>3s", text.lower()))
    known = {units for word, units in _UNITS.get(role, {}).items() if word in words}
    return known.pop() if len(known) == 1 and not words & _NOT_DAILY else None


def words_of(text: str) -> set[str]:
    """Lower-case words, split at signs and where a capital follows a small letter."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return {word for word in re.split(r"[^a-z0-9]+", parted.lower()) if word}


def roles_of(text: str) -> set[str]:
    """The modalities whose words are in a text; none where it names a flag or the like."""
    words = words_of(text)
    if words & _NOT:
        return set()
    return {role for role, names in WORDS.items() if any(_goes_by(word, names) for word in words)}


def _goes_by(word: str, names: tuple[str, ...]) -> bool:
    return word in names or any(word.startswith(stem) for stem in _STEMS if any(k.startswith(stem) for k in names))


def rank(role: str, text: str) -> tuple[bool, int]:
    """How well a name fits its role, the smaller the better: daily extremes last, then by the order of the words."""
    words = words_of(text)
    places = [place for place, word in enumerate(WORDS[role]) if word in words]
    return bool(words & _EXTREMES), min(places, default=len(WORDS[role]))
