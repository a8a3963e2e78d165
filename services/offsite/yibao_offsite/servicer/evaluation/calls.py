"""EvaluationService: pre-evaluations of transfers, their comparison and rechecks."""

import grpc

from yibao.offsite.v1 import evaluation_pb2 as messages
from yibao.offsite.v1 import evaluation_service_pb2 as pb
from yibao.offsite.v1 import evaluation_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import page_token, place_after
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, known, to_date, to_optional_date
from yibao_offsite.application.evaluation.cases import Evaluations
from yibao_offsite.application.evaluation.commands import (
    CancelEvaluation,
    CompareEvaluation,
    DecideEvaluation,
    OpenEvaluation,
    RecordEvaluation,
)
from yibao_offsite.application.evaluation.rows import EvaluationWish
from yibao_offsite.application.recheck import CallForRecheck, Rechecks, RecheckWish, RecordRecheck
from yibao_offsite.rules.evaluation import (
    Difference,
    DifferenceKind,
    EvaluationState,
    Opinion,
)
from yibao_offsite.rules.recheck import RecheckState
from yibao_offsite.servicer.dated_place import dated_place, dated_place_text
from yibao_offsite.servicer.evaluation.encode import (
    act_message,
    answer,
    evaluation_message,
    listed_evaluation,
    listed_recheck,
    recheck_answer,
    recheck_message,
)

_PAGE_SIZE = 100
_PAGE_SIZE_MAX = 500
_STATES = {each.value: each for each in EvaluationState}
_OPINIONS = {each.value: each for each in Opinion}
_DIFFERENCES = {each.value: each for each in DifferenceKind}
_RECHECK_STATES = {each.value: each for each in RecheckState}


