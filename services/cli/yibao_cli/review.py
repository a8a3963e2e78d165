"""`yibao review`: settlements under review, for operators of the agency."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import grpc
from google.protobuf.message import Message
from rich.console import Console

from yibao.errors import error_of
from yibao.settlement.v1 import review_pb2
from yibao.settlement.v1 import review_service_pb2 as pb
from yibao.settlement.v1.review_service_pb2_grpc import ReviewServiceStub
from yibao_cli.call import REFUSED, UNUSABLE, show_refusal, to_json
from yibao_cli.inputs import open_channel
from yibao_common.process.config import StartError
from yibao_common.values.ids import new_id

_ANY = "unspecified"


class Service(NamedTuple):
    """Where the service is, and with which certificate it is called."""

    region: str
    address: str
    ca_file: Path
    certificate_file: Path
    key_file: Path
    use_environment_proxy: bool
    seconds: float


def run_list(
    out: Console,
    err: Console,
    service: Service,
    *,
    state: str,
    kind: str,
    person_id: str,
    institution_id: str,
) -> int:
    """Prints a line for each case; returns 1 where it was refused, 2 where nothing was asked."""
    request = pb.ListReviewsRequest(
        region=service.region,
        state=review_pb2.ReviewState.Value(f"REVIEW_STATE_{(state or _ANY).upper()}"),
        kind=review_pb2.ReviewKind.Value(f"REVIEW_KIND_{(kind or _ANY).upper()}"),
        person_id=person_id,
        institution_id=institution_id,
    )

    def list_all(stub: ReviewServiceStub) -> None:
        count = 0
        while True:
            answer = stub.ListReviews(request, timeout=service.seconds)
            for review in answer.reviews:
                out.print(_line(review), markup=False, soft_wrap=True, highlight=False)
            count += len(answer.reviews)
            request.page_token = answer.next_page_token
            if not request.page_token:
                break
        out.print(f"{count} cases", markup=False)

    return _carry_out(err, service, list_all)


def run_show(out: Console, err: Console, service: Service, review_id: str) -> int:
    """Prints a case with its settlements and what happened to it; returns as `run_list`."""
    request = pb.GetReviewRequest(region=service.region, review_id=review_id)
    return _print_answer(
        out, err, service, lambda stub: stub.GetReview(request, timeout=service.seconds)
    )


def run_propose(
    out: Console, err: Console, service: Service, review_id: str, *, decision: str, reason: str
) -> int:
    """Proposes a decision and prints the case; returns as `run_list`."""
    request = pb.ProposeDecisionRequest(
        request_id=new_id(),
        region=service.region,
        review_id=review_id,
        decision=_decision(decision),
        reason=reason,
    )
    return _print_answer(
        out, err, service, lambda stub: stub.ProposeDecision(request, timeout=service.seconds)
    )


def run_confirm(
    out: Console, err: Console, service: Service, review_id: str, *, decision: str
) -> int:
    """Confirms a decision and prints the case; returns as `run_list`."""
    request = pb.ConfirmDecisionRequest(
        request_id=new_id(),
        region=service.region,
        review_id=review_id,
        decision=_decision(decision),
    )
    return _print_answer(
        out, err, service, lambda stub: stub.ConfirmDecision(request, timeout=service.seconds)
    )


def run_reject(out: Console, err: Console, service: Service, review_id: str, reason: str) -> int:
    """Sends a proposal back and prints the case; returns as `run_list`."""
    request = pb.RejectDecisionRequest(
        request_id=new_id(), region=service.region, review_id=review_id, reason=reason
    )
    return _print_answer(
        out, err, service, lambda stub: stub.RejectDecision(request, timeout=service.seconds)
    )


def _decision(text: str) -> review_pb2.ReviewDecision.ValueType:
    return review_pb2.ReviewDecision.Value(f"REVIEW_DECISION_{text.upper()}")


def _print_answer(
    out: Console,
    err: Console,
    service: Service,
    ask: Callable[[ReviewServiceStub], Message],
) -> int:
    def show(stub: ReviewServiceStub) -> None:
        out.print(to_json(ask(stub)), markup=False, soft_wrap=True, highlight=False)

    return _carry_out(err, service, show)


def _carry_out(err: Console, service: Service, act: Callable[[ReviewServiceStub], None]) -> int:
    try:
        channel = open_channel(
            service.address,
            ca_file=service.ca_file,
            certificate_file=service.certificate_file,
            key_file=service.key_file,
            use_environment_proxy=service.use_environment_proxy,
        )
    except StartError as error:
        err.print(str(error), style="red", markup=False, soft_wrap=True)
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
