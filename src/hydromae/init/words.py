"""The words by which variables go."""

import re

# Role -> words it goes by; of several columns the one whose word comes first here is taken.
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
# Words that say that a column tells something about the variable, or is another one.
_NOT = {
    "flag", "flags", "quality", "qc", "qualifier", "count", "error", "uncertainty", "std", "dewpoint", "anomaly",
}  # fmt: skip
_EXTREMES = {"min", "max", "minimum", "maximum", "tasmin", "tasmax"}
# What columns of days and of stations' ids are called.
DATE_WORDS = ("date", "time", "day", "datetime", "timestamp")
ID_WORDS = {
    "id",
    "ids",
    "station",
    "stations",
    "gauge",
    "site",
    "catchment",
    "basin",
    "code",
    "stn",
    "gaugeid",
    "stationid",
}
MEANING = {
    "precip": "precipitation",
    "soil": "soil moisture",
    "temp": "air temperature",
    "evap": "evaporation",
    "riverflow": "river flow",
}


def words_of(text: str) -> set[str]:
    """Lower-case words: what is between signs, and where a capital follows a small letter."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return {word for word in re.split(r"[^a-z0-9]+", parted.lower()) if word}


def roles_of(text: str) -> set[str]:
    """The roles whose words are in a text; none where it speaks of a flag or the like."""
    words = words_of(text)
    if words & _NOT:
        return set()
    return {role for role, known in WORDS.items() if any(_goes_by(word, known) for word in words)}


def _goes_by(word: str, known: tuple[str, ...]) -> bool:
    return word in known or any(word.startswith(stem) for stem in _STEMS if any(k.startswith(stem) for k in known))


def rank(role: str, text: str) -> tuple[bool, int]:
    """How well a name fits its role, the smaller the better: daily extremes last, then by the order of the words."""
    words = words_of(text)
    places = [place for place, known in enumerate(WORDS[role]) if known in words]
    return bool(words & _EXTREMES), min(places, default=len(WORDS[role]))
