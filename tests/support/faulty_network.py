"""A TCP relay on loopback whose connections can go silent, as a firewall makes them."""

import contextlib
import socket
import threading
from dataclasses import dataclass, field
from typing import Self

_CHUNK_BYTES = 65_536


@dataclass
class Connection:
    """A connection through the relay."""

    near: socket.socket
    far: socket.socket
    # Set once nothing that either side sends arrives any more.
    is_silent: threading.Event = field(default_factory=threading.Event)
    # Set once the side that connected has closed it.
    is_left: threading.Event = field(default_factory=threading.Event)

    def close(self) -> None:
        for end in (self.near, self.far):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Relay:
    """Passes on what arrives at `port` to another port of this machine."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections: list[Connection] = []
        self._is_shut = False
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def silence(self) -> None:
        """Swallows what comes over the connections of now; new ones are passed on."""
        for connection in self.connections:
            connection.is_silent.set()

    def shut(self) -> None:
        """Swallows what comes over any connection until `close_connections`."""
        self._is_shut = True
        self.silence()

    def close_connections(self) -> None:
        """Ends the connections of now; new ones are passed on."""
        self._is_shut = False
        for connection in self.connections:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.close_connections()
        for thread in self._threads:
            thread.join()

    def _reach(self) -> socket.socket:
        """Returns a connection to what is relayed to."""
        return socket.create_connection(("127.0.0.1", self._to_port))

    def _greet(self, near: socket.socket) -> None:
        """Does what comes before the first byte is passed on."""

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = self._reach()
            except OSError:
                near.close()
                continue
            self._greet(near)
            connection = Connection(near, far)
            self.connections.append(connection)
            if self._is_shut:
                connection.is_silent.set()
            for source, sink, left in (
                (near, far, connection.is_left),
                (far, near, threading.Event()),
            ):
                thread = threading.Thread(
                    target=_pass_on, args=(source, sink, connection.is_silent, left)
                )
                self._threads.append(thread)
                thread.start()


def _pass_on(
    source: socket.socket, sink: socket.socket, silent: threading.Event, left: threading.Event
) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(_CHUNK_BYTES):
            if not silent.is_set():
                sink.sendall(chunk)
    left.set()
    if not silent.is_set():
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


class RelayToFile(Relay):
    """A relay to a socket in the file system, as a PostgreSQL of the tests has it."""

    def __init__(self, path: str) -> None:
        self._path = path
        super().__init__(0)

    def _reach(self) -> socket.socket:
        far = socket.socket(socket.AF_UNIX)
        far.connect(self._path)
        return far


class HttpProxy(Relay):
    """A relay that is asked for its way by CONNECT; keeps what it was asked for."""

    def __init__(self, to_port: int) -> None:
        self.asked: list[str] = []
        super().__init__(to_port)

    def _greet(self, near: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += near.recv(1)
        self.asked.append(head.partition(b"\r\n")[0].decode())
        near.sendall(b"HTTP/1.1 200 OK\r\n\r\n")


def unused_port() -> int:
    """Returns a port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class FakeNames:
    """A name server on loopback: no name exists, and from `is_known` on each is 127.0.0.1."""

    def __init__(self) -> None:
        self.is_known = threading.Event()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._is_ending.set()
        self._socket.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            query, sender = self._socket.recvfrom(4_096)
            if self._is_ending.is_set():
                return
            self._socket.sendto(self._answer(query), sender)

    def _answer(self, query: bytes) -> bytes:
        """Answers one question (RFC 1035): a header of 12 bytes, the labels, type and class."""
        end = 12
        while query[end]:
            end += query[end] + 1
        question = query[12 : end + 5]
        is_for_ipv4 = question[-4:-2] == b"\x00\x01"
        if not self.is_known.is_set():
            return query[:2] + b"\x81\x83\x00\x01" + bytes(6) + question
        if not is_for_ipv4:
            return query[:2] + b"\x81\x80\x00\x01" + bytes(6) + question
        head = query[:2] + b"\x81\x80\x00\x01\x00\x01" + bytes(4)
        # The name as in the question, type A, class IN, for a second, four bytes.
        return head + question + b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04\x7f\x00\x00\x01"
