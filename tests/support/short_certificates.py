"""Certificates of a development CA that end within seconds."""

import datetime as dt
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from yibao_common.values.clock import system_clock


def shorten(folder: Path, name: str, *, seconds: int) -> dt.datetime:
    """Signs the certificate `name` of `folder` again, for its key; returns when it ends."""
    ca_key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), password=None)
    assert isinstance(ca_key, ec.EllipticCurvePrivateKey)
    path = folder / f"{name}.pem"
    long = x509.load_pem_x509_certificate(path.read_bytes())
    end = system_clock().replace(microsecond=0) + dt.timedelta(seconds=seconds)
    builder = (
        x509.CertificateBuilder()
        .subject_name(long.subject)
        .issuer_name(long.issuer)
        .public_key(long.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(long.not_valid_before_utc)
        .not_valid_after(end)
    )
    for extension in long.extensions:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    short = builder.sign(ca_key, hashes.SHA256())
    path.write_bytes(short.public_bytes(serialization.Encoding.PEM))
    return end
