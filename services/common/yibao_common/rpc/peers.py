"""Who is at the other end of a connection, found once for each certificate."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from cryptography import x509

from yibao_common.rpc.rates import RateLimits, TokenBucket
from yibao_common.rpc.tls import RevokedSerials
from yibao_common.values.caller import Caller, caller_of_uri, parse_caller
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason

if TYPE_CHECKING:
    import grpc

    Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]

_NEVER = dt.datetime.max.replace(tzinfo=dt.UTC)

CALLER_METADATA = "x-yibao-caller"


@dataclass(frozen=True, slots=True)
class Peer:
    """A caller with the bucket of its party, which is None where rates are free."""

    caller: Caller
    bucket: TokenBucket | None
    serial: int = 0
    expire_time: dt.datetime = _NEVER


class Peers(Protocol):
    """Finds the peer of a call."""

    def of(self, context: "Context") -> Peer:
        """Returns the peer, or raises RuleError CALLER_UNKNOWN."""
        ...


class CertificatePeers:
    """Finds peers by the URI in their client certificates, which TLS has verified.

    A connection may outlive the certificate it was made with, so expiry and revocation
    are looked at on every call.
    """

    # One an institution, terminal or operator; certificates of old are dropped together.
    _MOST_PEERS = 10_000

    def __init__(
        self,
        *,
        trust_domain: str,
        rates: RateLimits,
        revoked: RevokedSerials | None,
        clock: Clock,
        monotonic: Callable[[], float],
    ) -> None:
        """Begins without any known certificate."""
        self._trust_domain = trust_domain
        self._rates = rates
        self._revoked = revoked
        self._clock = clock
        self._monotonic = monotonic
        self._known: dict[bytes, Peer] = {}

    def of(self, context: "Context") -> Peer:
        """Returns the peer of a call; see `Peers`."""
        found = context.auth_context().get("x509_pem_cert")
        if not found:
            raise RuleError(Reason.CALLER_UNKNOWN, "the call came without a client certificate")
        pem = next(iter(found))
        peer = self._known.get(pem)
        if peer is None:
            peer = self._look_at(pem)
            if len(self._known) >= self._MOST_PEERS:
                self._known.clear()
            self._known[pem] = peer
        if self._clock() >= peer.expire_time:
            raise RuleError(Reason.CALLER_UNKNOWN, "the client certificate has expired")
        if self._revoked is not None and self._revoked.covers(peer.serial):
            raise RuleError(Reason.CALLER_UNKNOWN, "the client certificate is revoked")
        return peer

    def _look_at(self, pem: bytes) -> Peer:
        certificate = x509.load_pem_x509_certificate(pem)
        caller = caller_of_uri(_only_uri(certificate), trust_domain=self._trust_domain)
        return Peer(
            caller,
            self._rates.bucket(caller.party, now=self._monotonic()),
            certificate.serial_number,
            certificate.not_valid_after_utc,
        )


def _only_uri(certificate: x509.Certificate) -> str:
    """Returns the one URI among the certificate's alternative names."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        uris = names.value.get_values_for_type(x509.UniformResourceIdentifier)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        uris = []
    if len(uris) != 1:
        # With two, whoever reads the other one would see another caller.
        raise RuleError(
            Reason.CALLER_UNKNOWN, "the client certificate must have exactly one URI name"
        )
    return uris[0]


class DeclaredPeers:
    """Takes the caller's word for it, from the metadata `x-yibao-caller`.

    For development on one machine: the server refuses to run so anywhere else.
    """

    def __init__(self, *, rates: RateLimits, monotonic: Callable[[], float]) -> None:
        """Keeps where the buckets are."""
        self._rates = rates
        self._monotonic = monotonic

    def of(self, context: "Context") -> Peer:
        """Returns the peer of a call; see `Peers`."""
        for key, value in context.invocation_metadata() or ():
            if key == CALLER_METADATA:
                path = value if isinstance(value, str) else value.decode("ascii", "replace")
                caller = parse_caller(path)
                return Peer(caller, self._rates.bucket(caller.party, now=self._monotonic()))
        raise RuleError(
            Reason.CALLER_UNKNOWN,
            f"without TLS, say who calls: metadata {CALLER_METADATA}: institution/H50011200001",
        )
