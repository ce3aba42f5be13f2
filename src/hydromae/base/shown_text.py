"""Text from data as people see it: signs that would change how the rest of a line looks are written as escapes.

A control character can clear a terminal, and one that turns the direction of writing can make a name look like another.
"""

import re
from typing import Final

# Control characters but for the end of a line, and what Unicode has for directions and ends of lines.
_SIGNS: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def shown(text: str) -> str:
    r"""The text with such signs as escapes, as \x1b or \u202e."""
    return _SIGNS.sub(lambda sign: sign[0].encode("unicode_escape").decode("ascii"), text)
