"""Answers of HTTP servers, which anybody may run: none fills the memory."""

from typing import Any

import aiohttp

from hydromae.base.errors import DataError
from hydromae.readers.answer_size import MOST

_PIECE = 2**20  # bytes


class BoundedAnswer(aiohttp.ClientResponse):
    """An answer that is read as a whole only where it has no more bytes than are expected, which `MOST` says."""

    async def read(self) -> bytes:
        """All bytes; DataError where the server declares more, or sends more."""
        if self._body is None:
            most, body = MOST.get(), bytearray()
            try:
                if (self.content_length or 0) > most:
                    raise self._refused(f"announces {self.content_length}", most)
                async for piece in self.content.iter_chunked(_PIECE):  # what is sent packed counts as it is unpacked
                    body += piece
                    if len(body) > most:
                        raise self._refused("sends more", most)
            except BaseException:
                self.close()
                raise
            self._body = bytes(body)
        return self._body

    def _refused(self, what: str, most: int) -> DataError:
        return DataError(
            f"{self.url}: its server {what} bytes where at most {most} are expected; it may not know requests for a "
            f"part of a file, or have another file there: correct the address, or copy the data and read them here"
        )


def http_options() -> dict[str, Any]:
    """Options of fsspec's file system of HTTP by which its answers are bounded."""
    return {"client_kwargs": {"response_class": BoundedAnswer}}
