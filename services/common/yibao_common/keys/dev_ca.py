"""A certificate authority for development: never a trust anchor of real data.

ECDSA P-256, which every TLS stack of the clients takes; certificates last 30 days unless told
otherwise, and are made again when they are about to end.
"""

import datetime as dt
import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from yibao_common.values.clock import Clock, system_clock

# By its name whoever serves knows that this is no CA to be trusted anywhere else.
CA_NAME = "yibao DEVELOPMENT CA - do not trust"
VALID_FOR = dt.timedelta(days=30)
# A certificate with less than this left is made again.
_SPARE = dt.timedelta(days=2)
# Clocks of other machines may lag.
_BACKDATED = dt.timedelta(hours=1)
_LOOPBACK = (
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    x509.IPAddress(ipaddress.ip_address("::1")),
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate to issue: `uri_path` names the caller, `institution/H50011200001`."""

    name: str
    uri_path: str
    is_server: bool = False


@dataclass(frozen=True, slots=True)
class DevCertificate:
    """The files of a certificate and its key, in PEM."""

    certificate_file: Path
    key_file: Path


@dataclass(frozen=True, slots=True)
class DevCertificates:
    """The files of a development CA and of the certificates it issued, by their names."""

    ca_file: Path
    leaves: dict[str, DevCertificate]


@dataclass(frozen=True, slots=True)
class _Issuer:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def issue_dev_certificates(
    folder: Path,
    leaves: Iterable[Leaf],
    *,
    trust_domain: str = "yibao.dev",
    clock: Clock = system_clock,
    valid_for: dt.timedelta = VALID_FOR,
) -> DevCertificates:
    """Issues `leaves` into `folder`, or keeps those that are still good.

    What is made holds for `valid_for`. Writes `ca.pem`, `ca.key` and for each leaf
    `<name>.pem` and `<name>.key`. Keys are readable by their owner only.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = clock()
    ca_file = folder / "ca.pem"
    ca = _load(DevCertificate(ca_file, folder / "ca.key"))
    if ca is None or not _lasts(ca.certificate, now):
        ca = _make_ca(now, valid_for)
        _store(DevCertificate(ca_file, folder / "ca.key"), ca)
    issued = {}
    for leaf in leaves:
        files = DevCertificate(folder / f"{leaf.name}.pem", folder / f"{leaf.name}.key")
        names = _names(leaf, trust_domain)
        if not _is_good(_load(files), names, ca, now):
            _store(files, _make_leaf(leaf, names, ca, now, valid_for))
        issued[leaf.name] = files
    return DevCertificates(ca_file, issued)


def _names(leaf: Leaf, trust_domain: str) -> x509.SubjectAlternativeName:
    uri = x509.UniformResourceIdentifier(f"spiffe://{trust_domain}/{leaf.uri_path}")
    return x509.SubjectAlternativeName([uri, *(_LOOPBACK if leaf.is_server else ())])


def _load(files: DevCertificate) -> _Issuer | None:
    try:
        certificate = x509.load_pem_x509_certificate(files.certificate_file.read_bytes())
        key = serialization.load_pem_private_key(files.key_file.read_bytes(), password=None)
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        return None
    return _Issuer(certificate, key) if key.public_key() == certificate.public_key() else None


def _lasts(certificate: x509.Certificate, now: dt.datetime) -> bool:
    return (
        certificate.not_valid_before_utc <= now and now + _SPARE <= certificate.not_valid_after_utc
    )


def _is_good(
    found: _Issuer | None, names: x509.SubjectAlternativeName, ca: _Issuer, now: dt.datetime
) -> bool:
    if found is None or not _lasts(found.certificate, now):
        return False
    try:
        found.certificate.verify_directly_issued_by(ca.certificate)
        has = found.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    return has.value == names


def _make_ca(now: dt.datetime, valid_for: dt.timedelta) -> _Issuer:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _subject(CA_NAME)
    builder = _builder(name, name, key, now, valid_for).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    builder = builder.add_extension(_usage(is_ca=True), critical=True)
    return _Issuer(builder.sign(key, hashes.SHA256()), key)


def _make_leaf(
    leaf: Leaf,
    names: x509.SubjectAlternativeName,
    ca: _Issuer,
    now: dt.datetime,
    valid_for: dt.timedelta,
) -> _Issuer:
    key = ec.generate_private_key(ec.SECP256R1())
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
    if leaf.is_server:
        usages.append(ExtendedKeyUsageOID.SERVER_AUTH)
    subject = _subject(f"{leaf.name} (development)"[:64])
    builder = (
        _builder(subject, ca.certificate.subject, key, now, valid_for)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(is_ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(names, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key()),
            critical=False,
        )
    )
    return _Issuer(builder.sign(ca.key, hashes.SHA256()), key)


def _subject(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: dt.datetime,
    valid_for: dt.timedelta,
) -> x509.CertificateBuilder:
    public_key = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + valid_for)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )


def _store(files: DevCertificate, issued: _Issuer) -> None:
    # The key first: a certificate without its key is never left behind as the newer one.
    key = issued.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _replace(files.key_file, key, mode=0o600)
    pem = issued.certificate.public_bytes(serialization.Encoding.PEM)
    _replace(files.certificate_file, pem, mode=0o644)


def _replace(path: Path, content: bytes, *, mode: int) -> None:
    """Writes a file so that others see the old or the new contents, never a part."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
