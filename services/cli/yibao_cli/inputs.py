"""What a person names on the command line: files to read, services to call."""

import os
import sys
from pathlib import Path

import grpc
from cryptography import x509

from yibao.client import secure_channel
from yibao_common.process.config import StartError, check_peer_address
from yibao_common.rpc.tls import check_files
from yibao_common.values.clock import system_clock

# Far more than any policy, certificate or document of trust has.
_MOST_BYTES = 4_000_000


def read_file(path: Path) -> bytes:
    """Returns what a file holds.

    Raises:
        StartError: it cannot be read, or is another one by its size.
    """
    try:
        with path.open("rb") as file:
            contents = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise StartError(f"{path}: cannot be read: {error.strerror}") from None
    if len(contents) > _MOST_BYTES:
        raise StartError(f"{path}: is another file: it has over {_MOST_BYTES} bytes")
    return contents


def check_written(option: str, file: Path, read: Path, *, of: str) -> None:
    """Checks a file that is written before anything is done: it takes the place of nothing else.

    Raises:
        StartError: it is no file, cannot be written, or is the one that is `read`, which is `of`
            something.
    """
    if file.exists() and not file.is_file() and not file.is_dir():
        # It would be replaced: as root `/dev/null`, for all on the machine.
        raise StartError(f"{option} {file}: is a pipe or a device, and no file")
    check_report(option, file, read, of=of)


def check_report(option: str, file: Path, read: Path, *, of: str) -> None:
    """Checks as `check_written` what is written once all is done, also to a pipe or a device.

    What was sent by then is done, and a report that cannot be written would not tell of it.
    """
    if file.is_dir():
        raise StartError(f"{option} {file}: is a directory")
    if file.exists() and file.samefile(read):
        raise StartError(f"{option} {file}: is the file of {of}; name another one")
    folder = Path(os.path.realpath(file)).parent
    if not folder.is_dir():
        raise StartError(f"{option} {file}: there is no folder {folder}")
    is_plain = file.is_file() or not file.exists()
    if is_plain and not os.access(folder, os.W_OK | os.X_OK):
        raise StartError(f"{option} {file}: this user may not write into {folder}")


def read_stdin() -> bytes:
    """Returns what standard input holds.

    Raises:
        StartError: it is closed, cannot be read, or holds too much.
    """
    # Python has none where the program was started with a closed one.
    if sys.stdin is None:
        raise StartError("stdin is closed")
    try:
        contents = sys.stdin.buffer.read(_MOST_BYTES + 1)
    except OSError as error:
        raise StartError(f"stdin: cannot be read: {error.strerror}") from None
    if len(contents) > _MOST_BYTES:
        raise StartError(f"stdin holds over {_MOST_BYTES} bytes")
    return contents


def open_channel(
    address: str,
    *,
    ca_file: Path,
    certificate_file: Path,
    key_file: Path,
    use_environment_proxy: bool,
    server_name: str | None = None,
) -> grpc.Channel:
    """Returns a channel to a service, after a look at all that a handshake would fail on.

    Raises:
        StartError: the address has another form, a file cannot be used, or the caller's
            certificate is not of this time.
    """
    try:
        check_peer_address(address)
    except ValueError as error:
        raise StartError(f"--address {address}: {error}") from None
    check_files(certificate_file, key_file, ca_file)
    certificate = x509.load_pem_x509_certificates(read_file(certificate_file))[0]
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not begin <= system_clock() < end:
        raise StartError(
            f"{certificate_file}: holds from {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC: "
            "have it renewed, or set this machine's clock"
        )
    return secure_channel(
        address,
        ca_file=ca_file,
        certificate_file=certificate_file,
        key_file=key_file,
        server_name=server_name,
        use_environment_proxy=use_environment_proxy,
    )
