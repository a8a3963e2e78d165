"""Codes for the minutes to come: their rows first, then their signatures, once."""

import datetime as dt
from collections.abc import Callable, Sequence

import sqlalchemy as sa

from yibao_common.db.database import Database
from yibao_common.keys.vault import Vault
from yibao_common.values.clock import Clock
from yibao_common.values.errors import FieldFault, TransientError, refuse_faults
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_identity.application.batch_codes import IssueCodeBatch
from yibao_identity.application.commands import IssueCode
from yibao_identity.rules.certificate import check_may_issue
from yibao_identity.rules.qr_code import (
    CODE_ID_BYTES,
    LIFE_SECONDS,
    QrClaims,
    batch_claims,
    check_batch,
)
from yibao_identity.storage.certificate_rows import hold_certificate
from yibao_identity.storage.codes import store_codes
from yibao_identity.storage.person_calls import PersonCalls


class CodeBatchStore(PersonCalls):
    """Batches of codes of a database; see `application.batch_codes.CodeBatches`."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        *,
        most: int,
        key_expire_time: Callable[[], dt.datetime],
        clock: Clock,
        ids: Ids,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        """Takes the most codes of a batch (0: none), and until when the present key signs."""
        super().__init__(database, vault, clock=clock, ids=ids)
        self._most = most
        self._key_expire_time = key_expire_time
        self._random_bytes = random_bytes

    def issue(
        self, command: IssueCodeBatch, encode: Callable[[Sequence[QrClaims]], bytes]
    ) -> bytes:
        """Issues the codes once by request id and returns the answer's bytes."""

        def work(connection: sa.Connection) -> bytes:
            claims, person_id = self._issue(connection, command)
            # What is signed here leaves the service only after the commit.
            response = encode(claims)
            subjects = (person_id, command.certificate_id)
            self._record(connection, command.request, subjects, codes=str(command.codes))
            return response

        return self._answer(command.request, work)

    def _issue(
        self, connection: sa.Connection, command: IssueCodeBatch
    ) -> tuple[list[QrClaims], str]:
        """Stores what is to be signed; returns it with the holder's person id."""
        request = command.request
        request.caller.require_certificate(command.certificate_id)
        check_batch(command.codes, most=self._most)
        now = self._clock()
        self._check_key(now, command.codes)
        certificate = hold_certificate(connection, request.region, command.certificate_id)
        check_may_issue(certificate)
        claims = batch_claims(
            issuer=certificate.region,
            subject=certificate.subject,
            audience=command.audience,
            now=now,
            code_ids=[self._random_bytes(CODE_ID_BYTES) for _ in range(command.codes)],
        )
        code = IssueCode(command.certificate_id, command.audience, request.caller.path)
        store_codes(connection, request.region, [(code, each) for each in claims])
        return claims, certificate.person_id

    def _check_key(self, now: dt.datetime, codes: int) -> None:
        """Refuses codes of minutes in which the key that signs them now may sign no more."""
        expire_time = self._key_expire_time()
        if now >= expire_time:
            raise TransientError("no key of the issuer may sign at present")
        if now + dt.timedelta(seconds=LIFE_SECONDS * (codes - 1)) >= expire_time:
            message = "the issuer's key ends before the last of so many minutes"
            refuse_faults([FieldFault("codes", Reason.FIELD_OUT_OF_RANGE, message)])
