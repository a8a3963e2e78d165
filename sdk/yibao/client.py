"""Channels to the services: TLS both ways, with the client certificate of the caller."""

import os
from pathlib import Path

import grpc

# A firewall may drop an idle line without notice. Data unanswered for the keepalive
# time-out ends the connection, so that the next call makes a new one. Pings go out
# during calls only, and no call lasts long enough for them to offend the server.
_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.max_reconnect_backoff_ms", 10_000),
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
)


def secure_channel(
    address: str,
    *,
    ca_file: str | os.PathLike[str],
    certificate_file: str | os.PathLike[str],
    key_file: str | os.PathLike[str],
) -> grpc.Channel:
    """Returns a channel to `address` (`host:port`); it connects at the first call.

    All files are PEM. The host of `address` must be a name in the server's certificate.
    Share one channel between threads; set a timeout at each call.

    Raises:
        OSError: A file cannot be read.
    """
    credentials = _credentials(ca_file, certificate_file, key_file)
    return grpc.secure_channel(address, credentials, options=_OPTIONS)


def secure_aio_channel(
    address: str,
    *,
    ca_file: str | os.PathLike[str],
    certificate_file: str | os.PathLike[str],
    key_file: str | os.PathLike[str],
) -> grpc.aio.Channel:
    """Returns the channel of `secure_channel` for asyncio; make it in the running loop."""
    credentials = _credentials(ca_file, certificate_file, key_file)
    return grpc.aio.secure_channel(address, credentials, options=_OPTIONS)


def _credentials(
    ca_file: str | os.PathLike[str],
    certificate_file: str | os.PathLike[str],
    key_file: str | os.PathLike[str],
) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(
        root_certificates=Path(ca_file).read_bytes(),
        private_key=Path(key_file).read_bytes(),
        certificate_chain=Path(certificate_file).read_bytes(),
    )
