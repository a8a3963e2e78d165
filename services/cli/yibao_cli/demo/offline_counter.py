"""A hospital's counter that keeps its trust in a folder and verifies codes offline.

The demo starts it as a process of its own, in which any use of the network is an error.
Usage: offline_counter.py ROOT_FILE FOLDER AUDIENCE, with one code a line on stdin;
prints one line of JSON a code.
"""

import datetime as dt
import json
import sys
from pathlib import Path

from yibao.qr import QrError, Verifier
from yibao.trust_store import TrustStore

_SERVER_CODE = ("yibao_common", "yibao_identity", "yibao_settlement", "sqlalchemy")


def _refuse_network(event: str, _arguments: tuple[object, ...]) -> None:
    if event.startswith("socket."):
        raise RuntimeError(f"the counter is offline, and {event} was tried")


def main() -> int:
    """Prints what each code says, or why it is refused."""
    sys.addaudithook(_refuse_network)
    root_file, folder, audience = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    store = TrustStore(
        first_root=root_file.read_bytes(),
        cache_folder=folder / "cache",
        state_folder=folder / "state",
    )
    trust = store.current(now=dt.datetime.now(dt.UTC))
    verifier = Verifier(trust, note_time=store.note_time)
    for line in sys.stdin:
        now = dt.datetime.now(dt.UTC)
        try:
            claims = verifier.check(line.rstrip("\n"), audience=audience, now=now)
        except QrError as refused:
            print(json.dumps({"refused": refused.error}))
        else:
            print(json.dumps({"subject": claims.subject, "key_id": claims.key_id.hex()}))
    loaded = [name for name in _SERVER_CODE if name in sys.modules]
    assert not loaded, f"the SDK needs nothing of the servers, and loaded {loaded}"
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
