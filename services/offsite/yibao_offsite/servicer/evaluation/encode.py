"""Evaluations and rechecks as messages."""

from collections.abc import Callable
from typing import TypeAlias

from yibao.offsite.v1 import evaluation_pb2 as messages
from yibao.offsite.v1 import evaluation_service_pb2 as pb
from yibao_common.rpc.wire import from_date, from_instant
from yibao_offsite.rules.evaluation import Comparison, Evaluation, EvaluationAct
from yibao_offsite.rules.recheck import Recheck

_Answer: TypeAlias = (
    type[pb.OpenPreEvaluationResponse]
    | type[pb.RecordPreEvaluationResponse]
    | type[pb.ApprovePreEvaluationResponse]
    | type[pb.ReturnPreEvaluationResponse]
    | type[pb.CancelPreEvaluationResponse]
    | type[pb.RecordDischargeComparisonResponse]
)
_RecheckAnswer: TypeAlias = type[pb.CallForRecheckResponse] | type[pb.RecordRecheckResponse]


def answer(response: _Answer) -> Callable[[Evaluation], bytes]:
    """Returns what writes an evaluation as a response of a type."""
    return lambda evaluation: response(
        evaluation=evaluation_message(evaluation)
    ).SerializeToString()


def recheck_answer(response: _RecheckAnswer) -> Callable[[Recheck], bytes]:
    """Returns what writes a recheck as a response of a type."""
    return lambda recheck: response(recheck=recheck_message(recheck)).SerializeToString()


def evaluation_message(evaluation: Evaluation) -> messages.PreEvaluation:
    """Returns an evaluation as sent, with what was found."""
    message = listed_evaluation(evaluation)
    message.note = evaluation.note
    examination = evaluation.examination
    if examination is not None:
        message.findings = examination.findings
        message.examined_by = examination.examined_by
    if evaluation.comparison is not None:
        message.comparison.CopyFrom(_comparison_message(evaluation.comparison))
    return message


def listed_evaluation(evaluation: Evaluation) -> messages.PreEvaluation:
    """Returns an evaluation as lists tell it, without what was found."""
    message = messages.PreEvaluation(
        evaluation_id=evaluation.evaluation_id,
        region=evaluation.region,
        registration_id=evaluation.registration_id,
        person_id=evaluation.person_id,
        state=messages.EvaluationState.ValueType(evaluation.state.value),
        due_date=from_date(evaluation.due_date),
        opened_by=evaluation.opened_by,
        open_time=from_instant(evaluation.open_time),
        approved_by=evaluation.approved_by or "",
        version=evaluation.version,
    )
    examination = evaluation.examination
    if examination is not None:
        message.opinion = messages.EvaluationOpinion.ValueType(examination.opinion.value)
        message.examine_date.CopyFrom(from_date(examination.examine_date))
        message.recorded_by = examination.recorded_by
        message.record_time.CopyFrom(from_instant(examination.record_time))
        message.history_version = examination.history_version
    if evaluation.approve_time is not None:
        message.approve_time.CopyFrom(from_instant(evaluation.approve_time))
    return message


def recheck_message(recheck: Recheck) -> messages.Recheck:
    """Returns a recheck as sent, with what was seen."""
    message = listed_recheck(recheck)
    message.reason = recheck.reason
    message.findings = recheck.findings
    return message


def listed_recheck(recheck: Recheck) -> messages.Recheck:
    """Returns a recheck as lists tell it, without what was seen."""
    close_time = recheck.close_time
    return messages.Recheck(
        recheck_id=recheck.recheck_id,
        evaluation_id=recheck.evaluation_id,
        person_id=recheck.person_id,
        state=messages.RecheckState.ValueType(recheck.state.value),
        due_date=from_date(recheck.due_date),
        called_by=recheck.called_by,
        call_time=from_instant(recheck.call_time),
        closed_by=recheck.closed_by or "",
        close_time=None if close_time is None else from_instant(close_time),
    )


def act_message(act: EvaluationAct) -> messages.EvaluationAct:
    """Returns what was done as sent."""
    return messages.EvaluationAct(
        number=act.number,
        event=messages.EvaluationEvent.ValueType(act.event.value),
        acted_by=act.acted_by,
        act_time=from_instant(act.act_time),
        recheck_id=act.recheck_id or "",
    )


def _comparison_message(comparison: Comparison) -> messages.DischargeComparison:
    return messages.DischargeComparison(
        discharge_date=from_date(comparison.discharge_date),
        discharge_record_id=comparison.discharge_record_id,
        certificate_id=comparison.certificate_id,
        fee_list_id=comparison.fee_list_id,
        differences=[
            messages.ComparedDifference(
                kind=messages.DifferenceKind.ValueType(each.kind.value),
                description=each.description,
            )
            for each in comparison.differences
        ],
        is_consistent=comparison.is_consistent,
        compared_by=comparison.compared_by,
        compare_time=from_instant(comparison.compare_time),
    )
