"""Whether settlement and identity reach each other: asked as they ask."""

from collections.abc import Iterator

import grpc

from yibao.errors import error_of
from yibao.trust import QrError
from yibao.trust_client import TrustClient
from yibao.trust_store import TrustStore
from yibao_cli.doctor.finding import Finding
from yibao_cli.stack import check_serving
from yibao_common.process.config import ServerConfig, StartError
from yibao_common.process.plain_file import read_plain_file
from yibao_common.rpc.channels import Peer, open_channel
from yibao_common.rpc.own_certificate import read_own_certificates
from yibao_common.rpc.peer_certificate import peer_problem
from yibao_common.rpc.tls import FileError
from yibao_common.values.clock import Clock
from yibao_identity.config import IdentityConfig
from yibao_settlement.config import SettlementConfig
from yibao_settlement.servicer.trust.regions import regions_without_key

_SECONDS = 3.0


def examine_identity(config: SettlementConfig, *, clock: Clock) -> Iterator[Finding]:
    """Examines whether identity is reached and serves the regions of the configuration."""
    identity = config.identity
    subject = f"identity at {identity.address}"
    try:
        first_root = read_plain_file(identity.root_file)
        peer = Peer(identity.address, identity.server_name, identity.use_environment_proxy)
        with _open_channel(peer, config.server) as channel:
            source = TrustClient(channel, timeout_seconds=_SECONDS)
            store = TrustStore(first_root=first_root, source=source, regions=())
            snapshot = store.refresh(now=clock())
    except grpc.RpcError as error:
        refusal = error_of(error)
        told = peer_problem(peer, own=config.server, clock=clock)
        told = told or f"{refusal.reason or refusal.code.name}: {refusal.message}"
        yield Finding(subject, f"identity.address: is not reached, or refuses: {told}")
        return
    except (StartError, OSError):
        # What file is missing or wrong is told of elsewhere.
        yield Finding(subject, remark="not asked: a file cannot be used")
        return
    except QrError as error:
        yield Finding(subject, f"identity.root_file: its trust is not taken: {error.message}")
        return
    yield Finding(subject, remark=f"publishes snapshot {snapshot.version}")
    for region in regions_without_key(snapshot, identity.regions, now=clock()):
        yield Finding(
            f"region {region}",
            "identity.regions: identity has no key that signs codes for it: correct the "
            "region, or see issuer.regions and `yibao keys list` at identity",
        )


def examine_settlement(config: IdentityConfig, *, clock: Clock) -> Finding:
    """Examines whether settlement is reached, which confirms first uses of cards."""
    settlement = config.settlement
    if settlement.address is None:
        remark = "settlement.address is not set: cards are activated at counters alone"
        return Finding("settlement", remark=remark)
    subject = f"settlement at {settlement.address}"
    peer = Peer(settlement.address, settlement.server_name, settlement.use_environment_proxy)
    try:
        with _open_channel(peer, config.server) as channel:
            check_serving(channel, "settlement", seconds=_SECONDS, wait=False)
    except FileError:
        return Finding(subject, remark="not asked: a file cannot be used")
    except StartError as error:
        told = peer_problem(peer, own=config.server, clock=clock)
        return Finding(subject, f"settlement.address: {told or error}")
    return Finding(subject, remark="serving")


def _open_channel(peer: Peer, own: ServerConfig) -> grpc.Channel:
    if not own.insecure:
        read_own_certificates(own)  # tells in words what a handshake would not
    return open_channel(peer, own=own)
