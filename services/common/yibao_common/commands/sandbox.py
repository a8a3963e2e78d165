"""A sandbox of `yibao up`: its mark, and a clock that all its services share and can move.

The clock is the machine's with an offset, which lies in a small file of the sandbox's folder. Every
process maps it, so that no service is ever at another time than the others.
"""

import asyncio
import contextlib
import datetime as dt
import fcntl
import mmap
import os
import struct
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography import x509

from yibao_common.keys.dev_ca import CA_NAME
from yibao_common.process.config import (
    Section,
    ServiceConfig,
    StartError,
    is_loopback,
    split_address,
)
from yibao_common.process.database_url import sqlite_file
from yibao_common.process.supervisor import Supervisor
from yibao_common.values.clock import Clock, system_clock
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

# Lies in every folder of a sandbox.
MARK = "SANDBOX.txt"
CLOCK_FILE = "clock.bin"
# So far ahead of the machine's clock a sandbox may be; its keys live a little longer.
MOST_AHEAD = dt.timedelta(days=1_000)

# Microseconds ahead; who moved it last, as a UUID, and to which microsecond of Unix time.
_FORM = struct.Struct("<q16sq")
_OFFSET = struct.Struct("<q")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_LOOK_SECONDS = 0.05


def make_clock_file(folder: Path) -> None:
    """Makes the clock of a sandbox, at the machine's time; leaves one that is there."""
    path = folder / CLOCK_FILE
    # One that was cut short while it was made told no time yet.
    if not path.exists() or path.stat().st_size != _FORM.size:
        path.write_bytes(bytes(_FORM.size))


def ahead_of(folder: Path) -> dt.timedelta:
    """Returns how far a sandbox's clock is ahead; nothing where it has none."""
    try:
        told = (folder / CLOCK_FILE).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return dt.timedelta()
    if len(told) != _FORM.size:
        return dt.timedelta()
    offset: int = _FORM.unpack(told)[0]
    return offset * _MICROSECOND


