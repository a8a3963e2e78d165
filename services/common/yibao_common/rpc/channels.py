"""Outgoing channels: to a service that a configuration names, with the own certificate."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import grpc

from yibao.client import channel_options, secure_aio_channel, secure_channel
from yibao.errors import error_of
from yibao_common.commands.background import ToldError
from yibao_common.process.config import ServerConfig, StartError
from yibao_common.process.logs import Log
from yibao_common.rpc.own_certificate import check_client_identity, check_own_certificates
from yibao_common.values.clock import system_clock

# What the peer says of who calls it.
_MINE = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)


@dataclass(frozen=True, slots=True)
class Peer:
    """A service to call: `host:port`, and what is particular about reaching it.

    `server_name` is the name in its certificate where that is another than the host. The
    proxy that variables of the environment name is used where `use_environment_proxy`.
    """

    address: str
    server_name: str | None = None
    use_environment_proxy: bool = False


class _Files(TypedDict):
    ca_file: Path
    certificate_file: Path
    key_file: Path


def told(error: grpc.aio.AioRpcError) -> ToldError:
    """Returns a failed call to a peer in words for the operator.

    The peer's own text is told only where it says what is wrong with this service: other
    texts differ from time to time, and each would be a line of its own.
    """
    refusal = error_of(error)
    text = f"{refusal.code.name} {refusal.reason.removeprefix('ERROR_REASON_')}".rstrip()
    if refusal.code in _MINE:
        text = f"{text}: {refusal.message}"
    return ToldError(text)


def open_aio_channel(peer: Peer, *, own: ServerConfig, service: str, log: Log) -> grpc.aio.Channel:
    """Returns a channel of the running event loop that presents the certificate of `own`.

    It takes renewed files without a restart, and the log tells of them; such as the peer
    would not know `service` by are not taken. Where `own` is insecure, so is the channel.

    Raises:
        StartError: a file cannot be used.
    """
    if own.insecure:
        options = channel_options(use_environment_proxy=peer.use_environment_proxy)
        return grpc.aio.insecure_channel(peer.address, options=options)

    def tell(problem: str) -> None:
        if problem:
            log.error("files of a channel refused", peer=peer.address, problem=problem)
        else:
            log.info("files of a channel reloaded", peer=peer.address)

    def check() -> None:
        try:
            check_own_certificates(own, now=system_clock())
            check_client_identity(own, service=service)
        except StartError as error:
            raise ValueError(str(error)) from None

    try:
        return secure_aio_channel(
            peer.address,
            **_files_of(own),
            server_name=peer.server_name,
            use_environment_proxy=peer.use_environment_proxy,
            on_files_changed=tell,
            check_files=check,
        )
    except (OSError, ValueError) as error:
        raise StartError(str(error)) from None


def open_channel(peer: Peer, *, own: ServerConfig) -> grpc.Channel:
    """Returns the channel of `open_aio_channel` for threads, for commands that end soon.

    Raises:
        StartError: a file cannot be used.
    """
    if own.insecure:
        options = channel_options(use_environment_proxy=peer.use_environment_proxy)
        return grpc.insecure_channel(peer.address, options=options)
    try:
        return secure_channel(
            peer.address,
            **_files_of(own),
            server_name=peer.server_name,
            use_environment_proxy=peer.use_environment_proxy,
        )
    except (OSError, ValueError) as error:
        raise StartError(str(error)) from None


def _files_of(own: ServerConfig) -> _Files:
    assert own.client_ca_file is not None
    assert own.certificate_file is not None
    assert own.key_file is not None
    return _Files(
        ca_file=own.client_ca_file,
        certificate_file=own.certificate_file,
        key_file=own.key_file,
    )
