"""ReviewService: settlements under review, listed, read and decided."""

import datetime as dt
from collections.abc import Mapping
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from yibao.settlement.v1 import review_pb2 as messages
from yibao.settlement.v1 import review_service_pb2 as pb
from yibao.settlement.v1 import review_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.db.batcher import Batcher
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import page_token, place_after, timed_place, timed_place_text
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import as_sent, from_date, from_instant, to_optional_date
from yibao_common.values.calendar import shanghai_midnight
from yibao_common.values.caller import Caller
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.reading import Reads
from yibao_settlement.application.review.decide import (
    CONFIRM_METHOD,
    Case,
    ConfirmDecision,
    Encode,
    ProposeDecision,
    RejectDecision,
)
from yibao_settlement.application.review.find import find_review, find_with_settlements
from yibao_settlement.application.review.listing import Place, ReviewWish
from yibao_settlement.rules.review import (
    Decision,
    Finding,
    Review,
    ReviewAct,
    ReviewEvent,
    ReviewKind,
    ReviewState,
)
from yibao_settlement.servicer.encode import REVIEW_KINDS, summary_message

_PAGE_SIZE = 100
_PAGE_SIZE_MAX = 500
_DAY = dt.timedelta(days=1)
_SENTENCES: Mapping[int, tuple[str, str]] = {
    ReviewKind.SAME_BILL: (
        "another bill of the same day and institution has the same items and total",
        "同日同机构已有项目和金额相同的单据，疑似重复结算",
    ),
    ReviewKind.LINES_AGAIN: (
        "every line of one of two bills of the visit stands in the other one too",
        "本次就诊另一单据已含相同明细，疑似重复收费",
    ),
    ReviewKind.STAYS_OVERLAP: (
        "the stay shares days with another stay of the person",
        "与另一次住院时间重叠",
    ),
    ReviewKind.VISIT_COUNT: (
        "more than 20 outpatient visits in the month: outpatient records are to be handed in",
        "当月门诊就诊超过20次，须提供门诊病历",
    ),
    ReviewKind.UNAPPROVED_DRUG: (
        "a retired cadre's drugs outside the catalogue: the approval form is to be handed in",
        "离休人员目录外用药，须提供加盖医保专用章的审批表",
    ),
}

MessageT = TypeVar("MessageT", bound=Message)


class ReviewServicer(rpc.ReviewServiceServicer):
    """Decides cases through the batcher; reads in threads."""

    def __init__(self, batcher: Batcher[Command, bytes], reads: Reads, blocking: Blocking) -> None:
        """Takes the engine."""
        self._batcher = batcher
        self._reads = reads
        self._blocking = blocking

    async def ListReviews(
        self,
        request: pb.ListReviewsRequest,
        context: "grpc.aio.ServicerContext[pb.ListReviewsRequest, pb.ListReviewsResponse]",
    ) -> pb.ListReviewsResponse:
        """Lists cases, the one opened first at the head."""
        caller = current_caller()
        caller.require_region(request.region)
        after = place_after(request, request.page_token, _place_of)
        wish = _wish_of(request, caller)
        if wish is None:
            return pb.ListReviewsResponse()
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        found = await self._blocking.run(
            self._reads.reviews,
            request.region,
            wish,
            after=after,
            # One more tells whether there is another page.
            limit=size + 1,
        )
        page = found[:size]
        token = ""
        if len(found) > size:
            token = page_token(request, timed_place_text(page[-1].open_time, page[-1].review_id))
        return pb.ListReviewsResponse(
            reviews=[
                _message(each, is_agency=caller.institution_id is None, with_settlements=False)
                for each in page
            ],
            next_page_token=token,
        )

    async def GetReview(
        self,
        request: pb.GetReviewRequest,
        context: "grpc.aio.ServicerContext[pb.GetReviewRequest, pb.GetReviewResponse]",
    ) -> pb.GetReviewResponse:
        """Reads a case with the settlements that it concerns."""
        caller = current_caller()
        caller.require_region(request.region)
        found = await self._blocking.run(
            find_with_settlements, self._reads, request.region, request.review_id, caller
        )
        return pb.GetReviewResponse(
            review=_message(found.review, is_agency=caller.institution_id is None),
            settlements=[summary_message(each) for each in found.settlements],
            events=[_event_message(each) for each in found.events],
        )

    async def ProposeDecision(
        self,
        request: pb.ProposeDecisionRequest,
        context: "grpc.aio.ServicerContext[pb.ProposeDecisionRequest, pb.ProposeDecisionResponse]",
    ) -> pb.ProposeDecisionResponse:
        """Proposes what becomes of a settlement."""
        asked = request_of(request, "ProposeDecision")
        case = await self._case(request.region, request.review_id)
        command = ProposeDecision(
            asked,
            case,
            Decision(request.decision),
            request.reason,
            review_encoder(pb.ProposeDecisionResponse),
        )
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.ProposeDecisionResponse, response)

    async def ConfirmDecision(
        self,
        request: pb.ConfirmDecisionRequest,
        context: "grpc.aio.ServicerContext[pb.ConfirmDecisionRequest, pb.ConfirmDecisionResponse]",
    ) -> pb.ConfirmDecisionResponse:
        """Confirms what is proposed, and carries it out."""
        asked = request_of(request, CONFIRM_METHOD)
        case = await self._case(request.region, request.review_id)
        command = ConfirmDecision(
            asked, case, Decision(request.decision), review_encoder(pb.ConfirmDecisionResponse)
        )
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.ConfirmDecisionResponse, response)

    async def RejectDecision(
        self,
        request: pb.RejectDecisionRequest,
        context: "grpc.aio.ServicerContext[pb.RejectDecisionRequest, pb.RejectDecisionResponse]",
    ) -> pb.RejectDecisionResponse:
        """Sends a proposal back."""
        asked = request_of(request, "RejectDecision")
        case = await self._case(request.region, request.review_id)
        command = RejectDecision(
            asked, case, request.reason, review_encoder(pb.RejectDecisionResponse)
        )
        response = await self._batcher.submit(request.region, command)
        return as_sent(pb.RejectDecisionResponse, response)

    async def _case(self, region: str, review_id: str) -> Case:
        """Returns which case it is: its settlement is found before the person is locked."""
        review = await self._blocking.run(
            find_review, self._reads, region, review_id, current_caller()
        )
        return Case(review.review_id, review.settlement_id)


