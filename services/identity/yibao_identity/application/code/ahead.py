"""Codes signed ahead for a phone that goes offline: their rows first, then they are signed."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_identity.application.calls import Calls
from yibao_identity.application.certificate import lock_certificate
from yibao_identity.application.code.issued import IssuedCode, require_signing_key
from yibao_identity.rules.certificate import check_may_issue
from yibao_identity.rules.code import (
    CODE_ID_BYTES,
    QrClaims,
    batch_claims,
    check_batch,
    check_key_lasts,
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
        claims = batch_claims(
            issuer=certificate.region,
            subject=certificate.subject,
            audience=command.audience,
            now=now,
            code_ids=[self._random_bytes(CODE_ID_BYTES) for _ in range(command.codes)],
        )
        caller = request.caller.path
        work.codes.insert([IssuedCode(each, certificate_id, caller) for each in claims])
        response = encode(claims)
        subjects = (certificate.person_id, certificate_id)
        detail = {"codes": str(command.codes)}
        entry = entry_of(request, at=self._clock(), subject_ids=subjects, detail=detail)
        work.audit.add(entry)
        return response