class EvaluationServicer(rpc.EvaluationServiceServicer):
    """Opens, records, decides and compares; everything blocks, so it runs in threads."""

    def __init__(self, evaluations: Evaluations, rechecks: Rechecks, blocking: Blocking) -> None:
        """Takes what answers."""
        self._evaluations = evaluations
        self._rechecks = rechecks
        self._blocking = blocking

    async def OpenPreEvaluation(
        self,
        request: pb.OpenPreEvaluationRequest,
        context: (
            "grpc.aio.ServicerContext[pb.OpenPreEvaluationRequest, pb.OpenPreEvaluationResponse]"
        ),
    ) -> pb.OpenPreEvaluationResponse:
        """Opens the evaluation of a referral."""
        command = OpenEvaluation(
            request_of(request, "OpenPreEvaluation"),
            request.registration_id,
            to_date(request.due_date),
        )
        encode = answer(pb.OpenPreEvaluationResponse)
        response = await self._blocking.run(self._evaluations.open, command, encode)
        return as_sent(pb.OpenPreEvaluationResponse, response)

    async def RecordPreEvaluation(
        self,
        request: pb.RecordPreEvaluationRequest,
        context: (
            "grpc.aio.ServicerContext[pb.RecordPreEvaluationRequest, "
            "pb.RecordPreEvaluationResponse]"
        ),
    ) -> pb.RecordPreEvaluationResponse:
        """Records what was found."""
        command = RecordEvaluation(
            request_of(request, "RecordPreEvaluation"),
            request.evaluation_id,
            known(_OPINIONS, request.opinion, field="opinion", what="opinion"),
            request.findings,
            request.examined_by,
            to_date(request.examine_date),
        )
        encode = answer(pb.RecordPreEvaluationResponse)
        response = await self._blocking.run(self._evaluations.record, command, encode)
        return as_sent(pb.RecordPreEvaluationResponse, response)

    async def ApprovePreEvaluation(
        self,
        request: pb.ApprovePreEvaluationRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ApprovePreEvaluationRequest, "
            "pb.ApprovePreEvaluationResponse]"
        ),
    ) -> pb.ApprovePreEvaluationResponse:
        """Approves what was recorded."""
        command = DecideEvaluation(
            request_of(request, "ApprovePreEvaluation"), request.evaluation_id, request.version
        )
        encode = answer(pb.ApprovePreEvaluationResponse)
        response = await self._blocking.run(self._evaluations.approve, command, encode)
        return as_sent(pb.ApprovePreEvaluationResponse, response)

    async def ReturnPreEvaluation(
        self,
        request: pb.ReturnPreEvaluationRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ReturnPreEvaluationRequest, "
            "pb.ReturnPreEvaluationResponse]"
        ),
    ) -> pb.ReturnPreEvaluationResponse:
        """Sends what was recorded back."""
        command = DecideEvaluation(
            request_of(request, "ReturnPreEvaluation"),
            request.evaluation_id,
            request.version,
            request.reason,
        )
        encode = answer(pb.ReturnPreEvaluationResponse)
        response = await self._blocking.run(self._evaluations.send_back, command, encode)
        return as_sent(pb.ReturnPreEvaluationResponse, response)

    async def CancelPreEvaluation(
        self,
        request: pb.CancelPreEvaluationRequest,
        context: (
            "grpc.aio.ServicerContext[pb.CancelPreEvaluationRequest, "
            "pb.CancelPreEvaluationResponse]"
        ),
    ) -> pb.CancelPreEvaluationResponse:
        """Calls an evaluation off."""
        command = CancelEvaluation(
            request_of(request, "CancelPreEvaluation"), request.evaluation_id, request.reason
        )
        encode = answer(pb.CancelPreEvaluationResponse)
        response = await self._blocking.run(self._evaluations.cancel, command, encode)
        return as_sent(pb.CancelPreEvaluationResponse, response)

    async def RecordDischargeComparison(
        self,
        request: pb.RecordDischargeComparisonRequest,
        context: (
            "grpc.aio.ServicerContext[pb.RecordDischargeComparisonRequest, "
            "pb.RecordDischargeComparisonResponse]"
        ),
    ) -> pb.RecordDischargeComparisonResponse:
        """Compares an evaluation with the papers of the discharge."""
        told = request.comparison
        command = CompareEvaluation(
            request_of(request, "RecordDischargeComparison"),
            request.evaluation_id,
            to_date(told.discharge_date),
            told.discharge_record_id,
            told.certificate_id,
            told.fee_list_id,
            _differences(told),
        )
        encode = answer(pb.RecordDischargeComparisonResponse)
        response = await self._blocking.run(self._evaluations.compare, command, encode)
        return as_sent(pb.RecordDischargeComparisonResponse, response)

    async def CallForRecheck(
        self,
        request: pb.CallForRecheckRequest,
        context: "grpc.aio.ServicerContext[pb.CallForRecheckRequest, pb.CallForRecheckResponse]",
    ) -> pb.CallForRecheckResponse:
        """Calls the person again."""
        command = CallForRecheck(
            request_of(request, "CallForRecheck"),
            request.evaluation_id,
            to_date(request.due_date),
            request.reason,
        )
        encode = recheck_answer(pb.CallForRecheckResponse)
        response = await self._blocking.run(self._rechecks.call, command, encode)
        return as_sent(pb.CallForRecheckResponse, response)

    async def RecordRecheck(
        self,
        request: pb.RecordRecheckRequest,
        context: "grpc.aio.ServicerContext[pb.RecordRecheckRequest, pb.RecordRecheckResponse]",
    ) -> pb.RecordRecheckResponse:
        """Records what came of a recheck."""
        command = RecordRecheck(
            request_of(request, "RecordRecheck"),
            request.recheck_id,
            known(_RECHECK_STATES, request.outcome, field="outcome", what="outcome"),
            request.findings,
        )
        encode = recheck_answer(pb.RecordRecheckResponse)
        response = await self._blocking.run(self._rechecks.record, command, encode)
        return as_sent(pb.RecordRecheckResponse, response)

    async def GetPreEvaluation(
        self,
        request: pb.GetPreEvaluationRequest,
        context: (
            "grpc.aio.ServicerContext[pb.GetPreEvaluationRequest, pb.GetPreEvaluationResponse]"
        ),
    ) -> pb.GetPreEvaluationResponse:
        """Reads an evaluation with all of it."""
        caller = current_caller()
        caller.require_region(request.region)
        found = await self._blocking.run(
            self._evaluations.get, request.region, request.evaluation_id, caller
        )
        return pb.GetPreEvaluationResponse(
            evaluation=evaluation_message(found.evaluation),
            rechecks=map(recheck_message, found.rechecks),
            acts=map(act_message, found.acts),
        )

    async def ListPreEvaluations(
        self,
        request: pb.ListPreEvaluationsRequest,
        context: (
            "grpc.aio.ServicerContext[pb.ListPreEvaluationsRequest, pb.ListPreEvaluationsResponse]"
        ),
    ) -> pb.ListPreEvaluationsResponse:
        """Lists evaluations by the day on which their next step is due."""
        current_caller().require_region(request.region)
        wish = EvaluationWish(
            known(_STATES, request.state, field="state", what="state") if request.state else None,
            to_optional_date(request, "due_end_date"),
            (request.person_id,) if request.person_id else (),
            request.registration_id or None,
            place_after(request, request.page_token, dated_place),
        )
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        # One more tells whether there is another page.
        found = await self._blocking.run(
            self._evaluations.listed, request.region, wish, limit=size + 1
        )
        page, token = found[:size], ""
        if len(found) > size:
            place = dated_place_text(page[-1].due_date, page[-1].evaluation_id)
            token = page_token(request, place)
        return pb.ListPreEvaluationsResponse(
            evaluations=map(listed_evaluation, page), next_page_token=token
        )

    async def ListRechecks(
        self,
        request: pb.ListRechecksRequest,
        context: "grpc.aio.ServicerContext[pb.ListRechecksRequest, pb.ListRechecksResponse]",
    ) -> pb.ListRechecksResponse:
        """Lists rechecks by the day on which they are due."""
        current_caller().require_region(request.region)
        wish = RecheckWish(
            known(_RECHECK_STATES, request.state, field="state", what="state")
            if request.state
            else None,
            to_optional_date(request, "due_end_date"),
            (request.person_id,) if request.person_id else (),
            place_after(request, request.page_token, dated_place),
        )
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        # One more tells whether there is another page.
        found = await self._blocking.run(
            self._rechecks.listed, request.region, wish, limit=size + 1
        )
        page, token = found[:size], ""
        if len(found) > size:
            place = dated_place_text(page[-1].due_date, page[-1].recheck_id)
            token = page_token(request, place)
        return pb.ListRechecksResponse(rechecks=map(listed_recheck, page), next_page_token=token)


def _differences(told: messages.DischargeComparison) -> tuple[Difference, ...]:
    path = "comparison.differences"
    return tuple(
        Difference(
            known(_DIFFERENCES, each.kind, field=f"{path}[{number}].kind", what="difference"),
            each.description,
        )
        for number, each in enumerate(told.differences)
    )
