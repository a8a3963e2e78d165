"""What the SDK makes of our vectors, without a test runner: `python -O -m vectors.verdicts`.

Nothing here rests on `assert`, so it says the same with and without it.
"""

import datetime as dt
import functools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from yibao import attestation, attesting, qr
from yibao.trust import QrError, TrustRoot, TrustSnapshot

DATA = Path(__file__).parent / "data"
Verify = Callable[[], object]


def instant(text: str) -> dt.datetime:
    """Returns the instant of a case."""
    return dt.datetime.fromisoformat(text)


def verdicts() -> Iterator[tuple[str, str | None, str | None]]:
    """Yields each case with the error that the file states and the one that came out."""
    tokens = json.loads((DATA / "yibao_tokens.json").read_text(encoding="utf-8"))
    trust = json.loads((DATA / "yibao_trust.json").read_text(encoding="utf-8"))
    attested = json.loads((DATA / "yibao_attestations.json").read_text(encoding="utf-8"))
    every = (*_of_tokens(tokens), *_of_trust(trust), *_of_attestations(attested))
    for case, verify in every:
        yield case["name"], case["error"], _error_of(verify)


def _error_of(verify: Verify) -> str | None:
    try:
        verify()
    except QrError as refusal:
        return refusal.error
    return None


def _of_tokens(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Verify]]:
    key, now = bytes.fromhex(document["trust_key"]), instant(document["codes"][0]["now"])

    def snapshot(data: str, at: dt.datetime) -> TrustSnapshot:
        return TrustSnapshot.verify(bytes.fromhex(data), trust_key=key, now=at)

    held = snapshot(document["trust_snapshot"], now)
    of_presentations = snapshot(document["presentation_trust_snapshot"], now)
    for data in document["status_lists"]:
        of_presentations = of_presentations.with_status_list(bytes.fromhex(data), now=now)
    for kind, trusted in (("codes", held), ("presentations", of_presentations)):
        for case in document[kind]:
            yield case, functools.partial(_verify_code, case, trusted)
    for case in document["snapshots"]:
        yield case, functools.partial(snapshot, case["data"], instant(case["now"]))


def _verify_code(case: dict[str, Any], trust: TrustSnapshot) -> object:
    return qr.verify(
        case["text"],
        trust=trust,
        audience=case["audience"],
        now=instant(case["now"]),
        leeway_seconds=case["leeway_seconds"],
        challenge=bytes.fromhex(case["challenge"]) if case["challenge"] else None,
        certificates=qr.CertificateCache(),
    )


def _of_trust(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Verify]]:
    key = bytes.fromhex(document["trust_key"])

    def root(case: dict[str, Any]) -> object:
        data = bytes.fromhex(case["data"])
        if case["previous"] is None:
            return TrustRoot.first(data)
        return TrustRoot.first(bytes.fromhex(case["previous"])).successor(data)

    def entry(case: dict[str, Any]) -> object:
        now = instant(case["now"])
        trust = TrustSnapshot.verify(bytes.fromhex(case["snapshot"]), trust_key=key, now=now)
        (uri,) = trust.lists
        held = trust.with_status_list(bytes.fromhex(case["data"]), now=now)
        held.check_status(uri, case["index"], now=now)
        return held

    for case in document["roots"]:
        yield case, functools.partial(root, case)
    for case in document["status_lists"]:
        yield case, functools.partial(entry, case)


def _of_attestations(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], Verify]]:
    data, key = bytes.fromhex(document["trust_snapshot"]), bytes.fromhex(document["trust_key"])
    at = instant(document["registrations"][0]["now"])
    trust = TrustSnapshot.verify(data, trust_key=key, now=at)

    def registration(case: dict[str, Any]) -> object:
        now, status = instant(case["now"]), None
        if case["status"] is not None:
            held = bytes.fromhex(case["status"])
            status = attestation.verify_list(held, trust=trust, now=now)
        return attestation.verify(case["text"], trust=trust, now=now, status=status)

    def of_bytes(verify: Any, case: dict[str, Any]) -> object:
        return verify(bytes.fromhex(case["data"]), trust=trust, now=instant(case["now"]))

    for case in document["registrations"]:
        yield case, functools.partial(registration, case)
    for case in document["holds"]:
        yield case, functools.partial(of_bytes, attestation.verify_hold, case)
    for case in document["status_lists"]:
        yield case, functools.partial(of_bytes, attestation.verify_list, case)
    for case in document["key_requests"]:
        yield case, functools.partial(attesting.read_key_request, bytes.fromhex(case["data"]))


def main() -> int:
    """Prints how many cases came out as stated and which did not; returns the exit code."""
    found = list(verdicts())
    wrong = [each for each in found if each[1] != each[2]]
    for name, stated, came in wrong:
        print(f"{name}: {stated} stated, {came} came out")
    print(f"asserts {'on' if __debug__ else 'off'}: {len(found) - len(wrong)} of {len(found)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
