"""Changes valid codes at random and verifies what comes out.

The tests do it 50 000 times; `make fuzz` does it a million times:
`cd tests && python -m vectors.fuzzing --mutations 1000000`.
"""

import argparse
import datetime as dt
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from support.presentation_minting import (
    CHALLENGE,
    Showing,
    certificate,
    certified,
    device_trust,
    outer,
    presentation_text,
    showing,
)
from support.token_minting import AUDIENCE, NOW, Message, payload, text_of

from yibao import _base45, _cbor, qr

SCAN_TIME: Final = NOW + dt.timedelta(seconds=10)
ODD_CHARACTERS: Final = _base45.ALPHABET + "az\n\x00_é￥\ud800"


@dataclass
class Outcome:
    """What became of the changed codes.

    `wrong` are texts that were accepted though they are neither a valid code unchanged nor
    one rightly signed anew, and what else than a refusal was raised.
    """

    errors: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Source:
    """A valid code with the ways in which it is written and signed anew."""

    data: bytes
    write: Callable[[bytes], str]
    signed_anew: Callable[[random.Random], str]


def sources() -> list[Source]:
    """Returns codes of both modes and both kinds of device key."""
    elliptic = showing("P-256 device")
    answer = showing(cnonce=CHALLENGE)
    return [
        Source(Message(payload()).encode(), text_of, _code_signed_anew),
        Source(showing().encode(), presentation_text, _presentation_signed_anew),
        Source(elliptic.encode(), presentation_text, _certificate_signed_anew),
        Source(answer.encode(), presentation_text, _presentation_signed_anew),
    ]


def _code_signed_anew(chance: random.Random) -> str:
    return Message(changed(payload(), chance)).text()


def _presentation_signed_anew(chance: random.Random) -> str:
    return Showing(changed(outer(), chance), certificate()).text()


def _certificate_signed_anew(chance: random.Random) -> str:
    good = certificate()
    content = good[19 + (good[17] == 0x59) : -66]
    return Showing(outer(), certified(changed(content, chance))).text()


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
    """Returns `text` with a character changed or put in, or a character or two taken away."""
    at = chance.randrange(len(text))
    return text[:at] + chance.choice(ODD_CHARACTERS) + text[at + chance.randrange(3) :]


def fuzz(mutations: int, *, seed: int) -> Outcome:
    """Verifies as many changed codes; two thirds are changed bytes, the others text or claims."""
    chance = random.Random(seed)
    trust = device_trust(SCAN_TIME)
    cache = qr.CertificateCache(64)
    outcome = Outcome()
    all_sources = sources()
    for number in range(mutations):
        source = all_sources[number % len(all_sources)]
        valid = source.write(source.data)
        is_signed = False
        match chance.randrange(12):
            case 0:
                # Rightly signed but senseless claims: these reach the decoder.
                text, is_signed = source.signed_anew(chance), True
            case 1 | 2 | 3:
                text = changed_text(valid, chance)
            case _:
                text = source.write(changed(source.data, chance))
        try:
            claims = qr.verify(
                text, trust=trust, audience=AUDIENCE, now=SCAN_TIME, certificates=cache
            )
        except qr.QrError as refused:
            outcome.errors[refused.error] += 1
        except Exception as failure:
            outcome.wrong.append(f"{failure!r} of {text!r}")
        else:
            outcome.accepted += 1
            if text != valid and not (is_signed and _is_sound(claims)):
                outcome.wrong.append(text)
        _read_issuer(text, outcome)
    return outcome


def _read_issuer(text: str, outcome: Outcome) -> None:
    """Whoever is asked of which region a text is may be shown anything."""
    try:
        issuer = qr.issuer_of(text)
    except qr.QrError as refused:
        if refused.error != "malformed":
            outcome.wrong.append(f"{refused.error} of the issuer of {text!r}")
    except Exception as failure:
        outcome.wrong.append(f"{failure!r} of the issuer of {text!r}")
    else:
        if not (len(issuer) == 6 and issuer.isascii() and issuer.isdigit()):
            outcome.wrong.append(f"{issuer!r} of {text!r}")


def _is_sound(claims: qr.Claims) -> bool:
    """Tells whether what was rightly signed is also what the profile permits."""
    return (
        claims.audience == AUDIENCE
        and 0 < claims.expire_second - claims.issue_second <= 60
        and len(claims.code_id) == 8
        and len(claims.subject) == 13
        and _cbor.decode(_cbor.encode(claims.subject)) == claims.subject
    )


def main() -> int:
    """Prints what became of the codes; returns 1 where something was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    began = time.monotonic()
    outcome = fuzz(arguments.mutations, seed=arguments.seed)
    for error, count in outcome.errors.most_common():
        print(f"{count:>10,} {error}")
    print(f"{outcome.accepted:>10,} accepted, unchanged or rightly signed anew")
    print(f"{len(outcome.wrong):>10,} wrong, after {time.monotonic() - began:.0f} s")
    for text in outcome.wrong[:20]:
        print(f"           {text}")
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
