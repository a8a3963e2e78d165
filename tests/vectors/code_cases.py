"""Every way for a code of mode A to be valid or invalid, in the order in which they are checked."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

from support.token_minting import (
    AUDIENCE,
    DAY,
    HOUR,
    NOW,
    NOW_SECOND,
    SUBJECT,
    Message,
    byte_string,
    claims,
    key_id,
    payload,
    private_key,
    protected,
    text_of,
)

from yibao import _cbor

SECOND = dt.timedelta(seconds=1)
MOMENT = dt.timedelta(microseconds=1)
# The order of the group of Ed25519.
L = 2**252 + 27742317777372353535851937790883648493


@dataclass(frozen=True)
class Case:
    """A code, how it is verified, and the error (None: accepted)."""

    name: str
    text: str
    error: str | None = None
    offset_seconds: int | None = None
    now: dt.datetime = NOW + 10 * SECOND
    audience: str | tuple[str, ...] = AUDIENCE
    leeway_seconds: int | None = None
    challenge: bytes | None = None


VALID = Message(payload())


def all_cases() -> Iterator[Case]:
    yield Case("valid", VALID.text())
    for cases in (text_cases, frame_cases, key_cases, signature_cases):
        yield from cases()
    for cases in (cbor_cases, claim_cases, time_cases, audience_cases, order_cases):
        yield from cases()


def text_cases() -> Iterator[Case]:
    text = VALID.text()
    odd = Message(payload(aud="013010")).text()
    for name, changed in {
        "empty text": "",
        "prefix alone": "MI1-",
        "no prefix": text[4:],
        "prefix in lower case": text.replace("MI1-", "mi1-"),
        "prefix of mode B": text.replace("MI1-", "MI2-"),
        "space before": " " + text,
        "letter in lower case": text[:20] + text[20:].lower(),
        "letter outside ASCII": text[:20] + "Ａ" + text[21:],
        "character outside the alphabet": text[:20] + "_" + text[21:],
        "line end after": text + "\n",
        "one character left over": text + "0",
        "three characters over 65535": text[:4] + ":::" + text[7:],
        "two characters over 255": odd[:-2] + "::",
        "text of 700 characters": text.ljust(700, "0"),
        "text of 701 characters": text.ljust(701, "0"),
    }.items():
        yield Case(name, changed, "malformed")


def frame_cases() -> Iterator[Case]:
    data = VALID.encode()
    for at in (*range(8), 16, 17, 18, len(data) - 66, len(data) - 65):
        changed = data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]
        yield Case(f"frame byte {at} changed", text_of(changed), "malformed")
    kid = key_id("active")
    signed = Message(payload())
    for name, message in {
        "no tag": replace(signed, opening=b"\x84"),
        "tag 61 around": replace(signed, opening=b"\xd8\x3d\xd2\x84"),
        "tag 18 longer than needed": replace(signed, opening=b"\xd8\x12\x84"),
        "array of indefinite length": replace(signed, opening=b"\xd2\x9f", tail=b"\xff"),
        "array of 5": replace(signed, opening=b"\xd2\x85", tail=b"\xa0"),
        "header of ES256": replace(signed, header=bytes.fromhex("a201260448") + kid),
        "header of HMAC": replace(signed, header=bytes.fromhex("a201050448") + kid),
        "header of alg -19": replace(signed, header=bytes.fromhex("a201320448") + kid),
        "header with alg twice": replace(signed, header=bytes.fromhex("a3012701260448") + kid),
        "header in another order": replace(signed, header=b"\xa2\x04\x48" + kid + b"\x01\x27"),
        "header with crit": replace(signed, header=b"\xa3\x01\x27\x02\x81\x03\x04\x48" + kid),
        "key id of 7 bytes": replace(signed, header=bytes.fromhex("a201270447") + kid[:7]),
        "key id unprotected": replace(
            signed, header=bytes.fromhex("a10127"), unprotected=b"\xa1\x04\x48" + kid
        ),
        "key id in both headers": replace(signed, unprotected=b"\xa1\x04\x48" + kid),
        "unprotected header of indefinite length": replace(signed, unprotected=b"\xbf\xff"),
        "payload length longer than needed": replace(
            signed, content_head=b"\x59" + len(payload()).to_bytes(2)
        ),
        "payload length one more": replace(signed, content_head=bytes((0x58, len(payload()) + 1))),
        "payload of 23 bytes": Message(bytes(23)),
        "payload of 23 bytes, length longer than needed": Message(
            bytes(23), content_head=b"\x58\x17"
        ),
        "payload as text": replace(signed, content_head=bytes((0x78, len(payload())))),
        "payload absent": Message(b"", content_head=b"\xf6"),
        "signature of 63 bytes": replace(signed, signature=bytes(63), signature_head=b"\x58\x3f"),
        "signature of 65 bytes": replace(signed, signature=bytes(65), signature_head=b"\x58\x41"),
        "signature length longer than needed": replace(signed, signature_head=b"\x59\x00\x40"),
        "byte after the signature": replace(signed, tail=b"\x00"),
    }.items():
        yield Case(name, message.text(), "malformed")
    yield Case("last byte missing", text_of(data[:-1]), "malformed")
    yield Case("two codes in one text", text_of(data + data), "malformed")


def key_cases() -> Iterator[Case]:
    soon = {"iat": NOW_SECOND + HOUR, "exp": NOW_SECOND + HOUR + 60}
    last = {"iat": NOW_SECOND + HOUR - 1, "exp": NOW_SECOND + HOUR + 59}
    early = {"iat": NOW_SECOND - 1, "exp": NOW_SECOND + 59}
    in_an_hour = NOW + dt.timedelta(hours=1)
    yield Case("key next, its time has come", Message(payload(), key="next").text())
    yield Case("key before its time", Message(payload(**early), key="next").text(), "unknown_key")
    retiring = Message(payload(**last), key="retiring").text()
    yield Case("key retiring, its last second", retiring, now=in_an_hour)
    retired = Message(payload(**soon), key="retiring").text()
    yield Case("key after its time", retired, "unknown_key", now=in_an_hour)
    for key in ("unlisted", "killed", "credential", "trust"):
        yield Case(f"key {key}", Message(payload(), key=key).text(), "unknown_key")
    before = {"iat": NOW_SECOND - 2 * HOUR, "exp": NOW_SECOND - 2 * HOUR + 60}
    killed = Message(payload(**before), key="killed").text()
    then = NOW - dt.timedelta(hours=2)
    yield Case("key killed, code dated before", killed, "unknown_key", now=then)
    yield Case("second issuer of the key", Message(payload(iss="330200")).text())
    yield Case("issuer not of the key", Message(payload(iss="310100")).text(), "unknown_key")
    yield Case("issuer of 5 digits", Message(payload(iss="33010")).text(), "unknown_key")
    hard_age = NOW - 600 * SECOND + dt.timedelta(days=7)
    at_end = NOW_SECOND - 600 + 7 * DAY
    late = Message(payload(iat=at_end - 10, exp=at_end + 50)).text()
    yield Case("snapshot in its last moment", late, now=hard_age - MOMENT)
    yield Case("snapshot past its hard age", late, "stale_trust", now=hard_age)


def signature_cases() -> Iterator[Case]:
    data = VALID.encode()
    for at, part in ((20, "payload"), (-64, "first half"), (-1, "second half")):
        changed = bytearray(data)
        changed[at] ^= 1
        yield Case(f"bit flipped in the {part}", text_of(bytes(changed)), "bad_signature")
    s = int.from_bytes(data[-32:], "little")
    malleated = data[:-32] + (s + L).to_bytes(32, "little")
    yield Case("signature with the order added", text_of(malleated), "bad_signature")
    zero = replace(VALID, signature=bytes(64))
    yield Case("signature of zeros", zero.text(), "bad_signature")
    identity = replace(VALID, signature=b"\x01" + bytes(63))
    yield Case("signature of the identity", identity.text(), "bad_signature")
    other = Message(payload(), key="next", header=protected("active"))
    yield Case("signature by another listed key", other.text(), "bad_signature")
    bare = private_key("active").sign(payload())
    yield Case("signature over the claims", replace(VALID, signature=bare).text(), "bad_signature")


def cbor_cases() -> Iterator[Case]:
    """Signed by the right key: what the decoder alone must refuse."""
    good = payload()
    iat = b"\x06\x1a" + NOW_SECOND.to_bytes(4)
    exp = b"\x04\x1a" + (NOW_SECOND + 60).to_bytes(4)
    assert iat in good
    assert exp in good
    for name, changed in {
        "byte after the claims": good + b"\x00",
        "claims cut short": good[:-1],
        "claims twice": good + good,
        "an array of claims": b"\x86" + good[1:],
        "claims of indefinite length": b"\xbf" + good[1:] + b"\xff",
        "map head longer than needed": b"\xb8\x06" + good[1:],
        "exp twice": b"\xa7" + good[1:].replace(exp, exp + exp),
        "keys in another order": good.replace(exp, b"").replace(iat, iat + exp),
        "key longer than needed": good.replace(iat, b"\x18\x06" + iat[1:]),
        "text length longer than needed": good.replace(b"\x01\x66", b"\x01\x78\x06"),
        "text of indefinite length": good.replace(b"\x01\x66330100", b"\x01\x7f\x66330100\xff"),
        "iat longer than needed": good.replace(iat, b"\x06\x1b" + NOW_SECOND.to_bytes(8)),
        "iat as a tagged time": good.replace(iat, b"\x06\xc1" + iat[1:]),
        "iat as a bignum": good.replace(iat, b"\x06\xc2\x44" + iat[2:]),
        "iat as a float": good.replace(iat, b"\x06\xfb" + bytes.fromhex("41da83f200000000")),
        "aud null": good.replace(b"\x03\x65" + AUDIENCE.encode(), b"\x03\xf6"),
        "aud true": good.replace(b"\x03\x65" + AUDIENCE.encode(), b"\x03\xf5"),
        "aud not UTF-8": good.replace(AUDIENCE.encode(), b"\xff1301"),
        "sub with a surrogate": good.replace(SUBJECT.encode()[-3:], b"\xed\xa0\x80"),
        "a reserved length": good.replace(iat, b"\x06\x1c" + iat[2:]),
        "a length past the end": good.replace(b"\x07\x48", b"\x07\x49"),
        "a length of 64 bits": good.replace(b"\x07\x48", b"\x07\x5b" + b"\xff" * 8),
        "nested 150 deep": b"\xa7" + good[1:] + b"\x08" + b"\x81" * 150 + b"\x00",
        "17 entries": _cbor.encode({label: label for label in range(17)}),
        "a key of bytes": b"\xa7" + good[1:] + b"\x41\x00\x00",
        "a key that is a map": b"\xa7" + good[1:] + b"\xa0\x00",
    }.items():
        assert changed != good
        yield Case(name, Message(changed).text(), "malformed")


def claim_cases() -> Iterator[Case]:
    for name in ("iss", "sub", "aud", "exp", "iat", "cti"):
        yield Case(f"{name} missing", Message(payload(**{name: None})).text(), "malformed")
    extra = _cbor.encode({**claims(), 5: NOW_SECOND})
    yield Case("a claim too many", Message(extra).text(), "malformed")
    named = _cbor.encode({**claims(iat=None), "iat": NOW_SECOND})
    yield Case("a claim by name", Message(named).text(), "malformed")
    not_claims = _cbor.encode(["a list of text long enough"])
    yield Case("claims not a map", Message(not_claims).text(), "malformed")
    wrong: dict[str, tuple[str, _cbor.Value]] = {
        "iss an integer": ("iss", 330100),
        "sub of 12 characters": ("sub", SUBJECT[:12]),
        "sub of 14 characters": ("sub", SUBJECT + "0"),
        "sub of bytes": ("sub", SUBJECT.encode()),
        "aud of bytes": ("aud", AUDIENCE.encode()),
        "aud a list": ("aud", [AUDIENCE]),
        "cti of 7 bytes": ("cti", bytes(7)),
        "cti of 9 bytes": ("cti", bytes(9)),
        "cti of text": ("cti", "12345678"),
        "iat of text": ("iat", str(NOW_SECOND)),
        "iat negative": ("iat", -1),
        "exp of 64 bits": ("exp", 2**64 - 1),
        "life of 0 s": ("exp", NOW_SECOND),
        "life of -1 s": ("exp", NOW_SECOND - 1),
        "life of 61 s": ("exp", NOW_SECOND + 61),
    }
    for name, (claim, value) in wrong.items():
        yield Case(name, Message(payload(**{claim: value})).text(), "malformed")
    yield Case("born before 1970", Message(payload(iat=-1, exp=30)).text(), "malformed")
    far = payload(iat=2**63, exp=2**63 + 60)
    yield Case("times beyond the calendar", Message(far).text(), "malformed")
    short = payload(exp=NOW_SECOND + 1)
    yield Case("life of 1 s", Message(short).text(), now=NOW)


def time_cases() -> Iterator[Case]:
    text = VALID.text()
    for leeway in (None, 0, 60):
        seconds = 5 if leeway is None else leeway
        skew = seconds * SECOND
        opens, closes = NOW - skew, NOW + 60 * SECOND + skew
        of = f"leeway {'as usual' if leeway is None else f'{leeway} s'}"
        yield Case(f"first moment, {of}", text, now=opens, leeway_seconds=leeway)
        yield Case(f"last moment, {of}", text, now=closes - MOMENT, leeway_seconds=leeway)
        early = "clock_suspect" if leeway == 60 else "not_yet_valid"
        yield Case(
            f"a moment early, {of}", text, early, -seconds - 1, opens - MOMENT, AUDIENCE, leeway
        )
        yield Case(f"a moment late, {of}", text, "expired", seconds + 60, closes, AUDIENCE, leeway)
    minute = 60 * SECOND
    yield Case("60 s early", text, "not_yet_valid", -60, NOW - minute)
    yield Case("over 60 s early", text, "clock_suspect", -61, NOW - minute - MOMENT)
    yield Case("a day early", text, "clock_suspect", -DAY, NOW - dt.timedelta(days=1))
    yield Case("a day late", text, "expired", DAY, NOW + dt.timedelta(days=1))


def audience_cases() -> Iterator[Case]:
    text = VALID.text()
    yield Case("one of several audiences", text, audience=("01101", AUDIENCE))
    for name, audience in {
        "another audience": "02121",
        "part of the audience": AUDIENCE[:4],
        "audience and more": AUDIENCE + "1",
        "no audience": "",
    }.items():
        yield Case(name, text, "wrong_audience", audience=audience)
    yield Case("several other audiences", text, "wrong_audience", audience=("01101", "02121"))
    yield Case("no accepted audience", text, "wrong_audience", audience=())
    # Only a phone with a key can answer.
    yield Case("a challenge was shown", text, "wrong_audience", challenge=bytes(8))
    long = "institution/H33010000001/counter/12"
    yield Case("audience of 35 characters", Message(payload(aud=long)).text(), audience=long)
    assert len(payload(aud="9" * 206)) == 255
    full, over = "9" * 206, "9" * 207
    yield Case("payload of 255 bytes", Message(payload(aud=full)).text(), audience=full)
    text = Message(payload(aud=over)).text()
    yield Case("payload of 256 bytes", text, "malformed", audience=over)


def order_cases() -> Iterator[Case]:
    """Two faults at once: the one checked first is told."""
    late = NOW + dt.timedelta(days=8)
    foreign = Message(payload(), key="unlisted")
    yield Case("stale trust before unknown key", foreign.text(), "stale_trust", now=late)
    yield Case("frame before stale trust", text_of(b"\xd2" * 100), "malformed", now=late)
    killed = Message(payload(), key="killed", signature=bytes(64))
    yield Case("key before signature", killed.text(), "unknown_key")
    scrap = Message(b"\xff" * 40, signature=bytes(64))
    yield Case("signature before claims", scrap.text(), "bad_signature")
    torn = Message(payload(iss="310100", cti=b""))
    yield Case("claims before issuer", torn.text(), "malformed")
    afar = Message(payload(iss="310100"))
    after = NOW + dt.timedelta(minutes=5)
    yield Case("issuer before time", afar.text(), "unknown_key", now=after)
    yield Case("time before audience", VALID.text(), "expired", 300, after, "02121")
    assert byte_string(payload()) in VALID.encode()
