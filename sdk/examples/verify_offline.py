"""Verifies a QR code without a network, from a trust snapshot in a file."""

import datetime as dt
from pathlib import Path

from yibao import qr
from yibao.trust import TrustSnapshot

# The public trust key of the deployment, got once on a way you trust. The sample's here.
TRUST_KEY = bytes.fromhex("f12c99f46c0b798b2a53230397e97a2630734b7915733b9d5b84c8f318f63cb8")

# What the scanner read, and when. The sample is of this minute; a counter takes
# `dt.datetime.now(dt.timezone.utc)`.
TEXT = (
    "MI1-RRQT 9P60GO03+O8TLY/O-ZR8CK9Z6/70CL6746646 D0+M9-BAEY9Z6B/SAWG83HBTZ"
    "C+96746FN08NDMM8WY08ND7L8J-0X507H0QS00+027BTIJ37W**JL6VL78CNDQ3MQ*8ATAH/"
    "4 VO.PD62I+OE6FH2G404ROBTG5W.-H$311SM5+P:XSKBB.M83.7O$DCGSXBMX*KC Q"
)
SCAN_TIME = dt.datetime(2026, 11, 2, 8, 0, 10, tzinfo=dt.timezone.utc)

snapshot_file = Path(__file__).parent / "trust.cbor"
trust = TrustSnapshot.verify(snapshot_file.read_bytes(), trust_key=TRUST_KEY, now=SCAN_TIME)
verifier = qr.Verifier(trust)

for attempt in ("first", "second"):
    try:
        claims = verifier.check(TEXT, audience="01301", now=SCAN_TIME)
    except qr.QrError as refused:
        print(f"{attempt} showing: refused, {refused.error}")
    else:
        print(f"{attempt} showing: subject {claims.subject} of region {claims.issuer}")
