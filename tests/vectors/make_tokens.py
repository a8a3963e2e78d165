"""Writes our own vectors, data/yibao_tokens.json, from fixed keys and fixed times, and the
files of the SDK's examples.

Run after a change of the cases: `cd tests && python -m vectors.make_tokens`. A test
compares the file with a fresh one, so a change of the format cannot pass unseen.
"""

import datetime as dt
import json
from pathlib import Path

from support.presentation_minting import HELD_LISTS, certificate, device_snapshot
from support.token_minting import public_key, snapshot
from vectors.code_cases import Case, all_cases
from vectors.presentation_cases import all_presentation_cases
from vectors.snapshot_cases import SnapshotCase, all_snapshot_cases

EXAMPLES = Path(__file__).parents[2] / "sdk" / "examples"
FILE = Path(__file__).parent / "data" / "yibao_tokens.json"

NOTE = (
    "Made by tests/vectors/make_tokens.py. Verify each of codes (mode A) against "
    "trust_snapshot and each of presentations (mode B) against presentation_trust_snapshot "
    "and status_lists, with its audience, time, leeway (null: 5 s in mode A, 30 s in mode B) "
    "and challenge, and each snapshot against trust_key; error null means accepted. The "
    "private keys are SHA-256 of the names in tests/support/token_minting.py, the P-256 one "
    "as in tests/support/presentation_minting.py."
)


def example_files() -> dict[str, bytes]:
    """Returns what the examples of the SDK read, by the names of the files."""
    return {
        "trust.cbor": device_snapshot(),
        "status-list.cose": HELD_LISTS[0],
        "device-certificate.cose": certificate(),
    }


def contents() -> str:
    """Returns what the file must hold."""
    codes = [_code(case) for case in all_cases()]
    presentations = [_code(case) for case in all_presentation_cases()]
    snapshots = [_snapshot(case) for case in all_snapshot_cases()]
    for cases in (codes, presentations, snapshots):
        names = [case["name"] for case in cases]
        assert len(names) == len(set(names)), "a name is used twice"
    document = {
        "note": NOTE,
        "trust_key": public_key("trust").hex(),
        "trust_snapshot": snapshot().hex(),
        "codes": codes,
        "presentation_trust_snapshot": device_snapshot().hex(),
        "status_lists": [data.hex() for data in HELD_LISTS],
        "presentations": presentations,
        "snapshots": snapshots,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _code(case: Case) -> dict[str, object]:
    return {
        "name": case.name,
        "text": case.text,
        "audience": case.audience if isinstance(case.audience, str) else list(case.audience),
        "now": _time(case.now),
        "leeway_seconds": case.leeway_seconds,
        "challenge": None if case.challenge is None else case.challenge.hex(),
        "error": case.error,
        "offset_seconds": case.offset_seconds,
    }


def _snapshot(case: SnapshotCase) -> dict[str, object]:
    return {
        "name": case.name,
        "data": case.data.hex(),
        "now": _time(case.now),
        "error": case.error,
        "offset_seconds": case.offset_seconds,
    }


def _time(instant: dt.datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


if __name__ == "__main__":
    FILE.write_text(contents(), encoding="utf-8")
    for name, data in example_files().items():
        (EXAMPLES / name).write_bytes(data)
    print(f"wrote {FILE} and the files of the examples")
