"""A file that also gets all messages, for those who come back to a batch job later."""

import logging
import sys
from contextlib import suppress
from pathlib import Path

from hydromae.base.errors import ConfigError
from hydromae.base.secret_values import concealed
from hydromae.base.shown_text import shown

_FORMAT = "%(asctime)s %(message)s"


class LogFile(logging.FileHandler):
    """Lines with the time, appended to those in the file.

    A line that the disk refuses is lost: one message says so, and the run goes on.

    Args:
        path: the file; its folder is made.

    Raises:
        ConfigError: the file cannot be written at all.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            super().__init__(path, encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                f"logging.log_file: {path} cannot be written ({error.strerror}); give another path, or null"
            ) from None
        self.setFormatter(logging.Formatter(_FORMAT))
        self._warned = False

    def say(self, line: str) -> None:
        """Write one line."""
        self.handle(logging.LogRecord("hydromae", logging.INFO, "", 0, shown(str(concealed(line))), None, None))

    def close(self) -> None:
        """Close the file; what it still held of lines that the disk refused is lost, as was said."""
        with suppress(OSError):
            super().close()

    def handleError(self, record: logging.LogRecord) -> None:
        if not self._warned:
            self._warned = True
            with suppress(OSError, ValueError):  # the console may be lost as well
                print(f"{self.baseFilename}: {sys.exc_info()[1]}; what is said is lost from there", file=sys.stderr)
