"""The phone's side: makes a QR code without a network, and a counter verifies it."""

import datetime as dt
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from yibao import device, qr
from yibao.trust import TrustSnapshot

FILES = Path(__file__).parent
NOW = dt.datetime(2026, 11, 2, 8, 0, 10, tzinfo=dt.timezone.utc)

# A phone keeps its key in secure hardware. This one's certificate lies beside this file.
KEY = Ed25519PrivateKey.from_private_bytes(
    bytes.fromhex("263a4dbe41488fb87214b0032339dbb9f0c8da14c16dfcf13084bf3c2552eca5")
)
CERTIFICATE = (FILES / "device-certificate.cose").read_bytes()

# Once, to enrol: sign the service's challenge with the public key that is enrolled.
challenge = bytes(device.CHALLENGE_BYTES)
statement = device.enrolment_statement(challenge, device.raw_public_key(KEY))
print(f"proof of possession: {len(device.sign(KEY, statement))} bytes")

# Each minute, offline.
text = qr.present(CERTIFICATE, KEY, audience="01301", now=NOW)
print(f"code: {text[:12]}..., {len(text)} characters")

# The counter: a snapshot as in mode A, and the status list of the region.
trust_key = bytes.fromhex("f12c99f46c0b798b2a53230397e97a2630734b7915733b9d5b84c8f318f63cb8")
trust = TrustSnapshot.verify((FILES / "trust.cbor").read_bytes(), trust_key=trust_key, now=NOW)
trust = trust.with_status_list((FILES / "status-list.cose").read_bytes(), now=NOW)
claims = qr.Verifier(trust).check(text, audience="01301", now=NOW)
print(f"mode {claims.mode}: subject {claims.subject} of region {claims.issuer}")
