"""One model call at a time; of the calls of one page only the newest is answered."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

_PAGES: Final = 256  # open pages that are remembered


class Dropped(Exception):
    """The page has asked something newer, so that nobody waits for this answer."""


class Turns:
    """Lets one question at a time through, and drops those that a newer one of the same page has overtaken.

    A page counts its questions. A question that waits is dropped as soon as a newer one of its page comes; one that is
    being answered is dropped between two calls of a model (`require_newest`).
    """

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._busy = False
        self._newest: OrderedDict[str, int] = OrderedDict()

    @asynccontextmanager
    async def turn(self, page: str, number: int) -> AsyncIterator[None]:
        """Wait until no other question is being answered.

        Raises:
            Dropped: a newer one of the page came first.
        """
        async with self._changed:
            self._newest[page] = max(number, self._newest.get(page, number))
            self._newest.move_to_end(page)
            while len(self._newest) > _PAGES:
                self._newest.popitem(last=False)
            self._changed.notify_all()
            await self._changed.wait_for(lambda: not self._busy or self._overtaken(page, number))
            self.require_newest(page, number)
            self._busy = True
        try:
            yield
        finally:
            async with self._changed:
                self._busy = False
                self._changed.notify_all()

    def require_newest(self, page: str, number: int) -> None:
        """Raise Dropped if the page has asked something newer."""
        if self._overtaken(page, number):
            raise Dropped

    def _overtaken(self, page: str, number: int) -> bool:
        return self._newest.get(page, number) > number
