"""What all stores share that answer a call once and put it on record."""

from collections.abc import Callable, Mapping

import sqlalchemy as sa

from yibao_common.commands.audit import AuditEntry
from yibao_common.commands.request import Request
from yibao_common.db.database import Database
from yibao_common.keys.vault import Vault
from yibao_common.values.caller import Role
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.storage.sealed_answers import answer_sealed


class Calls:
    """The base of the stores."""

    def __init__(self, database: Database, vault: Vault, *, clock: Clock) -> None:
        """Takes the database and what seals personal data and answers."""
        self._database = database
        self._vault = vault
        self._clock = clock

    def _answer_once(self, request: Request, work: Callable[[sa.Connection], bytes]) -> bytes:
        """Runs `work` once by request id and returns the answer's bytes."""
        return answer_sealed(
            self._database,
            self._vault,
            region=request.region,
            request_id=request.request_id,
            digest=request.digest,
            method=request.method,
            clock=self._clock,
            work=work,
        )

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


def is_of_foreign_holder(request: Request, refusal: RuleError) -> bool:
    """Tells whether a holder tried to act for somebody else: that goes on record."""
    return request.caller.role is Role.HOLDER and refusal.reason is Reason.OUT_OF_SCOPE
