"""Servers on this machine that tests start and stop: files over HTTP, and an object store."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest


class _Files(SimpleHTTPRequestHandler):
    def __init__(self, *arguments: Any, asked: list[str], **options: Any) -> None:
        self.asked = asked
        super().__init__(*arguments, **options)

    def log_message(self, *arguments: object) -> None:
        pass

    def log_request(self, code: object = "-", size: object = "-") -> None:
        self.asked.append(f"{self.command} {self.path}")


@contextmanager
def served(folder: Path, asked: list[str] | None = None) -> Iterator[str]:
    """The address of a server of the files in a folder; requests are added to `asked`."""
    asked = [] if asked is None else asked
    with _serving(partial(_Files, directory=str(folder), asked=asked)) as address:
        yield address


class _Excessive(_Files):
    """Sends without an end what is asked for where `excess` says so, or only announces very much."""

    def __init__(self, *arguments: Any, excess: dict[str, str], sent: list[int], **options: Any) -> None:
        self.excess, self.sent = excess, sent
        super().__init__(*arguments, **options)

    def do_GET(self) -> None:
        kind = self.excess.get(self.path)
        if kind is None:
            return super().do_GET()
        self.send_response(200)
        if kind == "announced":
            self.send_header("Content-Length", str(10**13))
        self.end_headers()
        with suppress(OSError):  # the other side has hung up
            for _ in range(2**9 if kind == "endless" else 1):  # half a GiB is as good as no end
                self.wfile.write(bytes(2**20))
                self.sent.append(2**20)
        self.close_connection = True


@contextmanager
def serving_too_much(folder: Path, excess: dict[str, str], sent: list[int]) -> Iterator[str]:
    """As `served`, but paths in `excess` are answered "endless", or "announced" with a size that none has.

    Bytes that were sent are added to `sent`.
    """
    options = {"directory": str(folder), "asked": [], "excess": excess, "sent": sent}
    with _serving(partial(_Excessive, **options)) as address:
        yield address


@contextmanager
def _serving(handler: Any) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def object_store(patch: pytest.MonkeyPatch, folder: Path) -> Iterator[str]:
    """The address of an empty bucket of moto's server, which s3fs finds by its variables; skips without them."""
    why = "needs s3fs and moto's server: pip install 's3fs' 'moto[s3,server]'"
    pytest.importorskip("s3fs", reason=why)
    moto_server = pytest.importorskip("moto.server", reason=why)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    patch.setenv("AWS_ACCESS_KEY_ID", "of-a-test")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "of-a-test")
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    patch.setenv("AWS_CONFIG_FILE", str(folder / "none"))
    import fsspec
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    bucket = f"bucket{port}"  # what a server before this one held is still there
    fsspec.filesystem("s3").mkdir(bucket)
    try:
        yield f"s3://{bucket}"
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        server.stop()