class SandboxClock:
    """The time of a sandbox, as every process of it has it; see `Clock`."""

    def __init__(self, folder: Path, *, machine_clock: Clock = system_clock) -> None:
        """Maps the clock of a sandbox.

        Raises:
            StartError: there is none, or it cannot be used.
        """
        self.machine_clock = machine_clock
        self._path = folder / CLOCK_FILE
        try:
            with self._path.open("r+b") as file:
                self._map = mmap.mmap(file.fileno(), _FORM.size)
        except (OSError, ValueError) as error:
            raise StartError(f"sandbox.folder: {self._path}: no clock: {error}") from None
        self._wakes: list[Callable[[], None]] = []
        self._seen = self._offset()

    def __call__(self) -> dt.datetime:
        """Returns the present instant of the sandbox, aware, in UTC."""
        return self.machine_clock() + self.ahead

    @property
    def ahead(self) -> dt.timedelta:
        """How far it is ahead of the machine's clock."""
        return self._offset() * _MICROSECOND

    def calls_when_moved(self, wake: Callable[[], None]) -> None:
        """Has `wake` called on the event loop after each move, whichever process made it."""
        self._wakes.append(wake)

    def start(self, supervisor: Supervisor) -> None:
        """Starts to look for moves; call it inside the event loop."""
        supervisor.watch(asyncio.create_task(self._watch(), name="sandbox-clock"))

    def move(self, to_time: dt.datetime, *, request_id: str) -> dt.datetime:
        """Moves the time of all processes forward; returns the time that it was made.

        Raises:
            RuleError: SANDBOX_CLOCK_BACK, FIELD_OUT_OF_RANGE, REQUEST_ID_REUSED.
        """
        own_id = uuid.UUID(request_id).bytes
        with self._locked():
            _, last_id, last_time = _FORM.unpack(self._map[:])
            if last_id == own_id:
                if to_time != _EPOCH + last_time * _MICROSECOND:
                    raise RuleError(
                        Reason.REQUEST_ID_REUSED,
                        f"request_id {request_id} was used before for something else",
                        request_id=request_id,
                    )
                return to_time
            now = self()
            if to_time < now:
                raise RuleError(
                    Reason.SANDBOX_CLOCK_BACK,
                    f"{to_time.isoformat()} is over: it is {now.isoformat()}",
                    server_time=now.isoformat(),
                )
            offset = to_time - self.machine_clock()
            if offset > MOST_AHEAD:
                raise RuleError(
                    Reason.FIELD_OUT_OF_RANGE,
                    f"to_time: lies over {MOST_AHEAD.days} days ahead of the machine's clock",
                )
            reached = (to_time - _EPOCH) // _MICROSECOND
            self._map[:] = _FORM.pack(offset // _MICROSECOND, own_id, reached)
            self._map.flush()
        self._tell()
        return to_time

    def _offset(self) -> int:
        offset: int = _OFFSET.unpack_from(self._map)[0]
        return offset

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with self._path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    async def _watch(self) -> None:
        while True:
            self._tell()
            await asyncio.sleep(_LOOK_SECONDS)

    def _tell(self) -> None:
        """Wakes what waits for a time that may have come."""
        offset = self._offset()
        if offset != self._seen:
            self._seen = offset
            for wake in self._wakes:
                wake()


def start_sandbox_clock(clock: Clock, supervisor: Supervisor) -> None:
    """Starts what follows moves of a sandbox's clock; does nothing for any other."""
    if isinstance(clock, SandboxClock):
        clock.start(supervisor)


def machine_clock_of(clock: Clock) -> Clock:
    """Returns the clock that certificates are judged by: the machine's in a sandbox."""
    return clock.machine_clock if isinstance(clock, SandboxClock) else clock


def open_sandbox_clock(config: ServiceConfig) -> SandboxClock | None:
    """Returns the clock of a sandbox that can be moved; None anywhere else.

    Raises:
        StartError: the configuration names a sandbox, and this is none; or the reverse.
    """
    check_is_sandbox(config)
    said = config.sandbox
    return SandboxClock(said.folder) if said.folder is not None and said.movable_clock else None


def check_is_sandbox(config: ServiceConfig) -> None:
    """Checks that what a configuration calls a sandbox is one, and that nothing else uses its data.

    Raises:
        StartError: the folder is none of `yibao up`; others than this machine could call, or
            certificates of another CA than a development one's would be taken; the database, a
            key or another file lies outside the folder; or, of what is no sandbox, the database
            is one of a sandbox whose time was moved.
    """
    folder, file = config.sandbox.folder, sqlite_file(config.database.url)
    if folder is None:
        if config.sandbox.movable_clock:
            raise StartError("sandbox.movable_clock: only in a sandbox, whose folder is said")
        if file is not None and ahead_of(file.parent):
            told = "belongs to a sandbox whose time was moved, and holds what is still to come"
            raise StartError(f"database.url: {file} {told}")
        return
    if not (folder / MARK).is_file():
        raise StartError(f"sandbox.folder: {folder} is no sandbox that `yibao up` made")
    if not is_loopback(split_address(config.server.address)[0]):
        raise StartError("sandbox: server.address must be loopback, such as 127.0.0.1:50051")
    _check_callers(config)
    if file is None:
        raise StartError("sandbox: database.url must be a file of SQLite in the sandbox's folder")
    # Else time that was moved would get among real rows, or real keys would sign at it.
    for name, path in (("database.url", file), *_files(config)):
        if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
            raise StartError(f"sandbox: {name} must lie in {folder}, and {path} does not")


def _check_callers(config: ServiceConfig) -> None:
    names = []
    with contextlib.suppress(OSError, ValueError):
        # Without one anybody could call as anybody.
        if (file := config.server.client_ca_file) is not None:
            found = x509.load_pem_x509_certificates(file.read_bytes())
            names = [each.subject.rfc4514_string() for each in found]
    if names != [f"CN={CA_NAME}"]:
        raise StartError("sandbox: server.client_ca_file must be a development CA alone")


def _files(section: Section, table: str = "") -> Iterator[tuple[str, Path]]:
    """Yields all files and folders that a configuration names, with the key of each."""
    for key in type(section).model_fields:
        value = getattr(section, key)
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, Path):
                yield f"{table}{key}", each
            elif isinstance(each, Section):
                yield from _files(each, f"{table}{key}.")
