"""What the stores of persons share: answering once, and the audit."""

from collections.abc import Callable, Collection, Mapping

import sqlalchemy as sa

from yibao_common.audit import OK, AuditEntry, record_audit, record_refused
from yibao_common.callers import Role
from yibao_common.clock import Clock
from yibao_common.database import Database
from yibao_common.errors import RuleError
from yibao_common.ids import Ids
from yibao_common.reasons import Reason
from yibao_identity.application.requests import Request
from yibao_identity.storage import tables
from yibao_identity.storage.sealed_answers import answer_sealed
from yibao_identity.storage.vault import Vault


class PersonCalls:
    """The base of the stores of persons, enrolments, merges and relatives."""

    def __init__(self, database: Database, vault: Vault, *, clock: Clock, ids: Ids) -> None:
        """Takes the database and what seals personal data."""
        self._database = database
        self._vault = vault
        self._clock = clock
        self._ids = ids

    def _answer(self, request: Request, work: Callable[[sa.Connection], bytes]) -> bytes:
        """Runs `work` once by request id and returns the answer's bytes."""
        try:
            return answer_sealed(
                self._database,
                self._vault,
                region=request.region,
                request_id=request.request_id,
                digest=request.digest,
                work=work,
            )
        except RuleError as refusal:
            self._record_foreign_holder(request, refusal)
            raise

    def _record_foreign_holder(self, request: Request, refusal: RuleError) -> None:
        """Puts on record that a holder tried to act for somebody else."""
        if request.caller.role is Role.HOLDER and refusal.reason is Reason.OUT_OF_SCOPE:
            entry = self._entry(request, (), refusal.reason.name, {})
            record_refused(self._database, tables.audit, entry)

    def _record(
        self,
        connection: sa.Connection,
        request: Request,
        subject_ids: Collection[str],
        **detail: str,
    ) -> None:
        """Writes the audit row of a change; the last thing in its transaction."""
        entry = self._entry(request, tuple(subject_ids), OK, detail)
        record_audit(connection, tables.audit, entry)

    def _entry(
        self,
        request: Request,
        subject_ids: tuple[str, ...],
        outcome: str,
        detail: Mapping[str, str],
    ) -> AuditEntry:
        return AuditEntry(
            request.region,
            self._clock(),
            request.caller.path,
            request.method,
            subject_ids,
            outcome,
            detail,
            request.request_id,
        )
