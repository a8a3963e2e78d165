"""Why no protected connection to a peer is made: asked of its certificate, in words.

gRPC tells UNAVAILABLE for a certificate that has ended, holds from tomorrow on or is of
another host, and tries again until somebody finds out.
"""

import functools
import socket
import ssl

from cryptography import x509

from yibao_common.commands.blocking import Blocking
from yibao_common.process.config import ServerConfig, split_address
from yibao_common.process.logs import Log
from yibao_common.rpc.channels import Peer
from yibao_common.rpc.own_certificate import out_of_time
from yibao_common.values.clock import Clock, system_clock

_SECONDS = 3.0


def peer_problem(peer: Peer, *, own: ServerConfig, clock: Clock) -> str:
    """Returns what is wrong with the certificate of a peer; nothing where all is well.

    Nothing is told either of a peer that does not answer, whose connections are not
    protected, or that is reached by a proxy. Blocks, some seconds at most.
    """
    if own.insecure or peer.use_environment_proxy:
        return ""
    shown = _shown_by(peer, own)
    if shown is None:
        return ""
    named = f"the certificate of {peer.address}"
    told = "\n".join(out_of_time(named, shown, clock(), advice="its operator has to renew it"))
    return told or _refused(peer, own, named)


async def tell_of_peer(peer: Peer, *, own: ServerConfig, by: Blocking, log: Log) -> None:
    """Logs what is wrong with the certificate of a peer, found `by` a thread, if anything."""
    # The machine's clock is what connections are judged by.
    problem = await by.run(functools.partial(peer_problem, peer, own=own, clock=system_clock))
    if problem:
        log.error("certificate of a peer refused", peer=peer.address, problem=problem)


def _shown_by(peer: Peer, own: ServerConfig) -> x509.Certificate | None:
    """Returns the certificate that a peer shows, whatever it is, or None."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    # It is only looked at: nothing is sent, and nothing that comes is believed.
    context.verify_mode = ssl.CERT_NONE
    try:
        encoded = _handshake(peer, own, context)
        return None if encoded is None else x509.load_der_x509_certificate(encoded)
    except (OSError, ValueError):
        return None


def _refused(peer: Peer, own: ServerConfig, named: str) -> str:
    """Returns why a peer's certificate is not verified, by the CA and the name."""
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        assert own.client_ca_file is not None
        context.load_verify_locations(cadata=own.client_ca_file.read_text("utf-8-sig"))
        _handshake(peer, own, context)
    except ssl.SSLCertVerificationError as error:
        return f"{named} is not taken: {error.verify_message}"
    except (OSError, ValueError):
        # A peer that went away meanwhile; files are told of elsewhere.
        return ""
    return ""


def _handshake(peer: Peer, own: ServerConfig, context: ssl.SSLContext) -> bytes | None:
    assert own.certificate_file is not None
    context.load_cert_chain(own.certificate_file, own.key_file)
    # As gRPC does, else some servers end the handshake.
    context.set_alpn_protocols(["h2"])
    host, port = split_address(peer.address)
    with (
        socket.create_connection((host, port), timeout=_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=peer.server_name or host) as protected,
    ):
        return protected.getpeercert(binary_form=True)
