"""Who is at the other end of a connection, found once for each certificate."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature

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
    # What ends then, in words.
    first_to_expire: str = "the client certificate"


class Peers(Protocol):
    """Finds the peer of a call."""

    def of(self, context: "Context") -> Peer:
        """Returns the peer, or raises RuleError CALLER_UNKNOWN."""
        ...


class CertificatePeers:
    """Finds peers by the URI in their client certificates, which TLS has verified.

    A connection may outlive the certificates it was made with, so expiry and revocation
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
        self._known: dict[tuple[bytes, ...], Peer] = {}

    def of(self, context: "Context") -> Peer:
        """Returns the peer of a call; see `Peers`."""
        shown = context.auth_context()
        found = shown.get("x509_pem_cert")
        if not found:
            raise RuleError(Reason.CALLER_UNKNOWN, "the call came without a client certificate")
        pems = (next(iter(found)), *shown.get("x509_pem_cert_chain", ()))
        peer = self._known.get(pems)
        if peer is None:
            peer = self._look_at(*pems)
            if len(self._known) >= self._MOST_PEERS:
                self._known.clear()
            self._known[pems] = peer
        if self._clock() >= peer.expire_time:
            raise RuleError(Reason.CALLER_UNKNOWN, f"{peer.first_to_expire} has expired")
        if self._revoked is not None and self._revoked.covers(peer.serial):
            raise RuleError(Reason.CALLER_UNKNOWN, "the client certificate is revoked")
        return peer

    def _look_at(self, pem: bytes, *chain: bytes) -> Peer:
        certificate = x509.load_pem_x509_certificate(pem)
        cas = [each for pems in chain for each in x509.load_pem_x509_certificates(pems)]
        caller = caller_of_uri(_only_uri(certificate), trust_domain=self._trust_domain)
        return Peer(
            caller,
            self._rates.bucket(caller.party, now=self._monotonic()),
            certificate.serial_number,
            *_first_end(certificate, cas),
        )


def _first_end(
    certificate: x509.Certificate, cas: list[x509.Certificate]
) -> tuple[dt.datetime, str]:
    """Returns when the first one ends of a certificate and the CAs between it and ours, and which.

    Where several were shown that issued the same, the last one to end is enough. A root is
    one of ours, whatever root was shown.
    """
    first = (certificate.not_valid_after_utc, "the client certificate")
    between = [each for each in cas if each.subject != each.issuer]
    while issuers := [each for each in between if _has_issued(each, certificate)]:
        certificate = max(issuers, key=lambda each: each.not_valid_after_utc)
        named = f"{certificate.subject.rfc4514_string()}, above the client certificate,"
        first = min(first, (certificate.not_valid_after_utc, named))
        between = [each for each in between if each not in issuers]
    return first


def _has_issued(ca: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(ca)
    except (InvalidSignature, TypeError, ValueError):
        return False
    return True


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
