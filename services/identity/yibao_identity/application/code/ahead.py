"""Codes signed ahead for a phone that goes offline: their rows first, then they are signed."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.errors import TransientError
from yibao_identity.application.calls import Calls
from yibao_identity.application.certificate import lock_certificate
from yibao_identity.application.code.issued import require_signing_key
from yibao_identity.application.code.second import AskedCode, by_second, new_code
from yibao_identity.rules.certificate import Certificate, check_may_issue
from yibao_identity.rules.code import (
    CODE_ID_BYTES,
    SECONDS_AHEAD,
    QrClaims,
    batch_seconds,
    check_batch,
    check_key_lasts,
    too_many_codes,
)

if TYPE_CHECKING:
    from yibao_identity.application.work import Work


@dataclass(frozen=True, slots=True)
class IssueCodeBatch:
    """Issues `codes` codes of a certificate, one a minute from now on."""

    request: Request
    certificate_id: str
    audience: str
    codes: int


class CodeBatches:
    """Codes for the minutes to come. Blocks."""

    def __init__(
        self,
        transactions: "Transactions[Work]",
        *,
        most: int,
        key_expire_time: Callable[[], dt.datetime],
        clock: Clock,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        """Takes the most codes of a batch (0: none), and until when the present key signs."""
        self._calls = Calls(transactions, clock=clock)
        self._most = most
        self._key_expire_time = key_expire_time
        self._clock = clock
        self._random_bytes = random_bytes

    def issue(
        self, command: IssueCodeBatch, encode: Callable[[Sequence[QrClaims]], bytes]
    ) -> bytes:
        """Stores what is about to be signed and returns the answer's bytes, once.

        `encode` signs; what it signs leaves the service only after the commit.

        Raises:
            RuleError: OUT_OF_SCOPE (on record), QR_BATCH_DISABLED, FIELD_OUT_OF_RANGE,
                CERTIFICATE_NOT_FOUND, ECERT_NOT_ACTIVATED, ECERT_SUSPENDED,
                REQUEST_ID_REUSED; in this order, but the last one first.
        """
        return self._calls.answer(command.request, lambda work: self._issue(work, command, encode))

    def _issue(
        self,
        work: "Work",
        command: IssueCodeBatch,
        encode: Callable[[Sequence[QrClaims]], bytes],
    ) -> bytes:
        request, certificate_id = command.request, command.certificate_id
        request.caller.require_certificate(certificate_id)
        check_batch(command.codes, most=self._most)
        now, expire_time = self._clock(), self._key_expire_time()
        require_signing_key(now=now, expire_time=expire_time)
        check_key_lasts(command.codes, now=now, expire_time=expire_time)
        certificate = lock_certificate(work, certificate_id)
        check_may_issue(certificate)
        claims = self._stored(work, command, certificate, now)
        response = encode(claims)
        subjects = (certificate.person_id, certificate_id)
        detail = {"codes": str(command.codes)}
        entry = entry_of(request, at=self._clock(), subject_ids=subjects, detail=detail)
        work.audit.add(entry)
        return response

    def _stored(
        self, work: "Work", command: IssueCodeBatch, certificate: Certificate, now: dt.datetime
    ) -> list[QrClaims]:
        """Stores the codes from the first second on in which none stands in their way.

        Raises:
            RuleError: FIELD_MALFORMED, RATE_LIMITED.
            TransientError: another code of one of these seconds is issued at this moment.
        """
        asked = AskedCode(certificate, command.audience, command.request.caller.path)
        certificate_id = certificate.certificate_id
        now_second = int(now.timestamp())
        for start_second in range(now_second, now_second + SECONDS_AHEAD + 1):
            seconds = batch_seconds(start_second, command.codes)
            taken = by_second(work, [certificate_id], seconds)
            if not all(asked.is_answered_by(code) for code in taken.values()):
                continue
            new = [
                new_code(asked, second, code_id=self._random_bytes(CODE_ID_BYTES))
                for second in seconds
                if (certificate_id, second) not in taken
            ]
            if not work.codes.insert_free(new):
                raise TransientError("another code of these seconds was issued meanwhile")
            codes = [*taken.values(), *new]
            return sorted((code.claims for code in codes), key=lambda each: each.issue_second)
        raise too_many_codes(certificate_id)
