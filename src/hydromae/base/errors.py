"""The errors a user can meet: each message says what is wrong, where, and what to do."""

from hydromae.base.secret_values import concealed
from hydromae.base.shown_text import shown


class HydroMAEError(Exception):
    """Base of every error that the user can correct; the command line prints its one sentence and exits with 2.

    Names and paths in it are shown so that they cannot pass for something else, and secrets by their names.
    """

    def __str__(self) -> str:
        return shown(str(concealed(super().__str__())))


class ConfigError(HydroMAEError):
    """The configuration is wrong: the message names the key and the value that would be right."""


class DataError(HydroMAEError):
    """The data are wrong: the message names the file, the variable, the station or the date, and the remedy."""


class RunError(HydroMAEError):
    """A run directory or checkpoint cannot be used: the message names it and says what to do."""
