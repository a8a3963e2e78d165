"""Channels to the services: TLS both ways, with the client certificate of the caller.

A channel is made once and kept: it takes renewed certificate files by itself, finds a
connection that went silent within 25 seconds, and is back within seconds after an outage,
however long that lasted.
"""

import json
import logging
import os
import time
from collections.abc import Callable

import grpc

from yibao._aio_channel import AioChannel
from yibao._blocking_channel import BlockingChannel
from yibao._channel_files import ChannelFiles

_MOST_BYTES = 16 * 1024 * 1024

_OPTIONS: tuple[tuple[str, int], ...] = (
    # A firewall may drop an idle line without notice, and a host may die without a word.
    # The services permit a ping every 10 seconds, also between calls.
    ("grpc.keepalive_time_ms", 15_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # Newer releases of gRPC wait a minute for a ping's answer unless told this as well.
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # gRPC's own wait between attempts grows to two minutes, and an attempt that nobody
    # answers lasts 20 seconds ("min" is the time that an attempt gets).
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 3_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # A new channel must not inherit the waits of a former one to the same address.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", _MOST_BYTES),
    # A request that is larger than this buffer is sent once, whatever the retry policy.
    ("grpc.per_rpc_retry_buffer_size", _MOST_BYTES),
)

# The service config of `retry`. gRPC makes no more than five attempts. After UNAVAILABLE a
# repeat may help, and it is safe: what changes something bears a request id, and the
# service answers a repeat with what it stored.
_RETRY_POLICY = {
    "maxAttempts": 5,
    "initialBackoff": "0.2s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
# They have none: whoever wants another code asks for it.
_SENT_ONCE = ("IssueQrCode", "IssueRelativeQrCode")
# While most calls fail, repeats would only add to the load that made them fail.
_RETRY_THROTTLING = {"maxTokens": 100, "tokenRatio": 0.5}

_logger = logging.getLogger("yibao.client")


def channel_options(
    *,
    server_name: str | None = None,
    retry: bool = False,
    wait_for_ready: bool = False,
    use_environment_proxy: bool = False,
) -> list[tuple[str, int | str]]:
    """Returns the options of `secure_channel`, for a channel that is made otherwise."""
    options: list[tuple[str, int | str]] = [
        *_OPTIONS,
        # A variable that somebody set for a browser must not carry bills elsewhere.
        ("grpc.enable_http_proxy", int(use_environment_proxy)),
        ("grpc.service_config", service_config(retry=retry, wait_for_ready=wait_for_ready)),
    ]
    if server_name is not None:
        options.append(("grpc.ssl_target_name_override", server_name))
    return options


def service_config(*, retry: bool = False, wait_for_ready: bool = False) -> str:
    """Returns how calls of every method are carried out, as gRPC's JSON.

    Other languages take the same text; see docs/coding/other-languages.md.
    """
    # An empty name stands for every method that no other entry names.
    every: dict[str, object] = {"name": [{}], "waitForReady": wait_for_ready}
    if not retry:
        return json.dumps({"methodConfig": [every]})
    names = [
        {"service": "yibao.identity.v1.CertificateService", "method": method}
        for method in _SENT_ONCE
    ]
    once = {"name": names, "waitForReady": wait_for_ready}
    config = {
        "methodConfig": [{**every, "retryPolicy": _RETRY_POLICY}, once],
        "retryThrottling": _RETRY_THROTTLING,
    }
    return json.dumps(config)


def secure_channel(
    address: str,
    *,
    ca_file: str | os.PathLike[str],
    certificate_file: str | os.PathLike[str],
    key_file: str | os.PathLike[str],
    server_name: str | None = None,
    retry: bool = False,
    wait_for_ready: bool = False,
    use_environment_proxy: bool = False,
    on_files_changed: Callable[[str], None] | None = None,
) -> grpc.Channel:
    """Returns a channel to `address` (`host:port`); it connects at the first call.

    Share one channel between threads; set a timeout at each call.

    Args:
        address: `host:port`; the host must be a name in the server's certificate.
        ca_file: The CA of the server's certificate. All files are PEM. Each is looked at
            again once a second while calls are made: new calls use what it holds then.
        certificate_file: The caller's certificate.
        key_file: Its key, without a password.
        server_name: The name in the server's certificate where it is another than the host.
        retry: Makes up to five attempts of a call that ends with UNAVAILABLE, within its
            timeout.
        wait_for_ready: Lets calls wait for a connection, as long as their timeout allows,
            instead of failing at once while there is none.
        use_environment_proxy: Goes through the proxy that `https_proxy` or `http_proxy` of
            the environment names; they are ignored otherwise.
        on_files_changed: Gets "" when changed files are taken into use, and the problem
            where they cannot be and the former stay. Both are logged where it is None.

    Raises:
        OSError: A file cannot be read.
        ValueError: A file is not PEM, or the key is not that of the certificate.
    """
    files = ChannelFiles(
        ca_file=ca_file,
        certificate_file=certificate_file,
        key_file=key_file,
        monotonic=time.monotonic,
        tell=on_files_changed or _log_change,
    )
    options = channel_options(
        server_name=server_name,
        retry=retry,
        wait_for_ready=wait_for_ready,
        use_environment_proxy=use_environment_proxy,
    )
    return BlockingChannel(
        files, lambda credentials: grpc.secure_channel(address, credentials, options=options)
    )


def secure_aio_channel(
    address: str,
    *,
    ca_file: str | os.PathLike[str],
    certificate_file: str | os.PathLike[str],
    key_file: str | os.PathLike[str],
    server_name: str | None = None,
    retry: bool = False,
    wait_for_ready: bool = False,
    use_environment_proxy: bool = False,
    on_files_changed: Callable[[str], None] | None = None,
    check_files: Callable[[], None] | None = None,
) -> grpc.aio.Channel:
    """Returns the channel of `secure_channel` for asyncio; make it in the running loop.

    `check_files` is asked before changed files are taken into use: where it raises
    ValueError the former stay, as where the files do not fit together.
    """
    files = ChannelFiles(
        ca_file=ca_file,
        certificate_file=certificate_file,
        key_file=key_file,
        monotonic=time.monotonic,
        tell=on_files_changed or _log_change,
        check=check_files,
    )
    options = channel_options(
        server_name=server_name,
        retry=retry,
        wait_for_ready=wait_for_ready,
        use_environment_proxy=use_environment_proxy,
    )
    return AioChannel(
        files, lambda credentials: grpc.aio.secure_channel(address, credentials, options=options)
    )


def _log_change(problem: str) -> None:
    if problem:
        _logger.warning("renewed files are not used: %s", problem)
    else:
        _logger.info("renewed files are used")
