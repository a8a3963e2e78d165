"""The files of a client's TLS, read again when they change."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import serialization

# How long a change may go unseen: a look costs three system calls.
_LOOK_EVERY_SECONDS = 1.0

# Gets the problem with files that changed, and "" where they were taken into use.
Tell = Callable[[str], None]


class ChannelFiles:
    """CA, certificate and key of a client. Safe to share between threads.

    Files are replaced one after the other, and some writers truncate first: a state whose
    parts do not fit together is told once, and the last good one stays in use.
    """

    def __init__(
        self,
        *,
        ca_file: str | os.PathLike[str],
        certificate_file: str | os.PathLike[str],
        key_file: str | os.PathLike[str],
        monotonic: Callable[[], float],
        tell: Tell,
    ) -> None:
        """Reads the files.

        Raises:
            OSError: A file cannot be read.
            ValueError: A file is not PEM, or the key is not that of the certificate.
        """
        self._paths = (Path(ca_file), Path(certificate_file), Path(key_file))
        self._monotonic = monotonic
        self._tell = tell
        self._lock = threading.Lock()
        # The state is taken before the files are read: a change in between is seen again.
        self._known = self._state()
        self._look_at = monotonic() + _LOOK_EVERY_SECONDS
        self.credentials = _load(*self._paths)

    def refresh(self) -> bool:
        """Tells whether `credentials` were replaced, because the files changed."""
        with self._lock:
            now = self._monotonic()
            if now < self._look_at:
                return False
            self._look_at = now + _LOOK_EVERY_SECONDS
            state = self._state()
            if state == self._known:
                return False
            self._known = state
            try:
                self.credentials = _load(*self._paths)
            except (OSError, ValueError) as error:
                problem = str(error)
            else:
                problem = ""
        self._tell(problem)
        return not problem

    def _state(self) -> tuple[tuple[int, ...], ...]:
        return tuple(_state_of(path) for path in self._paths)


def _state_of(path: Path) -> tuple[int, ...]:
    try:
        found = os.stat(path)
    except OSError:
        return ()
    # A file that could not be read may be given to its reader without being written again.
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def _load(ca_file: Path, certificate_file: Path, key_file: Path) -> grpc.ChannelCredentials:
    ca, certificate, key = (path.read_bytes() for path in (ca_file, certificate_file, key_file))
    # gRPC takes any bytes and then fails at each call, with no word of the file.
    _certificate(ca, ca_file)
    leaf = _certificate(certificate, certificate_file)
    try:
        public_key = serialization.load_pem_private_key(key, password=None).public_key()
    except (ValueError, TypeError):
        raise ValueError(f"{key_file}: is not a private key in PEM without a password") from None
    if public_key != leaf.public_key():
        raise ValueError(f"{key_file}: is not the key of {certificate_file}")
    return grpc.ssl_channel_credentials(
        root_certificates=ca, private_key=key, certificate_chain=certificate
    )


def _certificate(pem: bytes, path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(pem)[0]
    except ValueError:
        raise ValueError(f"{path}: holds no certificates in PEM") from None
