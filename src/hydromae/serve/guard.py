"""Who may ask: the Host and Origin of a request, its token, its size, and what the browser is allowed to do."""

import ipaddress
import secrets
from collections.abc import Collection
from typing import Final
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hydromae.base.json_text import json_text

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
LARGEST_BODY: Final = 65_536  # bytes; a mask of many days and patches takes a few thousand

_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
)


class Guard:
    """Refuses requests that did not come from the page itself, before the application sees them.

    A page of another site can make the browser send requests here, also under a name that its owner lets point to this
    machine (DNS rebinding). Such a request has that name as its Host, or that site as its Origin.

    Args:
        app: what answers.
        names: host names, without port, under which it may be asked.
        addresses: whether any IP address will do as a host, too, as where it listens on all of them: rebinding needs a
            name.
        token: that each request must carry as `?token=`; None where none is needed.
    """

    def __init__(
        self, app: ASGIApp, names: Collection[str] = LOOPBACK, addresses: bool = False, token: str | None = None
    ) -> None:
        self._app, self._names, self._addresses, self._token = app, {*names}, addresses, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse one request."""
        if scope["type"] != "http":
            return  # nothing else is served
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *_HEADERS]}
            await send(message)

        if refusal := self._refusal(scope, headers):
            await _refuse(send_guarded, *refusal)
            return
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > LARGEST_BODY:
                await _refuse(send_guarded, 413, f"the question has more than {LARGEST_BODY} bytes; hide less at once")
                return

        async def whole() -> Message:
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self._app(scope, whole, send_guarded)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        """Status and sentence; None where the request is welcome."""
        host = headers.get("host", "")
        if not self._is_ours(host):
            return 421, "this host name is not served; open the address that `hydromae serve` printed"
        if headers.get("origin", f"http://{host}") != f"http://{host}" or headers.get("sec-fetch-site", "none") not in (
            "none",
            "same-origin",
        ):
            return 403, "the request comes from another site, which may not ask here"
        if self._token is not None:
            given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
            if not secrets.compare_digest(given.encode(), self._token.encode()):
                return 401, "the token is missing or wrong; open the whole address that `hydromae serve` printed"
        if scope["method"] == "POST" and headers.get("content-type", "").split(";")[0] != "application/json":
            return 415, "a question is JSON; send it as application/json"
        return None

    def _is_ours(self, host: str) -> bool:
        name = host.lower() if host.endswith("]") else host.lower().rsplit(":", 1)[0]
        if name in self._names:
            return True
        try:
            return self._addresses and bool(ipaddress.ip_address(name.strip("[]")))
        except ValueError:
            return False


async def _refuse(send: Send, status: int, sentence: str) -> None:
    body = json_text({"error": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
