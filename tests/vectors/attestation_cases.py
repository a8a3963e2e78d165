"""Every way for an attestation to be valid or invalid, in the order in which it is checked."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

from support.attestation_minting import (
    ABOUT,
    INDEX,
    TYPES,
    URI,
    about,
    attested,
    claims,
    header,
    hold,
    message,
    signed,
    signed_hold,
    signed_list,
    text_of,
)
from support.token_minting import (
    DAY,
    HOUR,
    NOW,
    NOW_SECOND,
    Message,
    key_id,
    private_key,
    public_key,
)

from yibao import _base45, _cbor
from yibao._attested import encode_hold, encode_registration

SECOND = dt.timedelta(seconds=1)
# The order of the group of Ed25519.
L = 2**252 + 27742317777372353535851937790883648493
SOON = NOW + 10 * SECOND


@dataclass(frozen=True)
class Case:
    """An attestation, when it is verified and with which list, and the error (None: accepted)."""

    name: str
    text: str
    error: str | None = None
    now: dt.datetime = SOON
    status: bytes | None = None
    offset_seconds: int | None = None


@dataclass(frozen=True)
class BytesCase:
    """A hold or a status list, when it is verified, and the error (None: accepted)."""

    name: str
    data: bytes
    error: str | None = None
    now: dt.datetime = SOON


def registration_cases() -> Iterator[Case]:
    yield Case("valid", signed())
    yield Case("valid until changed", signed(attested(last_day=None)))
    yield Case("by the next key, at its time", signed(key="attest next"))
    yield Case("numbers of a later version", signed(attested(category=99, benefits=(1, 99))))
    for cases in (_texts, _frames, _keys, _signatures, _malformed_cbor, _claims, _times, _statuses):
        yield from cases()


def _texts() -> Iterator[Case]:
    text = signed()
    for name, changed in {
        "empty text": "",
        "prefix alone": "MR1-",
        "prefix in lower case": "mr1-" + text[4:],
        "prefix of a code": "MI1-" + text[4:],
        "space before": " " + text,
        "letter in lower case": text[:20] + text[20:].lower(),
        "line end after": text + "\n",
        "one character more": text + "0",
        "text of 701 characters": text.ljust(701, "0"),
    }.items():
        yield Case(name, changed, "malformed")


def _frames() -> Iterator[Case]:
    payload = encode_registration(attested())
    data = _base45.decode(signed()[4:])
    right = header()
    wrong: dict[str, Message] = {
        "an unprotected header": message(payload, unprotected=b"\xa1\x04\x41\x00"),
        "key id unprotected": message(
            payload,
            header=_cbor.encode({1: -8, 16: "mr+cwt"}),
            unprotected=b"\xa1\x04\x48" + key_id("attest"),
        ),
        "without tag": message(payload, opening=b"\x84"),
        "another tag": message(payload, opening=b"\xd1\x84"),
        "another algorithm": message(payload, header=b"\xa3\x01\x26" + right[3:]),
        "algorithm twice": message(payload, header=b"\xa4\x01\x27" + right[1:]),
        "no type": message(payload, header=_cbor.encode({1: -8, 4: key_id("attest")})),
        "type of status lists": message(payload, header=header("application/statuslist+cwt")),
        "type of codes of mode B": message(payload, header=header(294)),
        "a crit header": message(payload, header=_cbor.encode({1: -8, 2: [16], 4: bytes(8)})),
        "a longer length than needed": message(payload, content_head=b"\x59\x00\xa1"),
        "a length that does not fit": message(payload, content_head=b"\x58\xa1"),
        "indefinite payload": message(payload, content_head=b"\x5f"),
        "signature of another length": message(payload, signature=bytes(63)),
        "trailing byte": message(payload, tail=b"\x00"),
    }
    for each in TYPES[1:]:
        wrong[f"type {each}"] = message(payload, message_type=each)
    for name, made in wrong.items():
        yield Case(name, text_of(made.encode()), "malformed")
    yield Case("cut short", text_of(data[:-1]), "malformed")
    yield Case("a hold as text", text_of(signed_hold()), "malformed")


def _keys() -> Iterator[Case]:
    for key in ("unlisted", "attest killed", "active", "credential", "status", "attest elsewhere"):
        yield Case(f"signed by the key {key}", signed(key=key), "unknown_key")
    altered = message(encode_registration(attested()), key="attest killed", signature=bytes(64))
    yield Case("killed, and not signed at all", text_of(altered.encode()), "unknown_key")
    early = attested(issue_second=NOW_SECOND - 1, expire_second=NOW_SECOND + DAY)
    yield Case("before the key's time", signed(early, "attest next"), "unknown_key")
    other = signed(attested(region="440100", status_uri="mr:sl/440100/1"))
    yield Case("an issuer that the key has not", other, "unknown_key")
    end = NOW + dt.timedelta(days=7)
    yield Case("under a snapshot past its age", signed(), "stale_trust", now=end)


def _signatures() -> Iterator[Case]:
    payload = encode_registration(attested())
    good = message(payload).encode()[-64:]
    changed = {
        "altered signature": good[:-1] + bytes([good[-1] ^ 1]),
        "s not reduced": good[:32]
        + (int.from_bytes(good[32:], "little") + L).to_bytes(32, "little"),
        "zeros for a signature": bytes(64),
        "identity and zero": b"\x01" + bytes(63),
        "another key's signature": private_key("unlisted").sign(b"anything"),
    }
    for name, signature in changed.items():
        made = message(payload, signature=signature)
        yield Case(name, text_of(made.encode()), "bad_signature")
    altered = bytearray(message(payload).encode())
    altered[100] ^= 1
    yield Case("altered payload", text_of(bytes(altered)), "bad_signature")


def _malformed_cbor() -> Iterator[Case]:
    payload = encode_registration(attested())
    entry = b"\x01\x66330100"
    wrong = {
        "a claim twice": b"\xa8" + entry + payload[1:],
        "claims out of order": b"\xa7" + payload[9:48] + entry + payload[48:],
        "indefinite map": b"\xbf" + payload[1:] + b"\xff",
        "a byte after the claims": payload + b"\x00",
        "the claims cut short": payload[:-1],
        "iat as float": payload.replace(b"\x06\x1a", b"\x06\xfa"),
        "iat longer than needed": payload.replace(b"\x06\x1a", b"\x06\x1b\0\0\0\0"),
        "exp as date": payload.replace(b"\x04\x1a", b"\x04\xc1\x1a"),
        "an array for the claims": b"\x87" + payload[1:],
        "nested without end": b"\x81" * 200,
        "text that is not UTF-8": payload.replace(b"330100", b"3301\xff0", 1),
    }
    for name, content in wrong.items():
        yield Case(name, text_of(message(content).encode()), "malformed")


def _claims() -> Iterator[Case]:
    status = {"status_list": {"idx": INDEX, "uri": URI}}
    wrong: dict[str, dict[int | str, _cbor.Value]] = {
        "a claim more": {**claims(), 3: "01301"},
        **{
            f"no {name}": claims(**{name: None})
            for name in ("sub", "exp", "cti", "status", "about")
        },
        "a private claim of holds": {**claims(about=None), ABOUT - 1: claims()[ABOUT]},
        "person that is no UUID": claims(sub="K7Q2M9X4T1B8Z"),
        "person in capitals": claims(sub=claims()[2].upper()),
        "issuer of five digits": claims(iss="33010"),
        "issuer as number": claims(iss=330100),
        "registration id too short": claims(cti=bytes(19)),
        "version 0": claims(cti=claims()[7][:16] + bytes(4)),
        "version over 31 bits": claims(cti=claims()[7][:16] + b"\x80\0\0\0"),
        "life of 31 days and a second": claims(exp=NOW_SECOND + 31 * DAY + 1),
        "ends as it begins": claims(exp=NOW_SECOND),
        "list of device certificates": claims(
            status={"status_list": {"idx": INDEX, "uri": "mi:sl/330100/1"}}
        ),
        "list of another region": claims(
            status={"status_list": {"idx": INDEX, "uri": "mr:sl/330200/1"}}
        ),
        "entry outside of every list": claims(status={"status_list": {"idx": 2**20, "uri": URI}}),
        "a status more": claims(status={**status, "identifier_list": 1}),
        "category 0": claims(about=about(category=0)),
        "category 100": claims(about=about(category=100)),
        "treated at home": claims(about=about(treatment_region="330100")),
        "treated nowhere": claims(about=about(treatment_region="5000")),
        "no terms": claims(about=about(terms=None)),
        "benefits as one number": claims(about=about(benefits=1)),
        "a benefit twice": claims(about=about(benefits=[1, 1])),
        "benefits out of order": claims(about=about(benefits=[2, 1])),
        "17 benefits": claims(about=about(benefits=list(range(1, 18)))),
        "no first day": claims(about=about(first=None)),
        "a first day before 1970": claims(about=about(first=-1)),
        "a last day after 9999": claims(about=about(last=2_932_897)),
        "last day before the first": claims(about=about(last=20_758)),
        "an unknown part": claims(about={**about(), 8: 1}),
    }
    for name, values in wrong.items():
        yield Case(name, text_of(message(_cbor.encode(values)).encode()), "malformed")
    longest = signed(attested(expire_second=NOW_SECOND + 31 * DAY))
    yield Case("life of 31 days", longest)
    yield Case("no benefits", signed(attested(benefits=())))
    of_a_day = signed(attested(last_day=attested().first_day))
    yield Case("cover of one day", of_a_day)


def _times() -> Iterator[Case]:
    text = signed()
    yield Case("5 s before it is signed", text, now=NOW - 5 * SECOND)
    for seconds, error in ((6, "not_yet_valid"), (60, "not_yet_valid"), (61, "clock_suspect")):
        at = NOW - seconds * SECOND
        yield Case(f"{seconds} s before it is signed", text, error, now=at, offset_seconds=-seconds)
    short = signed(attested(expire_second=NOW_SECOND + HOUR))
    yield Case("at its end and 4 s", short, now=NOW + (HOUR + 4) * SECOND)
    late = NOW + (HOUR + 5) * SECOND
    yield Case("at its end and 5 s", short, "expired", now=late, offset_seconds=HOUR + 5)


def _statuses() -> Iterator[Case]:
    text = signed()
    yield Case("its bit is not set", text, status=signed_list(INDEX - 1, INDEX + 1))
    yield Case("its bit is set", text, "revoked", status=signed_list(INDEX))
    other = signed_list(uri="mr:sl/330100/2")
    yield Case("another list", text, "stale_trust", status=other)
    # Time is told first: what ended needs no list.
    short = signed(attested(expire_second=NOW_SECOND + 1))
    both = Case("ended and revoked", short, "expired", status=signed_list(INDEX))
    yield replace(both, offset_seconds=10)


def hold_cases() -> Iterator[BytesCase]:
    payload = encode_hold(hold())
    values = _cbor.decode(payload)
    assert isinstance(values, dict)
    about_hold = values[-65538]
    assert isinstance(about_hold, dict)
    yield BytesCase("valid", signed_hold())
    yield BytesCase("lifted", signed_hold(hold(is_lifted=True, version=2)))
    yield BytesCase("a registration", _base45.decode(signed()[4:]), "malformed")
    for each in ("mr+cwt", "mk+cwt"):
        yield BytesCase(f"type {each}", message(payload, message_type=each).encode(), "malformed")
    made = message(payload, message_type="mh+cwt", tail=b"\x00")
    yield BytesCase("trailing byte", made.encode(), "malformed")
    for key in ("unlisted", "attest killed", "active", "status", "attest elsewhere"):
        yield BytesCase(f"signed by the key {key}", signed_hold(key=key), "unknown_key")
    altered = bytearray(signed_hold())
    altered[-1] ^= 1
    yield BytesCase("altered signature", bytes(altered), "bad_signature")
    flipped = signed_hold().replace(b"\x03\x00", b"\x03\x01")
    yield BytesCase("lifted by who cannot sign", flipped, "bad_signature")
    wrong: dict[str, dict[int | str, _cbor.Value]] = {
        "an end": {**values, 4: NOW_SECOND + DAY},
        "lifted twice over": {**values, -65538: {**about_hold, 3: 2}},
        "no visit": {**values, -65538: {2: bytes(16), 3: 0}},
        "a visit of 15 bytes": {**values, -65538: {**about_hold, 1: bytes(15)}},
    }
    for name, claimed in wrong.items():
        made = message(_cbor.encode(claimed), message_type="mh+cwt")
        yield BytesCase(name, made.encode(), "malformed")
    yield BytesCase("60 s before it is signed", signed_hold(), now=NOW - 60 * SECOND)
    early = NOW - 61 * SECOND
    yield BytesCase("61 s before it is signed", signed_hold(), "clock_suspect", now=early)


def list_cases() -> Iterator[BytesCase]:
    yield BytesCase("valid", signed_list(1, 2))
    for key in ("unlisted", "attest killed", "active", "status", "attest elsewhere"):
        yield BytesCase(f"signed by the key {key}", signed_list(key=key), "unknown_key")
    device_list = signed_list(uri="mi:sl/330100/1")
    yield BytesCase("a list of device certificates", device_list, "malformed")
    yield BytesCase("life of a day and a second", signed_list(life_seconds=DAY + 1), "malformed")
    altered = bytearray(signed_list())
    altered[-1] ^= 1
    yield BytesCase("altered signature", bytes(altered), "bad_signature")
    end = NOW + (DAY - 60) * SECOND
    yield BytesCase("a second before its end", signed_list(), now=end - SECOND)
    yield BytesCase("at its end", signed_list(), "stale_trust", now=end)
    yield BytesCase(
        "61 s before it is signed", signed_list(), "clock_suspect", now=NOW - 121 * SECOND
    )


def request_cases() -> Iterator[BytesCase]:
    """What identity takes a key by; `now` says nothing here."""
    request: dict[int | str, _cbor.Value] = {
        1: public_key("attest"),
        2: "attest",
        3: ["330100", "330200"],
        4: NOW_SECOND,
    }

    def made(key: str = "attest", message_type: str = "mk+cwt", **changes: _cbor.Value) -> bytes:
        labels = {"public_key": 1, "use": 2, "regions": 3, "iat": 4}
        values = dict(request)
        values.update({labels[name]: value for name, value in changes.items()})
        return message(_cbor.encode(values), message_type=message_type, key=key).encode()

    yield BytesCase("valid", made())
    yield BytesCase("type mr+cwt", made(message_type="mr+cwt"), "malformed")
    yield BytesCase("signed by another key", made(key="unlisted"), "malformed")
    forged = message(
        _cbor.encode(request), message_type="mk+cwt", signature=private_key("unlisted").sign(b"")
    )
    yield BytesCase("without proof", forged.encode(), "bad_signature")
    yield BytesCase("another use", made(use="tok"), "malformed")
    yield BytesCase("no regions", made(regions=[]), "malformed")
    yield BytesCase("regions out of order", made(regions=["330200", "330100"]), "malformed")
    yield BytesCase("a region of letters", made(regions=["33010x"]), "malformed")
    low = bytes(32)
    yield BytesCase("a key of low order", made(public_key=low), "malformed")
