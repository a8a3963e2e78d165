"""Changed codes are refused with a fixed error, whatever the change."""

import datetime as dt
import os
import random
from typing import get_args

from support.token_minting import AUDIENCE, NOW, Message, payload, public_key, snapshot, text_of

from yibao import _base45, qr
from yibao.trust import TrustSnapshot

MUTATIONS = 50_000
SEED = int(os.environ.get("YIBAO_FUZZ_SEED", random.randrange(2**32)))


def changed(data: bytes, chance: random.Random) -> bytes:
    """Returns `data` with one to three bytes changed, taken away, put in or moved."""
    result = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(result))
        match chance.randrange(5):
            case 0:
                result[at] ^= 1 << chance.randrange(8)
            case 1:
                result[at] = chance.randrange(256)
            case 2:
                del result[at : at + chance.randint(1, 8)]
            case 3:
                result[at:at] = chance.randbytes(chance.randint(1, 8))
            case _:
                other = chance.randrange(len(result))
                result[at], result[other] = result[other], result[at]
        if not result:
            return b""
    return bytes(result)


def changed_text(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text))
    return text[:at] + chance.choice(_base45.ALPHABET + "az\n￥") + text[at + chance.randrange(3) :]


def test_no_changed_code_is_accepted_and_every_error_is_a_fixed_one() -> None:
    print(f"YIBAO_FUZZ_SEED={SEED}")
    chance = random.Random(SEED)
    trust = TrustSnapshot.verify(snapshot(), trust_key=public_key("trust"), now=NOW)
    valid = Message(payload()).encode()
    now = NOW + dt.timedelta(seconds=10)
    accepted = 0
    seen = set()
    for _ in range(MUTATIONS):
        kind = chance.randrange(4)
        if kind == 0:
            text = changed_text(text_of(valid), chance)
        elif kind == 1:
            # Rightly signed but senseless claims: these reach the decoder.
            text = Message(changed(payload(), chance)).text()
        else:
            text = text_of(changed(valid, chance))
        try:
            claims = qr.verify(text, trust=trust, audience=AUDIENCE, now=now)
        except qr.QrError as refused:
            seen.add(refused.error)
            continue
        # A rightly signed change may still be a valid code; nothing else may be, and
        # text changed into itself is no change.
        if kind == 1:
            assert text == Message(payload_of(claims)).text(), f"seed {SEED}: {text}"
        else:
            accepted += text != text_of(valid)
    assert accepted == 0, f"seed {SEED}"
    assert seen <= set(get_args(qr.ErrorName)), f"seed {SEED}"
    assert seen >= {"malformed", "unknown_key", "bad_signature"}, f"seed {SEED}"


def payload_of(claims: qr.Claims) -> bytes:
    """Returns the one encoding of `claims`."""
    return payload(
        iss=claims.issuer,
        sub=claims.subject,
        aud=claims.audience,
        exp=int(claims.expire_time.timestamp()),
        iat=int(claims.issue_time.timestamp()),
        cti=claims.code_id,
    )
