"""Pre-evaluations of transfers: opened, recorded, approved by a second operator, compared."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from yibao_common.commands.audit import OK, AuditEntry, entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day, shanghai_midnight
from yibao_common.values.caller import Caller
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_common.values.working_days import WorkingCalendar
from yibao_offsite.application.evaluation.commands import (
    CancelEvaluation,
    CompareEvaluation,
    DecideEvaluation,
    OpenEvaluation,
    RecordEvaluation,
)
from yibao_offsite.application.evaluation.rows import EvaluationWish
from yibao_offsite.application.medical_history import read_by, take_papers_of_person
from yibao_offsite.application.person import all_records
from yibao_offsite.rules.evaluation import (
    DESK_WORKING_DAYS,
    Comparison,
    Evaluation,
    EvaluationAct,
    EvaluationEvent,
    EvaluationState,
    Examination,
    approve,
    check_evaluated,
    check_not_future,
    check_not_past,
    check_waits,
    compare,
    evaluation_not_found,
    moved,
    record,
    send_back,
)
from yibao_offsite.rules.material.material import Owner, not_fitting
from yibao_offsite.rules.recheck import Recheck

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work

Encode = Callable[[Evaluation], bytes]


@dataclass(frozen=True, slots=True)
class EvaluationFile:
    """An evaluation with its rechecks and all that happened to it."""

    evaluation: Evaluation
    rechecks: Sequence[Recheck]
    acts: Sequence[EvaluationAct]


class Evaluations:
    """What callers ask of evaluations. Blocks."""

    def __init__(
        self,
        transactions: "Transactions[Work]",
        *,
        clock: Clock,
        ids: Ids,
        calendar: WorkingCalendar,
        reads_history_first: Callable[["Work"], bool],
    ) -> None:
        """Takes what begins transactions; the last one tells which regions require O-10."""
        self._transactions = transactions
        self._clock = clock
        self._ids = ids
        self._calendar = calendar
        self._reads_history_first = reads_history_first

    def open(self, command: OpenEvaluation, encode: Encode) -> bytes:
        """Opens once by request id and returns the answer's bytes.

        Raises:
            RuleError: FIELD_OUT_OF_RANGE, REFERRAL_NOT_WAITING, PRE_EVALUATION_EXISTS,
                REQUEST_ID_REUSED; in this order, but the last one first.
        """
        return self._once(command.request, lambda work: self._open(work, command), encode)

    def record(self, command: RecordEvaluation, encode: Encode) -> bytes:
        """Records once by request id and returns the answer's bytes.

        Raises:
            RuleError: FIELD_OUT_OF_RANGE, PRE_EVALUATION_NOT_FOUND, PRE_EVALUATION_STATE,
                HISTORY_FILE_NOT_READ, REQUEST_ID_REUSED.
        """
        return self._once(command.request, lambda work: self._record(work, command), encode)

    def approve(self, command: DecideEvaluation, encode: Encode) -> bytes:
        """Approves once by request id and returns the answer's bytes.

        Raises:
            RuleError: PRE_EVALUATION_NOT_FOUND, PRE_EVALUATION_STATE, SAME_MAKER_AND_CHECKER,
                REQUEST_ID_REUSED.
        """

        def act(work: "Work") -> Evaluation:
            return approve(
                self._locked(work, command.evaluation_id),
                version=command.version,
                checker=command.request.caller.path,
                now=self._clock(),
            )

        return self._change(command.request, act, EvaluationEvent.APPROVED, encode)

    def send_back(self, command: DecideEvaluation, encode: Encode) -> bytes:
        """Sends back once by request id and returns the answer's bytes. Raises as `approve`."""

        def act(work: "Work") -> Evaluation:
            return send_back(
                self._locked(work, command.evaluation_id),
                version=command.version,
                checker=command.request.caller.path,
                note=command.note,
                due_date=self._calendar.after(shanghai_day(self._clock()), DESK_WORKING_DAYS),
            )

        return self._change(command.request, act, EvaluationEvent.RETURNED, encode)

    def cancel(self, command: CancelEvaluation, encode: Encode) -> bytes:
        """Calls off once by request id and returns the answer's bytes.

        Raises:
            RuleError: PRE_EVALUATION_NOT_FOUND, PRE_EVALUATION_STATE, REQUEST_ID_REUSED.
        """

        def act(work: "Work") -> Evaluation:
            found = self._locked(work, command.evaluation_id)
            return replace(moved(found, EvaluationEvent.CANCELLED), note=command.note)

        return self._change(command.request, act, EvaluationEvent.CANCELLED, encode)

    def compare(self, command: CompareEvaluation, encode: Encode) -> bytes:
        """Compares once by request id and returns the answer's bytes.

        Raises:
            RuleError: FIELD_OUT_OF_RANGE, PRE_EVALUATION_NOT_FOUND, PRE_EVALUATION_STATE,
                MATERIAL_NOT_FOUND, MATERIAL_NOT_FITTING, MATERIAL_STATE, REQUEST_ID_REUSED.
        """

        def act(work: "Work") -> Evaluation:
            now = self._clock()
            today, path = shanghai_day(now), "comparison.discharge_date"
            check_not_future(command.discharge_date, today=today, path=path)
            comparison = Comparison(
                command.discharge_date,
                command.discharge_record_id,
                command.certificate_id,
                command.fee_list_id,
                command.differences,
                command.request.caller.path,
                now,
            )
            compared = compare(self._locked(work, command.evaluation_id), comparison)
            _take_papers(work, compared, comparison)
            # Compared is compared: a later recheck looks at the person, and at other papers.
            work.papers.end(Owner.EVALUATION, compared.evaluation_id, on=shanghai_day(now))
            return compared

        return self._change(command.request, act, EvaluationEvent.COMPARED, encode)

    def get(self, region: str, evaluation_id: str, caller: Caller) -> EvaluationFile:
        """Returns an evaluation with all of it, after the reading was put on record.

        Raises:
            RuleError: PRE_EVALUATION_NOT_FOUND.
        """

        def read(work: "Work") -> EvaluationFile:
            found = work.evaluations.find(evaluation_id)
            if found is None:
                raise evaluation_not_found(evaluation_id)
            subjects = (found.person_id, evaluation_id)
            at, method = self._clock(), "GetPreEvaluation"
            work.audit.add(AuditEntry(region, at, caller.path, method, subjects, OK, {}, ""))
            rechecks = work.rechecks.of_evaluation(evaluation_id)
            return EvaluationFile(found, rechecks, work.evaluations.acts(evaluation_id))

        return self._transactions.change(region, read)

    def listed(self, region: str, wish: EvaluationWish, *, limit: int) -> Sequence[Evaluation]:
        """Returns evaluations by their due days, then by their ids."""
        with self._transactions.read(region) as work:
            wish = replace(wish, person_ids=all_records(work.persons, wish.person_ids))
            return work.evaluations.listed(wish, limit=limit)

    def _open(self, work: "Work", command: OpenEvaluation) -> Evaluation:
        request, registration_id, now = command.request, command.registration_id, self._clock()
        check_not_past(command.due_date, today=shanghai_day(now))
        rows = work.evaluations
        named = check_waits(rows.referral(registration_id), registration_id)
        work.persons.lock(named.person_id)
        # Asked again under the lock, under which it is decided and evaluated.
        check_waits(rows.referral(registration_id), registration_id)
        known = rows.find_for(registration_id)
        if known is not None:
            raise RuleError(
                Reason.PRE_EVALUATION_EXISTS,
                f"referral {registration_id} has an evaluation",
                evaluation_id=known.evaluation_id,
            )
        evaluation = Evaluation(
            request.region,
            self._ids(),
            registration_id,
            named.person_id,
            EvaluationState.OPEN,
            command.due_date,
            request.caller.path,
            now,
        )
        rows.insert(evaluation)
        note(work, request, evaluation, EvaluationEvent.OPENED, now=now)
        return evaluation

    def _record(self, work: "Work", command: RecordEvaluation) -> Evaluation:
        request, now = command.request, self._clock()
        today, operator = shanghai_day(now), request.caller.path
        check_not_future(command.examine_date, today=today, path="examine_date")
        found = self._locked(work, command.evaluation_id)
        # Told before it is asked what was read: nothing can be read into another state.
        moved(found, EvaluationEvent.RECORDED)
        history_version = read_by(
            work,
            found.person_id,
            operator=operator,
            since=shanghai_midnight(shanghai_day(found.open_time)),
            is_required=self._reads_history_first(work),
        )
        examination = Examination(
            *(command.opinion, command.findings, command.examined_by, command.examine_date),
            *(operator, now, history_version),
        )
        recorded = record(found, examination, today=today, calendar=self._calendar)
        work.evaluations.update(recorded)
        note(work, request, recorded, EvaluationEvent.RECORDED, now=now)
        return recorded

    def _locked(self, work: "Work", evaluation_id: str) -> Evaluation:
        return locked_evaluation(work, evaluation_id)

    def _change(
        self,
        request: Request,
        act: "Callable[[Work], Evaluation]",
        event: EvaluationEvent,
        encode: Encode,
    ) -> bytes:
        def decide(work: "Work") -> Evaluation:
            evaluation = act(work)
            work.evaluations.update(evaluation)
            note(work, request, evaluation, event, now=self._clock())
            return evaluation

        return self._once(request, decide, encode)

    def _once(
        self, request: Request, decide: "Callable[[Work], Evaluation]", encode: Encode
    ) -> bytes:
        return self._transactions.once(request, lambda work: encode(decide(work)))


