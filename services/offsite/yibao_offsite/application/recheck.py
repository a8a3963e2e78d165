"""Rechecks: a person is called again after a treatment elsewhere, and seen by a day."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_offsite.application.evaluation.cases import locked_evaluation, note
from yibao_offsite.application.person import all_records
from yibao_offsite.rules.evaluation import EvaluationEvent, check_not_past, moved
from yibao_offsite.rules.recheck import (
    Recheck,
    RecheckState,
    close_recheck,
    recheck_not_found,
)

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work

Encode = Callable[[Recheck], bytes]


@dataclass(frozen=True, slots=True)
class RecheckWish:
    """Which rechecks are listed; what is None limits nothing.

    `due_by` are those alone that still wait and are due on that day or before. `after` is the
    due day and the id behind which the list goes on. `person_ids` are records of one person;
    empty limits nothing.
    """

    state: RecheckState | None = None
    due_by: dt.date | None = None
    person_ids: tuple[str, ...] = ()
    after: tuple[dt.date, str] | None = None


class RecheckRows(Protocol):
    """Rechecks of a region, as one transaction finds, locks and writes them."""

    def find(self, recheck_id: str) -> Recheck | None:
        """Returns a recheck, or None."""
        ...

    def of_evaluation(self, evaluation_id: str) -> Sequence[Recheck]:
        """Returns the rechecks of an evaluation, the first one at the head."""
        ...

    def listed(self, wish: RecheckWish, *, limit: int) -> Sequence[Recheck]:
        """Returns rechecks by their due days, then by their ids."""
        ...

    def insert(self, recheck: Recheck) -> None:
        """Stores a new recheck."""
        ...

    def update(self, recheck: Recheck) -> None:
        """Stores what came of a recheck, whose evaluation is locked."""
        ...


@dataclass(frozen=True, slots=True)
class CallForRecheck:
    """Calls the person of an evaluation again, by a day."""

    request: Request
    evaluation_id: str
    due_date: dt.date
    reason: str


@dataclass(frozen=True, slots=True)
class RecordRecheck:
    """Records what came of a recheck."""

    request: Request
    recheck_id: str
    outcome: RecheckState
    findings: str


class Rechecks:
    """What callers ask of rechecks. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock, ids: Ids) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock
        self._ids = ids

    def call(self, command: CallForRecheck, encode: Encode) -> bytes:
        """Calls once by request id and returns the answer's bytes.

        Raises:
            RuleError: FIELD_OUT_OF_RANGE, PRE_EVALUATION_NOT_FOUND, PRE_EVALUATION_STATE,
                REQUEST_ID_REUSED.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._call(work, command))
        )

    def record(self, command: RecordRecheck, encode: Encode) -> bytes:
        """Records once by request id and returns the answer's bytes.

        Raises:
            RuleError: RECHECK_NOT_FOUND, FIELD_OUT_OF_RANGE, RECHECK_STATE, REQUEST_ID_REUSED.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._record(work, command))
        )

    def listed(self, region: str, wish: RecheckWish, *, limit: int) -> Sequence[Recheck]:
        """Returns rechecks by their due days, then by their ids."""
        with self._transactions.read(region) as work:
            wish = replace(wish, person_ids=all_records(work.persons, wish.person_ids))
            return work.rechecks.listed(wish, limit=limit)

    def _call(self, work: "Work", command: CallForRecheck) -> Recheck:
        request, now = command.request, self._clock()
        check_not_past(command.due_date, today=shanghai_day(now))
        found = locked_evaluation(work, command.evaluation_id)
        evaluation = moved(found, EvaluationEvent.RECHECK_CALLED)
        recheck = Recheck(
            request.region,
            self._ids(),
            evaluation.evaluation_id,
            evaluation.person_id,
            RecheckState.CALLED,
            command.due_date,
            command.reason,
            request.caller.path,
            now,
        )
        work.rechecks.insert(recheck)
        work.evaluations.update(evaluation)
        event = EvaluationEvent.RECHECK_CALLED
        note(work, request, evaluation, event, now=now, recheck_id=recheck.recheck_id)
        return recheck

    def _record(self, work: "Work", command: RecordRecheck) -> Recheck:
        request, now = command.request, self._clock()
        named = work.rechecks.find(command.recheck_id)
        if named is None:
            raise recheck_not_found(command.recheck_id)
        evaluation = locked_evaluation(work, named.evaluation_id)
        # Read again: whoever held the lock before may have closed it.
        found = work.rechecks.find(command.recheck_id)
        assert found is not None, command.recheck_id
        by = request.caller.path
        closed = close_recheck(found, command.outcome, findings=command.findings, by=by, now=now)
        event = EvaluationEvent.RECHECK_RECORDED
        evaluation = moved(evaluation, event)
        work.rechecks.update(closed)
        work.evaluations.update(evaluation)
        note(work, request, evaluation, event, now=now, recheck_id=closed.recheck_id)
        return closed
