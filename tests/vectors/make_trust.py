"""Writes our vectors of roots and status lists, data/yibao_trust.json.

Run after a change of the cases: `cd tests && python -m vectors.make_trust`. A test
compares the file with a fresh one, so a change of the format cannot pass unseen.
"""

import json
from pathlib import Path

from support.token_minting import public_key
from vectors.trust_cases import list_cases, root_cases

FILE = Path(__file__).parent / "data" / "yibao_trust.json"

NOTE = (
    "Made by tests/vectors/make_trust.py. A root without a previous one is a first root. "
    "Verify each snapshot against trust_key, take the list into it, then look the index up; "
    "error null means accepted and not revoked. The private keys are SHA-256 of the names in "
    "tests/support/token_minting.py."
)


def contents() -> str:
    """Returns what the file must hold."""
    roots = [
        {
            "name": case.name,
            "data": case.data.hex(),
            "previous": None if case.previous is None else case.previous.hex(),
            "error": case.error,
        }
        for case in root_cases()
    ]
    lists = [
        {
            "name": case.name,
            "data": case.data.hex(),
            "snapshot": case.snapshot.hex(),
            "index": case.index,
            "now": case.now.isoformat().replace("+00:00", "Z"),
            "error": case.error,
        }
        for case in list_cases()
    ]
    for cases in (roots, lists):
        names = [case["name"] for case in cases]
        assert len(names) == len(set(names)), "a name is used twice"
    document = {
        "note": NOTE,
        "trust_key": public_key("trust").hex(),
        "roots": roots,
        "status_lists": lists,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(contents(), encoding="utf-8")
    print(f"wrote {FILE}")
