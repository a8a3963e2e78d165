"""Mutual TLS that follows its files: certificates, CA and revocations without a restart."""

import os
import re
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, TypeVar

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from yibao_common.process.config import StartError
from yibao_common.process.logs import Log
from yibao_common.process.plain_file import read_plain_file
from yibao_common.process.text_file import unmarked

T = TypeVar("T")
_SERIAL = re.compile(r"(?:0x)?[0-9a-f]{1,40}")


class FileError(StartError):
    """A file cannot be used; the text says which and why."""


class Watched(Generic[T]):
    """What some files hold, read again when they change.

    Files are replaced one after the other and some writers truncate first, so a state
    that does not load is not an error: the last one that did stays, and the log says so
    once for each faulty state. It is tried again meanwhile, since a certificate may hold
    from a moment later on.
    """

    def __init__(self, paths: Iterable[Path], load: Callable[[], T], *, log: Log) -> None:
        """Loads for the first time.

        Raises:
            FileError: the files cannot be used.
        """
        self._paths = tuple(paths)
        self._load = load
        self._log = log
        # The state is taken before the files are read: a change in between is seen again.
        self._loaded = self._state()
        self._told: tuple[object, str] | None = None
        self.value = load()

    def refresh(self) -> bool:
        """Tells whether `value` was replaced, because the files changed."""
        state = self._state()
        if state == self._loaded:
            return False
        names = [str(path) for path in self._paths]
        try:
            self.value = self._load()
        except StartError as error:
            told = (state, str(error))
            if told != self._told:
                self._told = told
                self._log.error("files refused", files=names, problem=str(error))
            return False
        self._loaded, self._told = state, None
        self._log.info("files reloaded", files=names)
        return True

    def _state(self) -> tuple[tuple[int, ...], ...]:
        return tuple(_state_of(path) for path in self._paths)


def _state_of(path: Path) -> tuple[int, ...]:
    try:
        found = os.stat(path)
    except OSError:
        return ()
    # A file that could not be read may be given to its reader without being written again.
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def read_text_file(path: Path) -> bytes:
    """Returns the bytes of a text, such as PEM, without the byte order mark before it.

    Raises:
        FileError: it cannot be read, or is no plain file.
    """
    try:
        return unmarked(read_plain_file(path))
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise FileError(f"{path}: {error}") from None


def _load_credentials(
    certificate_file: Path, key_file: Path, client_ca_file: Path
) -> grpc.ServerCertificateConfiguration:
    """Reads what a handshake needs and makes sure that the parts fit together."""
    certificate, key, client_ca = map(read_text_file, (certificate_file, key_file, client_ca_file))
    chain = _certificates(certificate, certificate_file)
    cas = _certificates(client_ca, client_ca_file)
    try:
        private_key = serialization.load_pem_private_key(key, password=None)
    except (ValueError, TypeError):
        raise FileError(f"{key_file}: is not a private key in PEM without a password") from None
    public_key = private_key.public_key()
    if public_key != chain[0].public_key():
        raise FileError(f"{key_file}: is not the key of {certificate_file}")
    if not _suits_tls(public_key):
        raise FileError(
            f"{key_file}: is of a kind with which no connection is made: have a certificate "
            "issued for a key on P-256 or P-384, or of RSA with 2,048 bits"
        )
    # Written anew: gRPC wants each part to begin a line, and would find nothing, or not all, in
    # files that are indented or put together without a line between them.
    written = private_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return grpc.ssl_server_certificate_configuration([(written, _pem(chain))], _pem(cas))


def _pem(certificates: Iterable[x509.Certificate]) -> bytes:
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


def _suits_tls(public_key: object) -> bool:
    """Tells whether gRPC signs handshakes with keys of this kind."""
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return isinstance(public_key.curve, (ec.SECP256R1, ec.SECP384R1))
    # OpenSSL, under most clients, takes no shorter one.
    return isinstance(public_key, rsa.RSAPublicKey) and public_key.key_size >= 2_048


def check_files(certificate_file: Path, key_file: Path, client_ca_file: Path) -> None:
    """Checks that the files of mutual TLS can be used and fit together.

    Raises:
        FileError: they do not.
    """
    _load_credentials(certificate_file, key_file, client_ca_file)


def check_serials(path: Path) -> None:
    """Checks that a file of revoked serial numbers can be used.

    Raises:
        FileError: it cannot.
    """
    _load_serials(path)


def _certificates(pem: bytes, path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise FileError(f"{path}: holds no certificates in PEM") from None


class ServerFiles:
    """The files of mutual TLS, read again when they change. Safe between threads.

    New handshakes use what the files hold then; connections that stand keep what they
    were made with.
    """

    def __init__(
        self,
        certificate_file: Path,
        key_file: Path,
        client_ca_file: Path,
        *,
        log: Log,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """Reads them for the first time.

        `check` is called each time that they were read and fit together, and raises a StartError
        where nobody could connect with them, such as with a certificate that has ended.

        Raises:
            StartError: the files cannot be used.
        """

        def load() -> grpc.ServerCertificateConfiguration:
            credentials = _load_credentials(certificate_file, key_file, client_ca_file)
            check()
            return credentials

        self._watched = Watched((certificate_file, key_file, client_ca_file), load, log=log)
        self._lock = threading.Lock()
        self._given = self._watched.value

    def refresh(self) -> None:
        """Looks whether the files changed, as the next handshake does."""
        with self._lock:
            self._watched.refresh()

    def credentials(self) -> grpc.ServerCredentials:
        """Returns credentials that follow the files."""
        return grpc.dynamic_ssl_server_credentials(
            self._given,
            self._fetch,  # type: ignore[arg-type]  # the stubs do not know of None
            require_client_authentication=True,
        )

    def _fetch(self) -> grpc.ServerCertificateConfiguration | None:
        # gRPC calls this before each handshake; None keeps what it has.
        with self._lock:
            self._watched.refresh()
            if self._watched.value is self._given:
                return None
            self._given = self._watched.value
            return self._given


class RevokedSerials:
    """The serial numbers of revoked client certificates, one in hexadecimal a line.

    Colons may stand between the digits, as OpenSSL prints them; `#` begins a comment.
    """

    # How long a change of the file may go unseen: a look at it costs a system call.
    LOOK_EVERY_SECONDS = 1.0

    def __init__(self, path: Path, *, monotonic: Callable[[], float], log: Log) -> None:
        """Reads the file.

        Raises:
            FileError: it cannot be read, or a line is no serial number.
        """
        self._watched = Watched((path,), lambda: _load_serials(path), log=log)
        self._path = path
        self._log = log
        self._monotonic = monotonic
        self._look_at = monotonic() + self.LOOK_EVERY_SECONDS

    def covers(self, serial: int) -> bool:
        """Tells whether the certificate with this serial number is revoked."""
        now = self._monotonic()
        if now >= self._look_at:
            self._look_at = now + self.LOOK_EVERY_SECONDS
            before = self._watched.value
            self._watched.refresh()
            if gone := len(before - self._watched.value):
                # Meant, or a file that was cut short: whoever was locked out comes in again.
                self._log.warning("revocations taken back", file=str(self._path), serials=gone)
        return serial in self._watched.value


def _load_serials(path: Path) -> frozenset[int]:
    serials = set()
    text = read_text_file(path).decode("utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        serial = line.partition("#")[0].strip().replace(":", "").lower()
        if not serial:
            continue
        if not _SERIAL.fullmatch(serial):
            raise FileError(f"{path}:{number}: is no serial number in hexadecimal")
        serials.add(int(serial, 16))
    return frozenset(serials)
