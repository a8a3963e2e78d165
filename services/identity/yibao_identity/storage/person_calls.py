"""What the stores of persons share: answering once, and the audit."""

from collections.abc import Callable, Collection

import sqlalchemy as sa

from yibao_common.commands.audit import OK
from yibao_common.commands.request import Request
from yibao_common.db.audit_chain import record_audit, record_refused
from yibao_common.db.database import Database
from yibao_common.keys.vault import Vault
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_identity.storage import tables
from yibao_identity.storage.calls import Calls, is_of_foreign_holder


class PersonCalls(Calls):
    """The base of the stores of persons, enrolments, merges and relatives."""

    def __init__(self, database: Database, vault: Vault, *, clock: Clock, ids: Ids) -> None:
        """Takes the database and what seals personal data."""
        super().__init__(database, vault, clock=clock)
        self._ids = ids

    def _answer(self, request: Request, work: Callable[[sa.Connection], bytes]) -> bytes:
        """Runs `work` once by request id and returns the answer's bytes."""
        try:
            return self._answer_once(request, work)
        except RuleError as refusal:
            self._record_foreign_holder(request, refusal)
            raise

    def _record_foreign_holder(self, request: Request, refusal: RuleError) -> None:
        """Puts on record that a holder tried to act for somebody else."""
        if is_of_foreign_holder(request, refusal):
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
