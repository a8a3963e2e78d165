"""The files of a client's TLS, read again when they change."""

import codecs
import datetime as dt
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from yibao._plain_file import read_plain_file

# Far more than a bundle of CAs has.
_MOST_BYTES = 4_000_000
# How long a change may go unseen: a look costs three system calls.
_LOOK_EVERY_SECONDS = 1.0

_State = tuple[tuple[int, ...], ...]

# Gets the problem with files that changed, and "" where they were taken into use.
Tell = Callable[[str], None]

# Raises ValueError where nothing could be reached with files that fit together.
Check = Callable[[], None]


class _Loaded(NamedTuple):
    credentials: grpc.ChannelCredentials
    certificate: x509.Certificate
    cas: tuple[x509.Certificate, ...]


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class ChannelFiles:
    """CA, certificate and key of a client. Safe to share between threads.

    Files are replaced one after the other, and some writers truncate first: a state whose
    parts do not fit together is told once, and the last good one stays in use. So does a
    certificate or a CA that holds now, before one that has ended or does not hold yet; that
    one is tried again, since time alone may make it good.
    """

    def __init__(
        self,
        *,
        ca_file: str | os.PathLike[str],
        certificate_file: str | os.PathLike[str],
        key_file: str | os.PathLike[str],
        monotonic: Callable[[], float],
        tell: Tell,
        check: Check | None = None,
        clock: Callable[[], dt.datetime] = _utc_now,
    ) -> None:
        """Reads the files. Whatever their certificate's time is, it is all there is.

        `check` is asked before changed files are taken into use.

        Raises:
            OSError: A file cannot be read.
            ValueError: A file is not PEM, or the key is not that of the certificate.
        """
        self._paths = (Path(ca_file), Path(certificate_file), Path(key_file))
        self._monotonic = monotonic
        self._tell = tell
        self._check = check
        self._clock = clock
        self._lock = threading.Lock()
        # The state is taken before the files are read: a change in between is seen again.
        self._used = self._state()
        self._look_at = monotonic() + _LOOK_EVERY_SECONDS
        # What was told of files that are not in use.
        self._told: tuple[_State, str] | None = None
        self._loaded = _load(*self._paths)

    @property
    def credentials(self) -> grpc.ChannelCredentials:
        """Those to open a channel with."""
        return self._loaded.credentials

    def refresh(self) -> bool:
        """Tells whether `credentials` were replaced, because the files changed."""
        with self._lock:
            now = self._monotonic()
            if now < self._look_at:
                return False
            self._look_at = now + _LOOK_EVERY_SECONDS
            state = self._state()
            if state == self._used:
                return False
            problem = self._take()
            if not problem:
                self._used, self._told = state, None
            elif self._told == (state, problem):
                return False
            else:
                self._told = (state, problem)
        self._tell(problem)
        return not problem

    def _take(self) -> str:
        """Takes the files into use, or returns why not."""
        try:
            loaded = _load(*self._paths)
            if self._check is not None:
                self._check()
        except (OSError, ValueError) as error:
            return str(error)
        former, now = self._loaded, self._clock()
        if _holds(now, former.certificate) and not _holds(now, loaded.certificate):
            return f"{self._paths[1]}: does not hold now, and the former certificate does"
        if _holds(now, *former.cas) and not _holds(now, *loaded.cas):
            return f"{self._paths[0]}: does not hold now, and the former CA does"
        self._loaded = loaded
        return ""

    def _state(self) -> _State:
        return tuple(_state_of(path) for path in self._paths)


def _state_of(path: Path) -> tuple[int, ...]:
    try:
        found = os.stat(path)
    except OSError:
        return ()
    # A file that could not be read may be given to its reader without being written again.
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def _load(ca_file: Path, certificate_file: Path, key_file: Path) -> _Loaded:
    ca, certificate, key = (
        read_plain_file(path, most_bytes=_MOST_BYTES).removeprefix(codecs.BOM_UTF8)
        for path in (ca_file, certificate_file, key_file)
    )
    # gRPC takes any bytes and then fails at each call, with no word of the file.
    cas = _certificates(ca, ca_file)
    chain = _certificates(certificate, certificate_file)
    try:
        private_key = serialization.load_pem_private_key(key, password=None)
    except (ValueError, TypeError):
        raise ValueError(f"{key_file}: is not a private key in PEM without a password") from None
    public_key = private_key.public_key()
    if public_key != chain[0].public_key():
        raise ValueError(f"{key_file}: is not the key of {certificate_file}")
    if not _suits_tls(public_key):
        raise ValueError(f"{key_file}: gRPC connects with keys on P-256 or P-384, or of RSA")
    # Written anew: gRPC wants each part to begin a line, and would find nothing, or not all, in
    # files that are indented or put together without a line between them.
    written = private_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    credentials = grpc.ssl_channel_credentials(
        root_certificates=_pem(cas), private_key=written, certificate_chain=_pem(chain)
    )
    return _Loaded(credentials, chain[0], tuple(cas))


def _pem(certificates: Iterable[x509.Certificate]) -> bytes:
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


def _suits_tls(public_key: object) -> bool:
    """Tells whether gRPC signs handshakes with keys of this kind."""
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return isinstance(public_key.curve, (ec.SECP256R1, ec.SECP384R1))
    return isinstance(public_key, rsa.RSAPublicKey)


def _holds(now: dt.datetime, *certificates: x509.Certificate) -> bool:
    """Tells whether any of the certificates holds now."""
    return any(each.not_valid_before_utc <= now < each.not_valid_after_utc for each in certificates)


def _certificates(pem: bytes, path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise ValueError(f"{path}: holds no certificates in PEM") from None
