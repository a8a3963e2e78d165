"""Which second a code is of: one code a second of each e-certificate (I-01).

Of two codes of one second neither is the newer one, so both would pay. Whoever asks again
within the second for the same use gets the same code. Another use, or somebody else who may
show the certificate, gets the code of the next second that is free, a few ahead at most, and
waits for it to begin. The database holds no two of one second, so processes that issue at
once do not either.
"""

import collections
import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.values.errors import RuleError, TransientError
from yibao_identity.application.code.issued import IssuedCode
from yibao_identity.rules.certificate import Certificate
from yibao_identity.rules.code import CODE_ID_BYTES, SECONDS_AHEAD, new_claims, too_many_codes

if TYPE_CHECKING:
    from yibao_identity.application.work import Work

# Each time, another process took a second that seemed free.
_ROUNDS = 4

CodesBySecond = Mapping[tuple[str, int], IssuedCode]


@dataclass(frozen=True, slots=True)
class AskedCode:
    """A code that may be issued: of which certificate, for what use, and who asks.

    `shown_by` is as in `IssuedCode`.
    """

    certificate: Certificate
    audience: str
    caller: str
    shown_by: str | None = None

    def is_answered_by(self, code: IssuedCode) -> bool:
        """Tells whether `code`, of the same certificate, is what is asked for."""
        return (code.claims.audience, code.issued_to, code.shown_by) == (
            self.audience,
            self.caller,
            self.shown_by,
        )


def store_codes(
    work: "Work",
    asked: Sequence[AskedCode],
    *,
    now_second: int,
    random_bytes: Callable[[int], bytes],
) -> list[IssuedCode | RuleError]:
    """Stores a code for each of `asked`, or finds the one that was stored before.

    A code is of `now_second` or of one of the few after it. The refusal is RATE_LIMITED.

    Raises:
        TransientError: other processes took each second that seemed free.
    """
    times_asked = collections.Counter(each.certificate.certificate_id for each in asked)
    seconds = range(now_second, now_second + SECONDS_AHEAD + 1)
    # Who asks once most often finds the second free, and need not look.
    looked_for = [each for each, times in times_asked.items() if times > 1]
    for _ in range(_ROUNDS):
        taken = by_second(work, looked_for, seconds)
        outcomes, new = _chosen(asked, taken, now_second=now_second, random_bytes=random_bytes)
        if work.codes.insert_free(new):
            return outcomes
        looked_for = list(times_asked)
    raise TransientError("others took the seconds of these codes")


def by_second(
    work: "Work", certificate_ids: Collection[str], seconds: Collection[int]
) -> dict[tuple[str, int], IssuedCode]:
    """Returns the codes of certificates in `seconds`, by certificate and second."""
    if not certificate_ids:
        return {}
    found = work.codes.of_seconds(sorted(certificate_ids), sorted(seconds))
    return {(each.certificate_id, each.claims.issue_second): each for each in found}


def new_code(asked: AskedCode, issue_second: int, *, code_id: bytes) -> IssuedCode:
    """Returns the code of a second that is to be stored.

    Raises:
        RuleError: FIELD_MALFORMED; the audience is no business type.
    """
    certificate = asked.certificate
    claims = new_claims(
        issuer=certificate.region,
        subject=certificate.subject,
        audience=asked.audience,
        now=dt.datetime.fromtimestamp(issue_second, dt.UTC),
        code_id=code_id,
    )
    return IssuedCode(claims, certificate.certificate_id, asked.caller, asked.shown_by)


def _chosen(
    asked: Sequence[AskedCode],
    taken: CodesBySecond,
    *,
    now_second: int,
    random_bytes: Callable[[int], bytes],
) -> tuple[list[IssuedCode | RuleError], list[IssuedCode]]:
    """Returns what each gets, and which of these codes are still to be stored."""
    codes, outcomes, new = dict(taken), list[IssuedCode | RuleError](), list[IssuedCode]()
    for each in asked:
        second = _second_for(each, codes, now_second)
        if second is None:
            outcomes.append(too_many_codes(each.certificate.certificate_id))
            continue
        key = each.certificate.certificate_id, second
        if key not in codes:
            try:
                codes[key] = new_code(each, second, code_id=random_bytes(CODE_ID_BYTES))
            except RuleError as refusal:
                outcomes.append(refusal)
                continue
            new.append(codes[key])
        outcomes.append(codes[key])
    return outcomes, new


def _second_for(asked: AskedCode, codes: CodesBySecond, now_second: int) -> int | None:
    """Returns the first second in which there is the code that is asked for, or none at all."""
    for second in range(now_second, now_second + SECONDS_AHEAD + 1):
        code = codes.get((asked.certificate.certificate_id, second))
        if code is None or asked.is_answered_by(code):
            return second
    return None
