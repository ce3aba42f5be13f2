"""Commands as messages suggest them: a line that does what it says when it is pasted into a shell."""

import shlex


def command(*words: object) -> str:
    """A command of ours, each word quoted where it needs that: `command("resume", path)`."""
    return shlex.join(("hydromae", *map(str, words)))