def review_encoder(kind: type[MessageT]) -> Encode:
    """Returns what writes an answer that holds a case, such as a ProposeDecisionResponse."""
    return lambda review: kind(review=_message(review)).SerializeToString()


def _wish_of(request: pb.ListReviewsRequest, caller: Caller) -> ReviewWish | None:
    """Returns which cases are asked for; None where there cannot be any."""
    institution_id = request.institution_id or None
    if caller.institution_id is not None:
        if institution_id not in (None, caller.institution_id):
            return None
        institution_id = caller.institution_id
    since = to_optional_date(request, "open_start_date")
    until = to_optional_date(request, "open_end_date")
    return ReviewWish(
        institution_id=institution_id,
        state=ReviewState(request.state) if request.state else None,
        kind=ReviewKind(request.kind) if request.kind else None,
        opened_since=None if since is None else shanghai_midnight(since),
        # No case is later than the last day that a date can be.
        opened_before=None if until in (None, dt.date.max) else shanghai_midnight(until + _DAY),
        person_id=request.person_id or None,
    )


def _message(
    review: Review, *, is_agency: bool = True, with_settlements: bool = True
) -> messages.Review:
    """Returns a case as sent; an institution sees no count, nobody's name, no proposal."""
    message = messages.Review(
        review_id=review.review_id,
        state=messages.ReviewState.ValueType(review.state),
        region=review.region,
        settlement_id=review.settlement_id,
        visit_id=review.visit_id,
        person_id=review.person_id,
        institution_id=review.institution_id,
        service_date=from_date(review.service_date),
        total_fen=review.total_fen,
        fund_total_fen=review.fund_total_fen,
        findings=[
            _finding_message(
                each, is_agency=is_agency, with_settlements=is_agency or with_settlements
            )
            for each in review.findings
        ],
        open_time=from_instant(review.open_time),
        reversal_id=review.reversal_id or "",
    )
    if review.close_time is not None:
        message.close_time.CopyFrom(from_instant(review.close_time))
    if review.decision is not None and (is_agency or review.close_time is not None):
        message.decision = messages.ReviewDecision.ValueType(review.decision)
        message.reason = review.reason or ""
    if is_agency:
        message.maker = review.maker or ""
        message.checker = review.checker or ""
        if review.propose_time is not None:
            message.propose_time.CopyFrom(from_instant(review.propose_time))
    return message


def _finding_message(
    finding: Finding, *, is_agency: bool, with_settlements: bool
) -> messages.ReviewFinding:
    english, chinese = _SENTENCES[finding.kind]
    return messages.ReviewFinding(
        kind=REVIEW_KINDS[ReviewKind(finding.kind)],
        settlement_ids=finding.settlement_ids if with_settlements else (),
        visit_count=finding.visit_count if is_agency else 0,
        line_numbers=finding.line_numbers,
        message=english,
        message_zh=chinese,
    )


def _event_message(event: ReviewEvent) -> messages.ReviewEvent:
    return messages.ReviewEvent(
        event_time=from_instant(event.event_time),
        caller=event.caller,
        act=messages.ReviewAct.ValueType(ReviewAct(event.act)),
        decision=messages.ReviewDecision.ValueType(event.decision or 0),
        reason=event.reason or "",
    )


def _place_of(text: str) -> Place:
    return Place(*timed_place(text))
