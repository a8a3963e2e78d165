"""Certificates of a development CA that end within seconds, or are otherwise of little use."""

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import (
    CertificateIssuerPrivateKeyTypes,
    CertificatePublicKeyTypes,
)
from cryptography.x509.oid import ExtensionOID

from yibao_common.values.clock import system_clock


def shorten(folder: Path, name: str, *, seconds: int) -> dt.datetime:
    """Signs the certificate `name` of `folder` again, for its key; returns when it ends."""
    long = x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes())
    end = system_clock().replace(microsecond=0) + dt.timedelta(seconds=seconds)
    _sign_again(folder, name, long, long.public_key(), end)
    return end


def rekey(folder: Path, name: str, key: CertificateIssuerPrivateKeyTypes) -> None:
    """Signs the certificate `name` of `folder` again, for another key."""
    old = x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes())
    _sign_again(folder, name, old, key.public_key(), old.not_valid_after_utc)
    form = (
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / f"{name}.key").write_bytes(key.private_bytes(*form))


def take_names(folder: Path, name: str) -> None:
    """Signs the certificate `name` of `folder` again, without the names that it is for."""
    old = x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes())
    unnamed = [each for each in old.extensions if each.oid != ExtensionOID.SUBJECT_ALTERNATIVE_NAME]
    _sign_again(folder, name, old, old.public_key(), old.not_valid_after_utc, unnamed)


def _sign_again(
    folder: Path,
    name: str,
    old: x509.Certificate,
    public_key: CertificatePublicKeyTypes,
    end: dt.datetime,
    extensions: Iterable[x509.Extension[x509.ExtensionType]] | None = None,
) -> None:
    ca_key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), password=None)
    assert isinstance(ca_key, ec.EllipticCurvePrivateKey)
    builder = (
        x509.CertificateBuilder()
        .subject_name(old.subject)
        .issuer_name(old.issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(old.not_valid_before_utc)
        .not_valid_after(end)
    )
    for extension in old.extensions if extensions is None else extensions:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    signed = builder.sign(ca_key, hashes.SHA256())
    (folder / f"{name}.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
