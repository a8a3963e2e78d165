"""Whether a service's own certificate, and its clients' CA, can serve: asked at its start.

What is wrong here would otherwise show as connections that nobody can make, at the other
end and without a word of why.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from yibao_common.process.config import ServerConfig, StartError
from yibao_common.rpc.tls import check_files, read_text_file

ExtensionT = TypeVar("ExtensionT", bound=x509.ExtensionType)

_MINUTE = "%Y-%m-%d %H:%M UTC"


@dataclass(frozen=True, slots=True)
class OwnCertificates:
    """What a service shows to others, and whose client certificates it takes."""

    certificate_file: Path
    certificate: x509.Certificate
    client_ca_file: Path
    client_cas: tuple[x509.Certificate, ...]
    # Those of its issuer that stand behind the certificate in its file.
    intermediates: tuple[x509.Certificate, ...] = ()

    @property
    def end_time(self) -> dt.datetime:
        """When the first of them ends that nobody can do without."""
        return min(
            self.certificate.not_valid_after_utc,
            *_latest_end(self.intermediates),
            max(each.not_valid_after_utc for each in self.client_cas),
        )


def read_own_certificates(config: ServerConfig) -> OwnCertificates:
    """Returns the certificates of a service that is not insecure.

    Raises:
        StartError: a file of TLS cannot be used, or the key is another's.
    """
    certificate_file, client_ca_file = config.certificate_file, config.client_ca_file
    assert certificate_file is not None
    assert config.key_file is not None
    assert client_ca_file is not None
    check_files(certificate_file, config.key_file, client_ca_file)
    certificate, *behind = x509.load_pem_x509_certificates(read_text_file(certificate_file))
    client_cas = x509.load_pem_x509_certificates(read_text_file(client_ca_file))
    issuers = tuple(each for each in behind if each.subject == certificate.issuer)
    return OwnCertificates(
        certificate_file, certificate, client_ca_file, tuple(client_cas), issuers
    )


def check_own_certificates(config: ServerConfig, *, now: dt.datetime) -> None:
    """Checks that others can connect to a service; does nothing where it is insecure.

    Raises:
        StartError: they cannot; each reason is a line.
    """
    if not config.insecure:
        _refuse(certificate_problems(read_own_certificates(config), config, now=now))


def check_client_identity(config: ServerConfig, *, service: str) -> None:
    """Checks that other services will know this one by its certificate, as it calls them.

    Raises:
        StartError: they will not; each reason is a line.
    """
    if not config.insecure:
        _refuse(identity_problems(read_own_certificates(config), config, service=service))


def certificate_problems(
    own: OwnCertificates, config: ServerConfig, *, now: dt.datetime
) -> Iterator[str]:
    """Yields why others cannot connect to the service."""
    named = f"server.certificate_file: {own.certificate_file}"
    yield from out_of_time(named, own.certificate, now)
    # Callers verify by the issuer that is shown to them, whatever else the file holds.
    if own.intermediates and not any(_holds(each, now) for each in own.intermediates):
        issuer = own.intermediates[0]
        told = f"{named}: its issuer {issuer.subject.rfc4514_string()}"
        yield from out_of_time(told, issuer, now)
    usage = _extension(own.certificate, x509.ExtendedKeyUsage)
    if usage is not None and ExtendedKeyUsageOID.SERVER_AUTH not in usage:
        yield f"{named}: is not for servers: have one issued with the usage serverAuth"
    if not host_names(own.certificate):
        yield f"{named}: names no host: have one issued with the name that callers connect to"
    for uri in _uris(own.certificate):
        if uri.startswith("spiffe://") and not uri.startswith(f"spiffe://{config.trust_domain}/"):
            yield (
                f"{named}: is of another trust domain ({uri}) than server.trust_domain says "
                f"({config.trust_domain}): correct that key, or have a certificate issued for it"
            )
    named = f"server.client_ca_file: {own.client_ca_file}"
    issuers = [each for each in own.client_cas if _may_issue(each)]
    if not issuers:
        yield f"{named}: holds no CA, only certificates that a CA issued: name the CA's file"
    elif not any(_holds(each, now) for each in issuers):
        yield from out_of_time(named, issuers[0], now)


def identity_problems(own: OwnCertificates, config: ServerConfig, *, service: str) -> Iterator[str]:
    """Yields why another service would refuse this one as its caller."""
    named = f"server.certificate_file: {own.certificate_file}"
    usage = _extension(own.certificate, x509.ExtendedKeyUsage)
    if usage is not None and ExtendedKeyUsageOID.CLIENT_AUTH not in usage:
        yield f"{named}: is not for clients: have one issued with the usage clientAuth as well"
    wanted = f"spiffe://{config.trust_domain}/service/{service}"
    if _uris(own.certificate) != [wanted]:
        yield f"{named}: must bear one URI name, {wanted}: have a certificate issued with it"


def host_names(certificate: x509.Certificate) -> list[str]:
    """Returns the names of hosts that a certificate is for, and then the addresses."""
    names = _extension(certificate, x509.SubjectAlternativeName)
    if names is None:
        return []
    addresses = names.get_values_for_type(x509.IPAddress)
    return [*names.get_values_for_type(x509.DNSName), *map(str, addresses)]


def out_of_time(
    named: str, certificate: x509.Certificate, now: dt.datetime, *, advice: str = "renew it"
) -> Iterator[str]:
    """Yields why a certificate does not hold at `now`, with what to do."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now >= end:
        yield f"{named}: ended on {end:{_MINUTE}}: {advice}"
    elif now < begin:
        yield f"{named}: holds from {begin:{_MINUTE}} only: set this machine's clock, or wait"


def _holds(certificate: x509.Certificate, now: dt.datetime) -> bool:
    return certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc


def _latest_end(certificates: tuple[x509.Certificate, ...]) -> list[dt.datetime]:
    return [max(each.not_valid_after_utc for each in certificates)] if certificates else []


def _uris(certificate: x509.Certificate) -> list[str]:
    names = _extension(certificate, x509.SubjectAlternativeName)
    return [] if names is None else names.get_values_for_type(x509.UniformResourceIdentifier)


def _may_issue(certificate: x509.Certificate) -> bool:
    constraints = _extension(certificate, x509.BasicConstraints)
    # Those of long ago say nothing of it, and issued themselves.
    return certificate.subject == certificate.issuer if constraints is None else constraints.ca


def _extension(certificate: x509.Certificate, kind: type[ExtensionT]) -> ExtensionT | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return None


def _refuse(problems: Iterator[str]) -> None:
    if told := "\n".join(problems):
        raise StartError(told)
