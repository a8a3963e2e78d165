"""What a process tells over HTTP: whether it lives, whether it can serve, its metrics.

    GET /livez    200 while the process does its work, else 503: start it again
    GET /readyz   200 while it can serve, else 503 with what is missing: send calls elsewhere
    GET /metrics  for Prometheus

In plain text and without certificates, so that a supervisor can ask; anything else is 404.
"""

import contextlib
import errno
import http.server
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from prometheus_client.exposition import choose_encoder

from yibao_common.process.config import StartError, split_range
from yibao_common.process.metrics import Metrics

# How long a connection may stay silent before it is closed.
_SILENT_SECONDS = 5.0
# Far longer than a probe or a scrape takes: who sends a letter now and then is let go too.
_MOST_SECONDS = 10.0
# Each has a thread and a file. One more is taken in the place of the oldest.
_MOST_CONNECTIONS = 64
_TEXT = "text/plain; charset=utf-8"
# How often it looks whether to close: for so long closing may hold up the event loop.
_LOOK_SECONDS = 0.1

# Returns what is wrong, by what it is wrong with; nothing where all is well.
Problems = Callable[[], Mapping[str, str]]


class Endpoint:
    """Answers over HTTP in threads of its own, so that a busy event loop hides nothing."""

    def __init__(self, address: str, *, metrics: Metrics, alive: Problems, ready: Problems) -> None:
        """Starts to listen at `host:port`, or at the first free port of `host:first-last`.

        Raises:
            StartError: none can be had; the text names the key, the address and why.
        """
        self._server = _listen(address, _Pages(metrics, alive, ready))
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_LOOK_SECONDS,), name="endpoint", daemon=True
        )
        try:
            self._thread.start()
        except RuntimeError as error:
            self._server.server_close()
            problem = f"server.metrics_address: {address}: the thread cannot be made: {error}"
            raise StartError(problem) from None

    def close(self) -> None:
        """Stops to listen; blocks for a tenth of a second at most, and makes no thread."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Pages:
    """What each path answers: a status, the kind of the body, and the body."""

    def __init__(self, metrics: Metrics, alive: Problems, ready: Problems) -> None:
        self._metrics = metrics
        self._problems = {"/livez": alive, "/readyz": ready}

    def of(self, path: str, accept: str) -> tuple[HTTPStatus, str, bytes]:
        if path == "/metrics":
            encode, kind = choose_encoder(accept)
            return HTTPStatus.OK, kind, encode(self._metrics.registry)
        ask = self._problems.get(path)
        if ask is None:
            return HTTPStatus.NOT_FOUND, _TEXT, b"there are /livez, /readyz and /metrics\n"
        problems = ask()
        if not problems:
            return HTTPStatus.OK, _TEXT, b"ok\n"
        text = "".join(f"{name}: {problem}\n" for name, problem in problems.items())
        return HTTPStatus.SERVICE_UNAVAILABLE, _TEXT, text.encode()


class _Handler(http.server.BaseHTTPRequestHandler):
    timeout = _SILENT_SECONDS
    server: "_Server"

    def do_GET(self) -> None:
        body = self._send_head()
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        self._send_head()

    def _send_head(self) -> bytes:
        path = self.path.partition("?")[0]
        try:
            status, kind, body = self.server.pages.of(path, self.headers.get("Accept", ""))
        except Exception as error:
            # As where a figure cannot be told: without an answer nobody would know why.
            status, kind = HTTPStatus.INTERNAL_SERVER_ERROR, _TEXT
            body = f"{type(error).__name__}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        return body

    def log_message(self, format: str, *args: object) -> None:
        """Logs nothing: a probe comes every few seconds."""


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    # Two processes at one port would each be asked by chance.
    allow_reuse_port = False
    request_queue_size = 32

    def __init__(self, family: socket.AddressFamily, place: tuple[str, int], pages: _Pages) -> None:
        self.address_family = family
        self.pages = pages
        self._lock = threading.Lock()
        # When each connection was taken, in monotonic seconds, the oldest first.
        self._open: dict[Any, float] = {}
        super().__init__(place, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answers in a thread of its own."""
        with self._lock:
            if len(self._open) >= _MOST_CONNECTIONS:
                oldest = next(iter(self._open))
                del self._open[oldest]
                _cut_off(oldest)
            self._open[request] = time.monotonic()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Closes a connection."""
        with self._lock:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Cuts off, several times a second, what has been connected for too long."""
        before = time.monotonic() - _MOST_SECONDS
        with self._lock:
            for request, since in self._open.items():
                if since < before:
                    _cut_off(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Prints nothing: a connection that breaks is the other end's affair."""


def _cut_off(request: socket.socket) -> None:
    """Wakes the thread of a connection, which then closes it."""
    with contextlib.suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)


def _listen(address: str, pages: _Pages) -> _Server:
    host, ports = split_range(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in ports:
        try:
            return _Server(family, (host, port), pages)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                why = error.strerror or type(error).__name__
                raise StartError(f"server.metrics_address: {address}: {why}") from None
    taken = "all these ports are in use" if len(ports) > 1 else "the port is in use"
    raise StartError(
        f"server.metrics_address: {address}: {taken}: give each process a port of its own; "
        "127.0.0.1:9101-9108 takes the first free one"
    )
