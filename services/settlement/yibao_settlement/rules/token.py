"""Tokens that stand for a code which was resolved: short, for minutes, and for one use.

Fields of existing systems do not hold the text of a code. A token has 39 characters, says of which
region it is, and nothing else: who may use it, and for what, is known to the service alone.

    MT1-500100-9GQ4V0X7B2KJ5N8R1T3W6Y0ZCDPH

Its secret is made of a random seed and of all that the request says, the text of the code included.
The seed stands in the stored answer and the token's hash in the database, the text of the code in
neither: whoever reads the database cannot make the token, and a repeated request gets the same one.
"""

import datetime as dt
import hashlib
import re
from collections.abc import Collection
from typing import NamedTuple

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.presentation import PresentedCode

SEED_BYTES = 16
MOST_CHARACTERS = 50

_PREFIX = "MT1"
# As of subjects: no letter that is taken for another one or for a digit.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SECRET_CHARACTERS = 26  # 130 bits
_CHECK_CHARACTERS = 2
_FORM = re.compile(
    f"{_PREFIX}-(?P<region>[1-9][0-9]{{5}})-[{_ALPHABET}]{{{_SECRET_CHARACTERS}}}"
    f"(?P<check>[{_ALPHABET}]{{{_CHECK_CHARACTERS}}})"
)


class ResolvedCode(NamedTuple):
    """A code that was used up by resolving it, and what its token is good for.

    `audience` is what the code was issued for; `code` was used up for `resolution_id`. The token is
    taken before `expire_time`, of `institution_id` alone.
    """

    token_hash: str
    code: PresentedCode
    audience: str
    institution_id: str
    expire_time: dt.datetime


class PresentedToken(NamedTuple):
    """A well-formed token of the region, presented at a terminal for some business."""

    token_hash: str
    audience: str
    terminal_id: str


class TokenUse(NamedTuple):
    """A token used up by a request at an institution, for a visit, a settlement or a hold."""

    resolution_id: str
    request_id: str
    institution_id: str
    terminal_id: str
    use_time: dt.datetime
    used_for_id: str


def token_of(region: str, *, seed: bytes, contents: bytes) -> str:
    """Returns the token of a resolution; `contents` are all that its request says, as bytes.

    The seed has SEED_BYTES, which nobody can guess.
    """
    digest = hashlib.sha256(b"yibao token\n" + seed + contents).digest()
    opening = f"{_PREFIX}-{region}-{_text_of(digest, _SECRET_CHARACTERS)}"
    return opening + _check_of(opening)


def hash_of(token: str) -> str:
    """Returns what is stored of a token: it has 130 random bits, so its hash tells nothing."""
    return hashlib.sha256(token.encode()).hexdigest()


def check_form(token: str, *, region: str) -> None:
    """Raises TOKEN_MALFORMED, or TOKEN_OTHER_REGION where the token is not of `region`."""
    form = _FORM.fullmatch(token)
    if form is None or _check_of(token[:-_CHECK_CHARACTERS]) != form["check"]:
        raise RuleError(
            Reason.TOKEN_MALFORMED, "not a token of this service, or one that was copied wrongly"
        )
    if form["region"] != region:
        raise RuleError(
            Reason.TOKEN_OTHER_REGION,
            f"the token is of region {form['region']} and was shown in {region}",
            issuer=form["region"],
            region=region,
        )


def check_token(
    token: PresentedToken,
    resolved: ResolvedCode | None,
    *,
    institution_id: str,
    used: Collection[str],
    now: dt.datetime,
) -> ResolvedCode:
    """Returns what a token stands for, where it may be used; `used` are resolutions.

    In this order: TOKEN_NOT_FOUND, which another institution's is not told apart from,
    TOKEN_WRONG_AUDIENCE, TOKEN_ALREADY_USED, TOKEN_EXPIRED. What the code behind it is refused for
    comes after.
    """
    if resolved is None or resolved.institution_id != institution_id:
        raise RuleError(Reason.TOKEN_NOT_FOUND, "no such token of the institution")
    if resolved.audience != token.audience:
        raise RuleError(
            Reason.TOKEN_WRONG_AUDIENCE,
            f"the token is of a code for {resolved.audience}, and {token.audience} is asked for",
            audience=resolved.audience,
        )
    if resolved.code.resolution_id in used:
        raise RuleError(Reason.TOKEN_ALREADY_USED, "the token was used before")
    if now >= resolved.expire_time:
        raise RuleError(
            Reason.TOKEN_EXPIRED,
            "the token's minutes are over",
            expire_time=resolved.expire_time.isoformat(),
        )
    return resolved


def _text_of(digest: bytes, characters: int) -> str:
    """Returns the first bits of a digest, five a character."""
    bits = int.from_bytes(digest, "big") >> (8 * len(digest) - 5 * characters)
    return "".join(_ALPHABET[bits >> 5 * place & 31] for place in reversed(range(characters)))


def _check_of(opening: str) -> str:
    return _text_of(hashlib.sha256(opening.encode()).digest(), _CHECK_CHARACTERS)
