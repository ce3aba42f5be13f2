"""The errors a user can meet: each message says what is wrong, where, and what to do."""


class HydroMAEError(Exception):
    """Base of every error that the user can correct; the command line prints its one sentence and exits with 2."""


class ConfigError(HydroMAEError):
    """The configuration is wrong: the message names the key and the value that would be right."""


class DataError(HydroMAEError):
    """The data are wrong: the message names the file, the variable, the station or the date, and the remedy."""


class RunError(HydroMAEError):
    """A run directory or checkpoint cannot be used: the message names it and says what to do."""
