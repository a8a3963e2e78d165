"""What the stores of cards share: answering once, counting tries, and the audit."""

import contextlib
from collections.abc import Callable, Iterator, Mapping

import sqlalchemy as sa

from yibao_common.commands.audit import OK
from yibao_common.commands.request import Request
from yibao_common.db.audit_chain import record_audit, record_refused
from yibao_common.db.database import Database
from yibao_common.keys.vault import Vault
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.caller import Caller
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.card import Card, CardLimits
from yibao_identity.storage import tables
from yibao_identity.storage.calls import Calls, is_of_foreign_holder
from yibao_identity.storage.card_rows import CardReader
from yibao_identity.storage.counted_answers import answer_counted

# Refusals by which somebody may be guessing. A wrong PIN is written where it is counted.
_AUDITED = frozenset({Reason.ID_MISMATCH, Reason.PIN_LOCKED})

Work = Callable[[sa.Connection], bytes]
CountedWork = Callable[[sa.Connection], bytes | RuleError]


class CardCalls(Calls):
    """The base of the stores of cards."""

    def __init__(
        self, database: Database, vault: Vault, *, clock: Clock, limits: CardLimits
    ) -> None:
        """Takes the database and what seals answers."""
        super().__init__(database, vault, clock=clock)
        self._limits = limits

    def _reader(self) -> CardReader:
        return CardReader(shanghai_day(self._clock()), self._limits.pin_tries)

    def _answer(self, request: Request, card_id: str, work: Work) -> bytes:
        """Answers a call once; `card_id` is empty where the caller named none."""
        try:
            return self._answer_once(request, work)
        except RuleError as refusal:
            self._audit_refused(request, card_id, refusal)
            raise

    def _answer_counted(self, request: Request, card_id: str, work: CountedWork) -> bytes:
        """Answers a call once in which a PIN is tried."""
        try:
            return answer_counted(
                self._database,
                self._vault,
                region=request.region,
                request_id=request.request_id,
                digest=request.digest,
                method=request.method,
                clock=self._clock,
                work=work,
            )
        except RuleError as refusal:
            self._audit_refused(request, card_id, refusal)
            raise

    def _record(
        self,
        connection: sa.Connection,
        request: Request,
        card: Card,
        *,
        outcome: str = OK,
        detail: Mapping[str, str] | None = None,
    ) -> None:
        """Writes the audit row of a call; the last thing in its transaction."""
        subjects = (card.person_id, card.card_id)
        entry = self._entry(request, subjects, outcome, detail or {})
        record_audit(connection, tables.audit, entry)

    def _audit_refused(self, request: Request, card_id: str, refusal: RuleError) -> None:
        if refusal.reason in _AUDITED or is_of_foreign_holder(request, refusal):
            subjects = (card_id,) if card_id else ()
            entry = self._entry(request, subjects, refusal.reason.name, {})
            record_refused(self._database, tables.audit, entry)

    @contextlib.contextmanager
    def _foreign_holder_audited(
        self, region: str, caller: Caller, method: str, card_id: str
    ) -> Iterator[None]:
        """Writes down that a holder asked for what is another's; for calls that only read."""
        try:
            yield
        except RuleError as refusal:
            self._audit_refused(Request(region, "", b"", method, caller), card_id, refusal)
            raise
