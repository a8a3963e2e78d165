"""A hospital's counter that keeps its trust in a folder and verifies offline what it is shown.

The demo starts it as a process of its own, in which any use of the network is an error.
Usage: offline_counter.py ROOT_FILE FOLDER AUDIENCE, with one code or attestation a line on
stdin; prints one line of JSON for each.
"""

import datetime as dt
import json
import sys
from pathlib import Path

from yibao import attestation
from yibao.qr import QrError, Verifier
from yibao.trust import TrustSnapshot
from yibao.trust_store import TrustStore

_ATTESTATION = "MR1-"
_SERVER_CODE = ("yibao_common", "yibao_identity", "yibao_settlement", "sqlalchemy")


def _refuse_network(event: str, _arguments: tuple[object, ...]) -> None:
    if event.startswith("socket."):
        raise RuntimeError(f"the counter is offline, and {event} was tried")


def _attested(text: str, trust: TrustSnapshot, now: dt.datetime) -> dict[str, str]:
    attested = attestation.verify(text, trust=trust, now=now)
    return {
        "registration_id": attested.registration_id,
        "treatment_region": attested.treatment_region,
        "first_day": attested.first_day.isoformat(),
        "last_day": (attested.last_day or dt.date.max).isoformat(),
    }


def main() -> int:
    """Prints what each of them says, or why it is refused."""
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
        text = line.rstrip("\n")
        try:
            if text.startswith(_ATTESTATION):
                said = _attested(text, trust, now)
            else:
                claims = verifier.check(text, audience=audience, now=now)
                said = {"subject": claims.subject, "key_id": claims.key_id.hex()}
        except QrError as refused:
            said = {"refused": refused.error}
        print(json.dumps(said))
    loaded = [name for name in _SERVER_CODE if name in sys.modules]
    assert not loaded, f"the SDK needs nothing of the servers, and loaded {loaded}"
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
