"""`yibao review`: settlements under review, for operators of the agency."""

from collections.abc import Callable

import grpc
from google.protobuf.message import Message
from rich.console import Console

from yibao.errors import error_of
from yibao.settlement.v1 import review_pb2
from yibao.settlement.v1 import review_service_pb2 as pb
from yibao.settlement.v1.review_service_pb2_grpc import ReviewServiceStub
from yibao_cli.call import REFUSED, UNUSABLE, print_answer, show_refusal, to_values
from yibao_cli.connection import Connection
from yibao_cli.output import is_json, print_document, tell_unusable
from yibao_common.process.config import StartError
from yibao_common.values.ids import new_id

_ANY = "unspecified"
_SECONDS = 30.0


def run_list(
    out: Console,
    err: Console,
    at: Connection,
    *,
    state: str,
    kind: str,
    person_id: str,
    institution_id: str,
) -> int:
    """Prints a line for each case; returns 1 where it was refused, 2 where nothing was asked."""
    request = pb.ListReviewsRequest(
        region=at.region,
        state=review_pb2.ReviewState.Value(f"REVIEW_STATE_{(state or _ANY).upper()}"),
        kind=review_pb2.ReviewKind.Value(f"REVIEW_KIND_{(kind or _ANY).upper()}"),
        person_id=person_id,
        institution_id=institution_id,
    )

    def list_all(stub: ReviewServiceStub) -> None:
        found: list[review_pb2.Review] = []
        while True:
            answer = stub.ListReviews(request, timeout=_SECONDS)
            found += answer.reviews
            if not is_json():
                for review in answer.reviews:
                    out.print(_line(review), markup=False, soft_wrap=True, highlight=False)
            request.page_token = answer.next_page_token
            if not request.page_token:
                break
        if is_json():
            print_document(out, {"reviews": [to_values(each) for each in found]})
        else:
            out.print(f"{len(found)} cases", markup=False)

    return _carry_out(err, at, list_all)


def run_show(out: Console, err: Console, at: Connection, review_id: str) -> int:
    """Prints a case with its settlements and what happened to it; returns as `run_list`."""
    request = pb.GetReviewRequest(region=at.region, review_id=review_id)
    return _print_answer(out, err, at, lambda stub: stub.GetReview(request, timeout=_SECONDS))


def run_propose(
    out: Console, err: Console, at: Connection, review_id: str, *, decision: str, reason: str
) -> int:
    """Proposes a decision and prints the case; returns as `run_list`."""
    request = pb.ProposeDecisionRequest(
        request_id=new_id(),
        region=at.region,
        review_id=review_id,
        decision=_decision(decision),
        reason=reason,
    )
    return _print_answer(out, err, at, lambda stub: stub.ProposeDecision(request, timeout=_SECONDS))


def run_confirm(
    out: Console, err: Console, at: Connection, review_id: str, *, decision: str
) -> int:
    """Confirms a decision and prints the case; returns as `run_list`."""
    request = pb.ConfirmDecisionRequest(
        request_id=new_id(),
        region=at.region,
        review_id=review_id,
        decision=_decision(decision),
    )
    return _print_answer(out, err, at, lambda stub: stub.ConfirmDecision(request, timeout=_SECONDS))


def run_reject(out: Console, err: Console, at: Connection, review_id: str, reason: str) -> int:
    """Sends a proposal back and prints the case; returns as `run_list`."""
    request = pb.RejectDecisionRequest(
        request_id=new_id(), region=at.region, review_id=review_id, reason=reason
    )
    return _print_answer(out, err, at, lambda stub: stub.RejectDecision(request, timeout=_SECONDS))


def _decision(text: str) -> review_pb2.ReviewDecision.ValueType:
    return review_pb2.ReviewDecision.Value(f"REVIEW_DECISION_{text.upper()}")


def _print_answer(
    out: Console,
    err: Console,
    at: Connection,
    ask: Callable[[ReviewServiceStub], Message],
) -> int:
    def show(stub: ReviewServiceStub) -> None:
        print_answer(out, ask(stub))

    return _carry_out(err, at, show)


def _carry_out(err: Console, at: Connection, act: Callable[[ReviewServiceStub], None]) -> int:
    try:
        channel = at.open()
    except StartError as error:
        tell_unusable(str(error), err)
        return UNUSABLE
    with channel:
        try:
            act(ReviewServiceStub(channel))
        except grpc.RpcError as error:
            show_refusal(err, error_of(error))
            return REFUSED
    return 0


def _line(review: review_pb2.Review) -> str:
    day = review.service_date
    state = review_pb2.ReviewState.Name(review.state).removeprefix("REVIEW_STATE_")
    kinds = ",".join(
        review_pb2.ReviewKind.Name(each.kind).removeprefix("REVIEW_KIND_")
        for each in review.findings
    )
    return (
        f"{review.review_id}  {state}  {kinds}  {review.institution_id}  "
        f"{day.year}-{day.month:02d}-{day.day:02d}  "
        f"{review.total_fen / 100:.2f} ({review.fund_total_fen / 100:.2f} of the funds)"
    )
