"""Every way for a code of mode B to be valid or invalid, in the order of the checks."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

from support.presentation_minting import (
    ABSENT_LIST_URI,
    CERTIFICATE_ID,
    CHALLENGE,
    DENIED_ID,
    LIST_ENTRIES,
    LIST_URI,
    OLD_LIST_URI,
    REVOKED_INDEX,
    Showing,
    certificate,
    certificate_claims,
    certified,
    cose_key,
    outer,
    presentation_text,
    protected,
    showing,
    sign,
    status,
)
from support.token_minting import (
    AUDIENCE,
    CODE_ID,
    DAY,
    HOUR,
    NOW,
    NOW_SECOND,
    REGION,
    SUBJECT,
    Message,
    payload,
    text_of,
)
from vectors.code_cases import MOMENT, SECOND, Case, L

from yibao import _cbor, _ed25519

VALID = showing()
OTHER_CHALLENGE = bytes(8)
P = 2**255 - 19


def all_presentation_cases() -> Iterator[Case]:
    yield Case("valid", VALID.text())
    yield Case("valid, of a P-256 key", showing("P-256 device").text())
    for cases in (text_cases, frame_cases, certificate_frame_cases, key_cases, signature_cases):
        yield from cases()
    for cases in (certificate_cases, device_key_cases, claim_cases, within_cases, time_cases):
        yield from cases()
    for cases in (use_cases, status_cases, order_cases):
        yield from cases()


def text_cases() -> Iterator[Case]:
    text = VALID.text()
    for name, changed in {
        "prefix alone": "MI2-",
        "prefix in lower case": text.replace("MI2-", "mi2-"),
        "prefix of mode A": text.replace("MI2-", "MI1-"),
        "prefix of a mode to come": text.replace("MI2-", "MI3-"),
        "line end after": text + "\n",
        "letter in lower case": text[:20] + text[20:].lower(),
        "text of 701 characters": text.ljust(701, "0"),
    }.items():
        yield Case(name, changed, "malformed")
    longest = max(range(100, 230), key=_characters_up_to_700)
    accepted, over = (showing(aud="9" * size) for size in (longest, longest + 1))
    assert len(accepted.text()) <= 700 < len(over.text())
    yield Case("longest text", accepted.text(), audience="9" * longest)
    yield Case("text longer than that", over.text(), "malformed", audience="9" * (longest + 1))
    mode_a = Message(payload()).encode()
    yield Case("code of mode A", presentation_text(mode_a), "malformed")
    yield Case("certificate alone", presentation_text(certificate()), "malformed")
    # The certificate is in the frame of mode A, but of another key and other claims.
    yield Case("certificate as a code of mode A", text_of(certificate()), "unknown_key")


def _characters_up_to_700(audience_characters: int) -> int:
    length = len(showing(aud="9" * audience_characters).text())
    return length if length <= 700 else 0


def frame_cases() -> Iterator[Case]:
    data, inner = VALID.encode(), VALID.certificate
    header_end = 4 + len(protected(inner))
    ends = (-66, -65)
    fixed = (*range(8), *range(header_end - 4, header_end + 3), *(len(data) + end for end in ends))
    for at in fixed:
        changed = data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]
        yield Case(f"frame byte {at} changed", presentation_text(changed), "malformed")
    header, long = protected(inner), showing("P-256 device")
    for name, message in {
        "no tag": replace(VALID, opening=b"\x84"),
        "array of 5": replace(VALID, opening=b"\xd2\x85", tail=b"\xa0"),
        "array of indefinite length": replace(VALID, opening=b"\xd2\x9f", tail=b"\xff"),
        "header length longer than needed": replace(
            VALID, header_head=b"\x59" + len(header).to_bytes(2)
        ),
        "header length of 4 bytes": replace(
            long, header_head=b"\x5a" + len(protected(long.certificate)).to_bytes(4)
        ),
        "header length one more": replace(VALID, header_head=bytes((0x58, len(header) + 1))),
        "header length one less": replace(VALID, header_head=bytes((0x58, len(header) - 1))),
        "header length past the end": replace(VALID, header_head=b"\x59\xff\xff"),
        "header without a type": replace(VALID, header=b"\xa2\x01\x27\x0d" + inner),
        "header of another type": replace(VALID, header=header[:-1] + b"\x27"),
        "header with alg last": replace(
            VALID, header=b"\xa3\x0d" + inner + b"\x10\x19\x01\x26\x01\x27"
        ),
        "header with a key id": replace(
            VALID, header=b"\xa4\x01\x27\x04\x48" + bytes(8) + header[3:]
        ),
        "header with crit": replace(VALID, header=b"\xa4\x01\x27\x02\x81\x0d" + header[3:]),
        "header of HMAC": replace(VALID, header=protected(inner, alg=b"\x05")),
        "header of alg -19": replace(VALID, header=protected(inner, alg=b"\x32")),
        "certificate as a byte string": replace(
            VALID, header=b"\xa3\x01\x27\x0d" + _cbor.encode(inner) + header[-4:]
        ),
        "empty header": replace(VALID, header=b"\xa0"),
        "certificate unprotected": replace(VALID, unprotected=b"\xa1\x0d" + inner),
        "payload length longer than needed": replace(
            VALID, content_head=b"\x59" + len(VALID.content).to_bytes(2)
        ),
        "payload of 23 bytes": replace(VALID, content=bytes(23)),
        "payload of 23 bytes, length longer than needed": replace(
            VALID, content=bytes(23), content_head=b"\x58\x17", signature=bytes(64)
        ),
        "payload of 256 bytes": replace(VALID, content=outer(aud="9" * 230)),
        "payload as text": replace(VALID, content_head=bytes((0x78, len(VALID.content)))),
        "signature of 63 bytes": replace(VALID, signature=bytes(63), signature_head=b"\x58\x3f"),
        "signature of 65 bytes": replace(VALID, signature=bytes(65), signature_head=b"\x58\x41"),
        "byte after the signature": replace(VALID, tail=b"\x00"),
    }.items():
        yield Case(name, message.text(), "malformed")
    assert len(outer(aud="9" * 230)) == 256
    for end in (-1, -66, 4, 2):
        yield Case(f"cut at {end}", presentation_text(data[:end]), "malformed")
    yield Case("empty", presentation_text(b""), "malformed")


def certificate_frame_cases() -> Iterator[Case]:
    content = _cbor.encode(certificate_claims())
    good = Message(content, key="credential")
    for name, message in {
        "no tag": replace(good, opening=b"\x84"),
        "header of ES256": replace(good, header=b"\xa2\x01\x26" + protected_kid(good)),
        "key id unprotected": replace(
            good, header=b"\xa1\x01\x27", unprotected=b"\xa1" + protected_kid(good)
        ),
        "byte after it": replace(good, tail=b"\x00"),
        "signature of 63 bytes": replace(good, signature=bytes(63), signature_head=b"\x58\x3f"),
        "payload of 256 bytes": replace(good, content=content.ljust(256, b"\x00")),
    }.items():
        text = replace(VALID, certificate=message.encode()).text()
        yield Case(f"certificate: {name}", text, "malformed")
    nested = replace(VALID, certificate=VALID.encode()).text()
    yield Case("certificate: a code of mode B", nested, "malformed")


def protected_kid(message: Message) -> bytes:
    return b"\x04\x48" + message.encode()[8:16]


def key_cases() -> Iterator[Case]:
    content = _cbor.encode(certificate_claims())

    def by(key: str, /, **claims: _cbor.Value) -> str:
        payload_ = _cbor.encode(certificate_claims(**claims)) if claims else content
        return replace(VALID, certificate=certified(payload_, key=key)).text()

    yield Case("certificate by a key in its first second", by("credential-next"))
    early = by("credential-next", iat=NOW_SECOND - HOUR - 1)
    yield Case("certificate by a key before its time", early, "unknown_key")
    yield Case("certificate by a key in its last second", by("credential-retiring"))
    late = by("credential-retiring", iat=NOW_SECOND - HOUR + 1)
    yield Case("certificate by a key after its time", late, "unknown_key")
    for key in ("active", "status", "trust", "unlisted", "credential-killed", "device"):
        yield Case(f"certificate by the key {key}", by(key), "unknown_key")
    foreign = by("credential", iss="310100", status=status(uri="mi:sl/310100/1"))
    yield Case("issuer not of the key", foreign, "unknown_key")
    second = by("credential", iss="330200", status=status(uri="mi:sl/330200/1"))
    yield Case("second issuer, list not held", second, "stale_trust")
    hard_age = NOW - 600 * SECOND + dt.timedelta(days=7)
    yield Case("snapshot past its hard age", VALID.text(), "stale_trust", now=hard_age)


def signature_cases() -> Iterator[Case]:
    data, inner = VALID.encode(), VALID.certificate
    at = data.index(inner)
    flips = {
        "certificate's claims": at + 40,
        "certificate's signature": at + len(inner) - 1,
        "claims": len(data) - 70,
        "signature's first half": len(data) - 64,
        "signature's last byte": len(data) - 1,
    }
    for part, place in flips.items():
        changed = bytearray(data)
        changed[place] ^= 1
        yield Case(f"bit flipped in the {part}", presentation_text(bytes(changed)), "bad_signature")
    s = int.from_bytes(data[-32:], "little")
    malleated = data[:-32] + (s + L).to_bytes(32, "little")
    yield Case("signature with the order added", presentation_text(malleated), "bad_signature")
    for name, signature in {
        "of zeros": bytes(64),
        "of the identity": b"\x01" + bytes(63),
        "over the claims alone": sign("device", VALID.content),
    }.items():
        text = replace(VALID, signature=signature).text()
        yield Case(f"signature {name}", text, "bad_signature")
    yield Case("by another device", replace(VALID, device="thief").text(), "bad_signature")
    swapped = replace(VALID, certificate=certificate(cti=bytes(8)))
    signature = VALID.encode()[-64:]
    text = replace(swapped, signature=signature).text()
    yield Case("signature moved to another certificate", text, "bad_signature")
    elliptic = showing("P-256 device")
    for name, signature in {"of zeros": bytes(64), "of ones": b"\xff" * 64}.items():
        text = replace(elliptic, signature=signature).text()
        yield Case(f"P-256 signature {name}", text, "bad_signature")


def certificate_cases() -> Iterator[Case]:
    """Signed by the issuer: what must be refused all the same."""
    for name in ("iss", "sub", "exp", "iat", "cti", "cnf", "status"):
        text = replace(VALID, certificate=certificate(**{name: None})).text()
        yield Case(f"certificate: {name} missing", text, "malformed")
    with_audience = certified(_cbor.encode({**certificate_claims(), 3: AUDIENCE}))
    text = replace(VALID, certificate=with_audience).text()
    yield Case("certificate: with an audience", text, "malformed")
    good = _cbor.encode(certificate_claims())
    twice = certified(b"\xa8" + good[1:].replace(b"\x07\x48", b"\x07\x48" + bytes(8) + b"\x07\x48"))
    yield Case("certificate: cti twice", replace(VALID, certificate=twice).text(), "malformed")
    iat = NOW_SECOND - HOUR
    wrong: dict[str, tuple[str, _cbor.Value]] = {
        "sub of 12 characters": ("sub", SUBJECT[:12]),
        "sub of 14 characters": ("sub", SUBJECT + "0"),
        "iss an integer": ("iss", 330100),
        "cti of 7 bytes": ("cti", bytes(7)),
        "cti of text": ("cti", "12345678"),
        "life of 72 h and a second": ("exp", iat + 72 * HOUR + 1),
        "life of 0 s": ("exp", iat),
        "iat negative": ("iat", -1),
        "status an integer": ("status", 1),
        "status of another kind": ("status", {"identifier_list": {"id": b"1", "uri": LIST_URI}}),
        "status without idx": ("status", {"status_list": {"uri": LIST_URI}}),
        "status with idx -1": ("status", status(-1)),
        "status with idx 2**20": ("status", status(2**20)),
        "status list by an address": ("status", status(uri="https://example.org/1")),
        "status list of another region": ("status", status(uri="mi:sl/330200/1")),
    }
    for name, (claim, value) in wrong.items():
        text = replace(VALID, certificate=certificate(**{claim: value})).text()
        yield Case(f"certificate: {name}", text, "malformed")
    early = replace(VALID, certificate=certificate(iat=-1, exp=72 * HOUR - 1)).text()
    yield Case("certificate: born before 1970", early, "malformed")
    longest = certificate(exp=iat + 72 * HOUR)
    yield Case("certificate of 72 h", replace(VALID, certificate=longest).text())


def device_key_cases() -> Iterator[Case]:
    def with_key(key: _cbor.Value) -> Showing:
        return replace(VALID, certificate=certificate(cnf={1: key}))

    ed, p256 = cose_key("device"), cose_key("P-256 device")
    x = ed[-2]
    assert isinstance(x, bytes)
    keys: dict[str, _cbor.Value] = {
        "x of 31 bytes": {**ed, -2: x[:31]},
        "x of 33 bytes": {**ed, -2: x + b"\x00"},
        "no x": {1: 1, -1: 6},
        "a y too": {**ed, -3: x},
        "an alg too": {**ed, 3: -8},
        "a private key": {**ed, -4: bytes(32)},
        "Ed448": {**ed, -1: 7},
        "X25519": {**ed, -1: 4},
        "symmetric": {1: 4, -1: x},
        "P-384": {**p256, -1: 2},
        "P-256 without y": {1: 2, -1: 1, -2: p256[-2]},
        "P-256 off the curve": {**p256, -3: bytes(32)},
        "Ed25519 as EC2": {1: 2, -1: 6, -2: x, -3: x},
    }
    for name, key in keys.items():
        yield Case(f"device key: {name}", with_key(key).text(), "malformed")
    by_id = replace(VALID, certificate=certificate(cnf={3: bytes(8)}))
    yield Case("device key: by an id", by_id.text(), "malformed")
    encodings = low_order_encodings()
    assert len(encodings) == 14
    for encoded in encodings:
        # Under some of these keys this signature fits every message.
        code = replace(with_key({**ed, -2: encoded}), signature=b"\x01" + bytes(63))
        name = f"device key: low order {encoded.hex()[:8]}...{encoded.hex()[-2:]}"
        yield Case(name, code.text(), "malformed")
    not_canonical = (P + 3).to_bytes(32, "little")
    yield Case("device key: not canonical", with_key({**ed, -2: not_canonical}).text(), "malformed")
    no_point = with_key({**ed, -2: (2).to_bytes(32, "little")})
    yield Case("device key: no point", no_point.text(), "bad_signature")
    ed_as_es = replace(VALID, header=protected(VALID.certificate, alg=b"\x26"))
    yield Case("header of ES256 over an Ed25519 key", ed_as_es.text(), "malformed")
    elliptic = showing("P-256 device")
    es_as_ed = replace(elliptic, header=protected(elliptic.certificate, alg=b"\x27"))
    yield Case("header of EdDSA over a P-256 key", es_as_ed.text(), "malformed")


def low_order_encodings() -> list[bytes]:
    """Returns the 14: seven coordinates below 2**255, each with either sign."""
    low = sorted(_ed25519.LOW_ORDER_Y)
    values = low + [y + P for y in low if y + P < 2**255]
    return [(y | sign << 255).to_bytes(32, "little") for y in values for sign in (0, 1)]


def claim_cases() -> Iterator[Case]:
    """Signed by the device, whose holder may write anything."""
    for name in ("aud", "exp", "iat", "cti"):
        yield Case(f"{name} missing", showing(**{name: None}).text(), "malformed")
    yield Case("iss in the code", showing(iss=REGION).text(), "malformed")
    yield Case("sub in the code", showing(sub=SUBJECT).text(), "malformed")
    good = outer()
    iat = b"\x06\x1a" + NOW_SECOND.to_bytes(4)
    exp = b"\x04\x1a" + (NOW_SECOND + 60).to_bytes(4)
    for name, changed in {
        "byte after the claims": good + b"\x00",
        "claims of indefinite length": b"\xbf" + good[1:] + b"\xff",
        "exp twice": b"\xa5" + good[1:].replace(exp, exp + exp),
        "keys in another order": good.replace(exp, b"").replace(iat, iat + exp),
        "iat longer than needed": good.replace(iat, b"\x06\x1b" + NOW_SECOND.to_bytes(8)),
        "iat of two bytes in four": good.replace(iat, b"\x06\x1a\x00\x00\x80\x00"),
        "iat tagged": good.replace(iat, b"\x06\xc1" + iat[1:]),
        "aud not UTF-8": good.replace(AUDIENCE.encode(), b"\xff1301"),
        "an array": b"\x84" + good[1:],
        "nested 150 deep": b"\xa5" + good[1:] + b"\x08" + b"\x81" * 150 + b"\x00",
    }.items():
        assert changed != good
        yield Case(name, replace(VALID, content=changed).text(), "malformed")
    wrong: dict[str, tuple[str, _cbor.Value]] = {
        "aud of bytes": ("aud", AUDIENCE.encode()),
        "aud a list": ("aud", [AUDIENCE]),
        "cti of 7 bytes": ("cti", bytes(7)),
        "cti of 9 bytes": ("cti", bytes(9)),
        "iat negative": ("iat", -1),
        "exp of 64 bits": ("exp", 2**64 - 1),
        "challenge of 7 bytes": ("cnonce", CHALLENGE[:7]),
        "challenge of 9 bytes": ("cnonce", CHALLENGE + b"\x00"),
        "challenge of text": ("cnonce", "12345678"),
        "life of 0 s": ("exp", NOW_SECOND),
        "life of -1 s": ("exp", NOW_SECOND - 1),
        "life of 61 s": ("exp", NOW_SECOND + 61),
    }
    for name, (claim, value) in wrong.items():
        yield Case(name, showing(**{claim: value}).text(), "malformed")
    yield Case("life of 1 s", showing(exp=NOW_SECOND + 1).text(), now=NOW)
    yield Case("born before 1970", showing(iat=-1, exp=30).text(), "malformed")


def within_cases() -> Iterator[Case]:
    issue, expire = NOW_SECOND - 20, NOW_SECOND + 40

    def code(**times: int) -> str:
        return Showing(outer(iat=issue, exp=expire), certificate(**times)).text()

    day = {"iat": NOW_SECOND - DAY}
    yield Case("code ends with its certificate", code(exp=expire, **day))
    yield Case("code ends a second after it", code(exp=expire - 1, **day), "malformed")
    yield Case("code begins with its certificate", code(iat=issue))
    yield Case("code begins a second before it", code(iat=issue + 1), "malformed")
    past = certificate(iat=NOW_SECOND - DAY, exp=NOW_SECOND - 30)
    old = Showing(outer(iat=NOW_SECOND - 90, exp=NOW_SECOND - 30), past)
    end = {"now": NOW - 10 * SECOND}
    yield Case("code and certificate over, within the leeway", old.text(), None, **end)  # type: ignore[arg-type]


def time_cases() -> Iterator[Case]:
    text = VALID.text()
    for leeway in (None, 0, 60):
        skew = (30 if leeway is None else leeway) * SECOND
        seconds = skew // SECOND
        opens, closes = NOW - skew, NOW + 60 * SECOND + skew
        of = f"leeway {'as usual' if leeway is None else f'{leeway} s'}"
        yield Case(f"first moment, {of}", text, now=opens, leeway_seconds=leeway)
        yield Case(f"last moment, {of}", text, now=closes - MOMENT, leeway_seconds=leeway)
        early = "clock_suspect" if leeway == 60 else "not_yet_valid"
        at = opens - MOMENT
        yield Case(f"a moment early, {of}", text, early, -seconds - 1, at, AUDIENCE, leeway)
        yield Case(f"a moment late, {of}", text, "expired", seconds + 60, closes, AUDIENCE, leeway)
    minute = 60 * SECOND
    yield Case("over 60 s early", text, "clock_suspect", -61, NOW - minute - MOMENT)


def use_cases() -> Iterator[Case]:
    text = VALID.text()
    answer = showing(cnonce=CHALLENGE).text()
    yield Case("one of several audiences", text, audience=("01101", AUDIENCE))
    yield Case("another audience", text, "wrong_audience", audience="02121")
    institution = "H33010600001"
    targeted = showing(aud=institution).text()
    yield Case("for one institution", targeted, audience=("01301", institution))
    yield Case("for another institution", targeted, "wrong_audience", audience="H33010600002")
    yield Case("challenge answered", answer, challenge=CHALLENGE)
    yield Case("another challenge answered", answer, "wrong_audience", challenge=OTHER_CHALLENGE)
    yield Case("challenge not answered", text, "wrong_audience", challenge=CHALLENGE)
    mode_a = Message(payload()).text()
    yield Case("code of mode A to a challenge", mode_a, "wrong_audience", challenge=CHALLENGE)
    yield Case("challenge answered, none asked here", answer)
    both = showing(aud=institution, cnonce=CHALLENGE).text()
    yield Case("institution and challenge", both, audience=institution, challenge=CHALLENGE)


def status_cases() -> Iterator[Case]:
    def at(index: int, uri: str = LIST_URI) -> str:
        return replace(VALID, certificate=certificate(status=status(index, uri))).text()

    yield Case("revoked in the status list", at(REVOKED_INDEX), "revoked")
    yield Case("beside the revoked one", at(REVOKED_INDEX + 1))
    yield Case("first of the list", at(0))
    yield Case("last of the list", at(LIST_ENTRIES - 1))
    yield Case("past the list", at(LIST_ENTRIES), "malformed")
    yield Case("list not held", at(0, ABSENT_LIST_URI), "stale_trust")
    yield Case("list not bound", at(0, f"mi:sl/{REGION}/9"), "stale_trust")
    yield Case("list in its last moment", at(0, OLD_LIST_URI), now=NOW + 30 * SECOND - MOMENT)
    yield Case("list past its age", at(0, OLD_LIST_URI), "stale_trust", now=NOW + 30 * SECOND)
    denied = replace(VALID, certificate=certificate(cti=DENIED_ID)).text()
    yield Case("denied by the snapshot", denied, "revoked")
    yield Case("code id as one denied", showing(cti=DENIED_ID).text())


def order_cases() -> Iterator[Case]:
    """Two faults at once: the one checked first is told."""
    late = NOW + dt.timedelta(days=8)
    after = NOW + dt.timedelta(minutes=5)
    scrap = replace(VALID, certificate=b"\xd2" * 200)
    yield Case("certificate's frame before stale trust", scrap.text(), "malformed", now=late)
    foreign = replace(VALID, certificate=certified(b"\xff" * 40, key="unlisted"))
    yield Case("stale trust before unknown key", foreign.text(), "stale_trust", now=late)
    yield Case("key before the certificate's claims", foreign.text(), "unknown_key")
    killed = certified(b"\xff" * 40, key="credential-killed", signature=bytes(64))
    text = replace(VALID, certificate=killed).text()
    yield Case("key before the issuer's signature", text, "unknown_key")
    torn = certified(b"\xff" * 40, signature=bytes(64))
    yield Case(
        "issuer's signature before the certificate's claims",
        replace(VALID, certificate=torn).text(),
        "bad_signature",
    )
    unsigned = replace(VALID, certificate=certificate(cti=b""), signature=bytes(64))
    yield Case("certificate's claims before the signature", unsigned.text(), "malformed")
    crooked = replace(VALID, content=b"\xff" * 40, signature=bytes(64))
    yield Case("signature before the claims", crooked.text(), "bad_signature")
    revoked = certificate(status=status(REVOKED_INDEX))
    yield Case("life before time", showing(exp=NOW_SECOND + 61).text(), "malformed", None, after)
    yield Case("time before audience", VALID.text(), "expired", 300, after, "02121")
    yield Case(
        "audience before status",
        replace(VALID, certificate=revoked).text(),
        "wrong_audience",
        audience="02121",
    )
    denied = certificate(cti=DENIED_ID, status=status(0, ABSENT_LIST_URI))
    yield Case("denied before the list", replace(VALID, certificate=denied).text(), "revoked")
    assert CERTIFICATE_ID in VALID.encode()
    assert CODE_ID in VALID.encode()
