"""Starts the server: on this machine only, unless it is said otherwise."""

import secrets
import socket
from collections.abc import Callable
from typing import Any, Final

import uvicorn

from hydromae.base.errors import ConfigError
from hydromae.serve.guard import LOOPBACK
from hydromae.serve.served import Served
from hydromae.serve.site import site

HOST: Final = "127.0.0.1"
_EVERYWHERE: Final = ("0.0.0.0", "::")


def serve(
    served: Served,
    port: int = 8765,
    host: str = HOST,
    allow_network: bool = False,
    on_ready: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve the page until it is interrupted.

    Args:
        served: the models and data.
        port: 0 takes a free one.
        host: address to listen on; any but this machine's own needs `allow_network`, and then a token in the address.
        allow_network: whether others may ask.
        on_ready: called with the address to open.

    Raises:
        ConfigError: the host is not of this machine and others may not ask, or nothing can listen there.
    """
    is_own = host in LOOPBACK or host == "::1"
    if not is_own and not allow_network:
        raise ConfigError(
            f"host {host} lets others ask the models and see the data; add --allow-network if you want that, or leave "
            f"--host away and reach this machine with `ssh -L {port}:{HOST}:{port}`"
        )
    token = None if is_own else secrets.token_urlsafe(24)
    listening = _listen(host, port)
    with listening:
        shown, settings = address_of(host, listening.getsockname()[1], token)
        config = uvicorn.Config(
            site(served, **settings),
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            limit_concurrency=64,
            timeout_graceful_shutdown=2,
        )
        on_ready(shown)
        uvicorn.Server(config).run(sockets=[listening])


def address_of(host: str, port: int, token: str | None) -> tuple[str, dict[str, Any]]:
    """The address to open, and the arguments of the `Guard` that lets it through."""
    if token is None:
        return f"http://{_bracketed(host)}:{port}/", {}
    everywhere = host in _EVERYWHERE
    own = socket.gethostname().lower()
    names = {*LOOPBACK, own, socket.getfqdn().lower(), f"{own}.local"} if everywhere else {_bracketed(host).lower()}
    shown = own if everywhere else _bracketed(host)
    return f"http://{shown}:{port}/?token={token}", {"names": names, "addresses": everywhere, "token": token}


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _listen(host: str, port: int) -> socket.socket:
    plain = host.strip("[]")
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(plain, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(place)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"nothing can listen on {host}, port {port} ({reason}); give another --port, or 0") from None
    listening.listen(128)
    return listening
