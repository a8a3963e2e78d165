"""Writes our vectors of attestations, data/yibao_attestations.json,
and the files of the SDK's example.

Run after a change of the cases: `cd tests && python -m vectors.make_attestations`. A test
compares the file with a fresh one, so a change of the format cannot pass unseen.
"""

import datetime as dt
import json
from pathlib import Path

from support.attestation_minting import attest_snapshot, signed_list
from support.token_minting import public_key
from vectors.attestation_cases import (
    BytesCase,
    hold_cases,
    list_cases,
    registration_cases,
    request_cases,
)

EXAMPLES = Path(__file__).parents[2] / "sdk" / "examples"
FILE = Path(__file__).parent / "data" / "yibao_attestations.json"

NOTE = (
    "Made by tests/vectors/make_attestations.py. Verify each of registrations against "
    "trust_snapshot at now with a leeway of 5 s, and against status (hexadecimal, null: none), "
    "each of holds and status_lists against trust_snapshot at now, and read each of "
    "key_requests, which is what a key is taken into the snapshot by; error null means "
    "accepted. The private keys are SHA-256 of the names in tests/support/token_minting.py."
)


def example_files() -> dict[str, bytes]:
    """Returns what the example of the SDK reads, by the names of the files."""
    return {
        "attestation-trust.cbor": attest_snapshot(),
        "attestation-list.cose": signed_list(7),
    }


def contents() -> str:
    """Returns what the file must hold."""
    registrations: list[dict[str, object]] = [
        {
            "name": case.name,
            "text": case.text,
            "now": _time(case.now),
            "status": None if case.status is None else case.status.hex(),
            "error": case.error,
            "offset_seconds": case.offset_seconds,
        }
        for case in registration_cases()
    ]
    kinds = {
        "holds": [_of_bytes(case) for case in hold_cases()],
        "status_lists": [_of_bytes(case) for case in list_cases()],
        "key_requests": [_of_bytes(case) for case in request_cases()],
    }
    for cases in (registrations, *kinds.values()):
        names = [case["name"] for case in cases]
        assert len(names) == len(set(names)), "a name is used twice"
    document = {
        "note": NOTE,
        "trust_key": public_key("trust").hex(),
        "trust_snapshot": attest_snapshot().hex(),
        "registrations": registrations,
        **kinds,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _of_bytes(case: BytesCase) -> dict[str, object]:
    return {
        "name": case.name,
        "data": case.data.hex(),
        "now": _time(case.now),
        "error": case.error,
    }


def _time(instant: dt.datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")


if __name__ == "__main__":
    FILE.write_text(contents(), encoding="utf-8")
    for name, data in example_files().items():
        (EXAMPLES / name).write_bytes(data)
    print(f"wrote {FILE} and the files of the example")