def _take_papers(work: "Work", evaluation: Evaluation, comparison: Comparison) -> None:
    """Uses the papers that a treatment was compared by, each of which is of its kind."""
    kinds = {
        comparison.discharge_record_id: "discharge_record",
        comparison.certificate_id: "diagnosis_proof",
        comparison.fee_list_id: "fee_list",
    }
    papers = take_papers_of_person(
        work,
        kinds,
        person_id=evaluation.person_id,
        owner=Owner.EVALUATION,
        owner_id=evaluation.evaluation_id,
    )
    for paper in papers:
        if paper.kind != kinds[paper.material_id]:
            told = f"is no {kinds[paper.material_id]}"
            raise not_fitting(paper.material_id, paper.kind, told)


def locked_evaluation(work: "Work", evaluation_id: str) -> Evaluation:
    """Locks the person and then the evaluation. Raises PRE_EVALUATION_NOT_FOUND."""
    found = work.evaluations.find(evaluation_id)
    if found is None:
        raise evaluation_not_found(evaluation_id)
    work.persons.lock(found.person_id)
    locked = work.evaluations.lock(evaluation_id)
    assert locked is not None, evaluation_id
    return locked


def note(
    work: "Work",
    request: Request,
    evaluation: Evaluation,
    event: EvaluationEvent,
    *,
    now: dt.datetime,
    recheck_id: str | None = None,
) -> None:
    """Stores what was done to an evaluation, and puts it on record."""
    act = EvaluationAct(evaluation.version, event, request.caller.path, now, recheck_id)
    work.evaluations.add_act(evaluation.evaluation_id, act)
    subjects = (evaluation.person_id, evaluation.evaluation_id, evaluation.registration_id)
    work.audit.add(entry_of(request, at=now, subject_ids=subjects))


def require_evaluated(work: "Work", registration_id: str) -> None:
    """Refuses to approve a referral that no approved evaluation finds necessary (O-06).

    For who decides referrals, under the lock of the person, where the region asks for it.

    Raises:
        RuleError: PRE_EVALUATION_REQUIRED.
    """
    check_evaluated(work.evaluations.find_for(registration_id), registration_id)
