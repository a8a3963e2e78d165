"""Makes attestations, right or wrong in one chosen part. For tests and vectors only."""

import datetime as dt
from typing import Any

from support.token_minting import (
    DAY,
    KEYS,
    NOW,
    NOW_SECOND,
    REGION,
    Message,
    key_id,
    listed,
    private_key,
    public_key,
    snapshot,
)

from yibao import _base45, _cbor, _status_list, attesting
from yibao._status_list import StatusList, bits_of
from yibao._trust_format import KeyState
from yibao.trust import TrustSnapshot

PERSON = "0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c3e"
REGISTRATION = "0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c4f"
HOLD = "0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c51"
VISIT = "0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c52"
TASK = "0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c53"
URI = f"mr:sl/{REGION}/1"
INDEX = 777_777
FIRST_DAY, LAST_DAY = dt.date(2026, 11, 2), dt.date(2027, 5, 2)
ABOUT, ABOUT_HOLD = -65537, -65538
TYPES = ("mr+cwt", "mh+cwt", "mk+cwt")

ATTEST_KEYS = (
    *KEYS,
    listed("attest", use="attest"),
    listed("attest next", KeyState.NEXT, use="attest", start_second=NOW_SECOND),
    listed("attest killed", KeyState.KILLED, use="attest"),
    listed("attest elsewhere", use="attest", issuers=("500100",)),
    listed("status", use="status"),
)


def attested(**changes: Any) -> attesting.Attested:
    """Returns what a valid attestation states."""
    values: dict[str, Any] = {
        "region": REGION,
        "person_id": PERSON,
        "registration_id": REGISTRATION,
        "version": 3,
        "category": 4,
        "treatment_region": "500000",
        "terms": 3,
        "benefits": (1, 2, 3),
        "first_day": FIRST_DAY,
        "last_day": LAST_DAY,
        "origin": 1,
        "issue_second": NOW_SECOND,
        "expire_second": NOW_SECOND + 30 * DAY,
        "status_uri": URI,
        "status_index": INDEX,
    }
    return attesting.Attested(**(values | changes))


def hold(**changes: Any) -> attesting.AttestedHold:
    """Returns what a valid attestation of a hold states."""
    values: dict[str, Any] = {
        "region": REGION,
        "hold_id": HOLD,
        "visit_id": VISIT,
        "person_id": PERSON,
        "task_id": TASK,
        "is_lifted": False,
        "version": 1,
        "issue_second": NOW_SECOND,
    }
    return attesting.AttestedHold(**(values | changes))


def signed(stated: attesting.Attested | None = None, key: str = "attest") -> str:
    """Returns the text of an attestation."""
    stated = attested() if stated is None else stated
    sign = private_key(key).sign
    return attesting.sign_registration(stated, key_id=key_id(key), sign=sign)


def signed_hold(stated: attesting.AttestedHold | None = None, key: str = "attest") -> bytes:
    stated = hold() if stated is None else stated
    return attesting.sign_hold(stated, key_id=key_id(key), sign=private_key(key).sign)


def signed_list(*revoked: int, key: str = "attest", **changes: Any) -> bytes:
    """Returns a status list; where it is to be refused, a `uri` of any kind and any life."""
    values = {"uri": URI, "issue_second": NOW_SECOND - 60, "life_seconds": DAY, **changes}
    issue = values["issue_second"]
    content = StatusList(
        values["uri"], issue, issue + values["life_seconds"], 300, bits_of(revoked)
    )
    payload = _status_list.encode_claims(content)
    signature = private_key(key).sign(_status_list.bytes_to_sign(key_id(key), payload))
    return _status_list.close(key_id(key), payload, signature)


def header(message_type: str | int = "mr+cwt", key: str = "attest", **changes: Any) -> bytes:
    """Returns the content of the protected header, with its labels in the order of the profile."""
    return _cbor.encode({1: -8, 4: key_id(key), 16: message_type})


def message(
    content: bytes, *, message_type: str = "mr+cwt", key: str = "attest", **parts: Any
) -> Message:
    """Returns a message of which any part may be replaced; the signature fits what is left."""
    return Message(content, key=key, **{"header": header(message_type, key), **parts})


def text_of(data: bytes) -> str:
    return "MR1-" + _base45.encode(data)


def claims(**changes: Any) -> dict[int | str, Any]:
    """Returns the claims of a valid attestation; a change to None takes a claim away."""
    labels = {"iss": 1, "sub": 2, "exp": 4, "iat": 6, "cti": 7, "status": 65535, "about": ABOUT}
    data = _base45.decode(signed().removeprefix("MR1-"))
    values = _cbor.decode(data[27:-66])
    assert isinstance(values, dict)
    found = dict(values)
    for name, value in changes.items():
        label = labels[name]
        found.pop(label)
        if value is not None:
            found[label] = value
    return found


def about(**changes: Any) -> dict[int | str, Any]:
    """Returns the claim of a registration; a change to None takes a part away."""
    labels = {
        name: number
        for number, name in enumerate(
            ("category", "treatment_region", "terms", "benefits", "first", "last", "origin"), 1
        )
    }
    found = dict(claims()[ABOUT])
    for name, value in changes.items():
        found.pop(labels[name], None)
        if value is not None:
            found[labels[name]] = value
    return found


def attest_snapshot() -> bytes:
    return snapshot(ATTEST_KEYS)


def attest_trust(now: dt.datetime = NOW) -> TrustSnapshot:
    return TrustSnapshot.verify(attest_snapshot(), trust_key=public_key("trust"), now=now)
