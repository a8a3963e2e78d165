"""Verifies an attestation of a registration for care elsewhere, without a network."""

import datetime as dt
from pathlib import Path

from yibao import attestation
from yibao.trust import TrustSnapshot

FILES = Path(__file__).parent
NOW = dt.datetime(2026, 11, 2, 8, 0, 10, tzinfo=dt.timezone.utc)

# What the person's phone shows, or AttestationService.GetAttestation answered.
TEXT = (
    "MR1-RRQ8$AP60GO0Y:P4USLKRNLFD32S$D$L5P4F8CK.DK/70CL67466462E0*P41A6B56WX6$Q6"
    "507DM6AW5L-C346X57RW65W5N-CF-C:TCWICFOCUYCDF3/:1600CF3EGT700+RAADI $OZH799C%"
    "BA 3I0L3J:9000SH0FGWDIK QEIEC7%E%2C+EDNXEOPCPVC-C3NM1/A66%EZEDS$DNH7KUDCL674"
    "6646L/5/E7V50W30Z50TD0QW66466466H0UP0X508H0193:+2193VZPT70F88EWFSVVN+3MF4A4R"
    "CY7.ZF%HQK.8BWUK:ET$L% QPQB .G5DU.XJ5RJLP2+8UQ3HMUR*8SZ.EBM81196OP3$K+MT57AT"
    "BS60"
)

trust_key = bytes.fromhex("f12c99f46c0b798b2a53230397e97a2630734b7915733b9d5b84c8f318f63cb8")
snapshot = (FILES / "attestation-trust.cbor").read_bytes()
trust = TrustSnapshot.verify(snapshot, trust_key=trust_key, now=NOW)
status = attestation.verify_list(
    (FILES / "attestation-list.cose").read_bytes(), trust=trust, now=NOW
)
attested = attestation.verify(TEXT, trust=trust, now=NOW, status=status)
print(f"region {attested.region} pays in {attested.treatment_region}, terms {attested.terms}")
for day in (dt.date(2026, 11, 1), dt.date(2027, 5, 2), dt.date(2027, 5, 3)):
    print(f"admitted on {day}: {'covered' if attested.covers(day) else 'not covered'}")
