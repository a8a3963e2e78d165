"""What runs at a hospital's counter: verifies a QR code with the SDK alone, offline.

The demo starts it as a process of its own, in which any use of the network is an error.
Usage: offline_counter.py SNAPSHOT_FILE TRUST_KEY_FILE AUDIENCE, with the code on stdin.
"""

import datetime as dt
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from yibao.qr import QrError, Verifier
from yibao.trust import TrustSnapshot

_SERVER_CODE = ("yibao_common", "yibao_identity", "yibao_settlement", "sqlalchemy")


def _refuse_network(event: str, _arguments: tuple[object, ...]) -> None:
    if event.startswith("socket."):
        raise RuntimeError(f"the counter is offline, and {event} was tried")


def main() -> int:
    """Prints what the code says, as JSON; returns 1 where it is refused."""
    sys.addaudithook(_refuse_network)
    snapshot_file, trust_key_file, audience = sys.argv[1:]
    now = dt.datetime.now(dt.UTC)
    key = load_pem_public_key(Path(trust_key_file).read_bytes())
    assert isinstance(key, Ed25519PublicKey)
    try:
        trust = TrustSnapshot.verify(
            Path(snapshot_file).read_bytes(), trust_key=key.public_bytes_raw(), now=now
        )
        text = sys.stdin.read().rstrip("\n")
        claims = Verifier(trust).check(text, audience=audience, now=now)
    except QrError as refused:
        print(json.dumps({"refused": refused.error}))
        return 1
    loaded = [name for name in _SERVER_CODE if name in sys.modules]
    assert not loaded, f"the SDK needs nothing of the servers, and loaded {loaded}"
    print(json.dumps({"issuer": claims.issuer, "subject": claims.subject}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
