"""A daemon that speaks clamd's INSTREAM and finds EICAR."""

import contextlib
import socket
import threading
from pathlib import Path


class ScannerDaemon:
    """Answers on a socket while it is open; what it is told to say instead, where it is told."""

    def __init__(self, path: Path | None = None, *, says: bytes | None = None) -> None:
        """Listens on a path, else on a free port of loopback."""
        family = socket.AF_INET if path is None else socket.AF_UNIX
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.bind(("127.0.0.1", 0) if path is None else str(path))
        self._socket.listen()
        self._says = says
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def port(self) -> int:
        """The port on loopback."""
        port: int = self._socket.getsockname()[1]
        return port

    def __enter__(self) -> "ScannerDaemon":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # A thread that waits for a connection is not woken by closing alone.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(timeout=10)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                with connection, connection.makefile("rb") as stream:
                    data = b""
                    assert stream.read(10) == b"zINSTREAM\0"
                    while size := int.from_bytes(stream.read(4), "big"):
                        data += stream.read(size)
                    found = b"stream: Eicar FOUND\0" if b"EICAR" in data else b"stream: OK\0"
                    connection.sendall(found if self._says is None else self._says)
