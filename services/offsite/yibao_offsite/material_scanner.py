"""Virus scanners: a daemon that speaks clamd's INSTREAM, or a command that reads a file."""

import contextlib
import socket
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence

from yibao_common.process.config import split_address
from yibao_offsite.application.material.due import Scanner, ScannerError, Verdict
from yibao_offsite.config import MaterialsConfig

UNIX = "unix:"
_ANSWER_BYTES = 4_096
# What clamscan and its like end with.
_CLEAN, _INFECTED = 0, 1


class DaemonScanner:
    """Sends files to a daemon: chunks after their lengths, and an empty one at the end."""

    def __init__(self, address: str, *, seconds: float) -> None:
        """Takes `unix:PATH` or `host:port`, and for how long each trip to it may take."""
        self._address = address
        self._seconds = seconds

    def scan(self, parts: Iterable[bytes]) -> Verdict:
        """See `Scanner`."""
        try:
            with self._connected() as connection:
                connection.sendall(b"zINSTREAM\0")
                for part in parts:
                    connection.sendall(len(part).to_bytes(4, "big") + part)
                connection.sendall(bytes(4))
                answer = _answer(connection)
        except OSError as error:
            raise ScannerError(f"the virus scanner at {self._address}: {error}") from None
        if answer.endswith("FOUND"):
            return Verdict.INFECTED
        if answer == "stream: OK":
            return Verdict.CLEAN
        raise ScannerError(f"the virus scanner at {self._address} answers {answer[:200]!r}")

    @contextlib.contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        path = self._address.removeprefix(UNIX)
        if path != self._address:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(self._seconds)
                connection.connect(path)
                yield connection
        else:
            with socket.create_connection(
                split_address(self._address), timeout=self._seconds
            ) as connection:
                yield connection


class CommandScanner:
    """Has a command read each file from its standard input: 0 is clean, 1 is infected."""

    def __init__(self, command: Sequence[str], *, seconds: float) -> None:
        """Takes the words of the command, which no shell reads, and for how long it may run."""
        self._command = tuple(command)
        self._seconds = seconds

    def scan(self, parts: Iterable[bytes]) -> Verdict:
        """See `Scanner`."""
        name = self._command[0]
        try:
            process = subprocess.Popen(  # noqa: S603 (the operator's own)
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            raise ScannerError(f"the virus scanner {name}: {error.strerror}") from None
        # One that does not read would keep this thread for good.
        watch = threading.Timer(self._seconds, process.kill)
        watch.start()
        try:
            assert process.stdin is not None
            # It may have seen enough before all was written.
            with contextlib.suppress(BrokenPipeError), process.stdin:
                for part in parts:
                    process.stdin.write(part)
            ended = process.wait()
        finally:
            watch.cancel()
            process.kill()
            process.wait()
        if ended not in (_CLEAN, _INFECTED):
            raise ScannerError(f"the virus scanner {name} ended with {ended}")
        return Verdict.CLEAN if ended == _CLEAN else Verdict.INFECTED


def scanner_of(config: MaterialsConfig) -> Scanner | None:
    """Returns the virus scanner that is configured, None where there is none."""
    if config.scanner_address is not None:
        return DaemonScanner(config.scanner_address, seconds=config.scanner_seconds)
    if config.scanner_command is not None:
        return CommandScanner(config.scanner_command, seconds=config.scanner_seconds)
    return None


def _answer(connection: socket.socket) -> str:
    told = b""
    while b"\0" not in told and len(told) < _ANSWER_BYTES:
        more = connection.recv(_ANSWER_BYTES)
        if not more:
            break
        told += more
    return told.split(b"\0", 1)[0].decode("utf-8", errors="replace").strip()
