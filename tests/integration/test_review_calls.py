"""ReviewService through the real service: who sees what, who decides, what is answered."""

import grpc
from support.both_services import CALL_SECONDS, BothServices, Patient, outcome, refusal_of
from support.settlement_world import REGION
from typer.testing import CliRunner

from yibao.settlement.v1 import review_pb2
from yibao.settlement.v1 import review_service_pb2 as pb
from yibao.settlement.v1.review_service_pb2_grpc import ReviewServiceStub
from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao.settlement.v1.settlement_service_pb2 import GetSettlementRequest
from yibao_cli.main import app
from yibao_common.values.ids import new_id

FAILED, DENIED = grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.PERMISSION_DENIED
NOT_FOUND = grpc.StatusCode.NOT_FOUND
REVERSE = review_pb2.REVIEW_DECISION_REVERSE


def reviews(services: BothServices, name: str) -> ReviewServiceStub:
    return ReviewServiceStub(services.channel("settlement", name))


def reviewed(services: BothServices, patient: Patient) -> Settlement:
    """Settles a bill of one line, which stands in another bill of the visit."""
    first = services.settle_request(patient)
    services.settlements().SettleBill(first, timeout=CALL_SECONDS)
    second = services.settle_request(patient)
    del second.bill.lines[:]
    second.bill.lines.append(first.bill.lines[2])
    second.bill.total_fen = first.bill.lines[2].amount_fen
    settled = services.settlements().SettleBill(second, timeout=CALL_SECONDS).settlement
    assert review_pb2.REVIEW_KIND_LINES_AGAIN in settled.review_kinds
    return settled


def get(settled: Settlement) -> pb.GetReviewRequest:
    return pb.GetReviewRequest(region=REGION, review_id=settled.review_id)


def propose(settled: Settlement) -> pb.ProposeDecisionRequest:
    return pb.ProposeDecisionRequest(
        request_id=new_id(),
        region=REGION,
        review_id=settled.review_id,
        decision=REVERSE,
        reason="charged twice",
    )


def confirm(settled: Settlement) -> pb.ConfirmDecisionRequest:
    return pb.ConfirmDecisionRequest(
        request_id=new_id(), region=REGION, review_id=settled.review_id, decision=REVERSE
    )


def test_a_case_from_the_counter_to_the_reversal(services: BothServices) -> None:
    settled = reviewed(services, services.patient())
    maker, checker = reviews(services, "maker"), reviews(services, "checker")
    seen = reviews(services, "hospital").GetReview(get(settled), timeout=CALL_SECONDS)
    assert seen.review.state == review_pb2.REVIEW_STATE_OPEN
    assert seen.review.findings[0].message_zh == "本次就诊另一单据已含相同明细，疑似重复收费"
    assert len(seen.settlements) == 2
    assert not seen.events
    told = refusal_of(reviews(services, "other-hospital").GetReview, get(settled))
    assert outcome(told) == (NOT_FOUND, "REVIEW_NOT_FOUND")
    told = refusal_of(reviews(services, "hospital").ProposeDecision, propose(settled))
    assert outcome(told) == (DENIED, "CALLER_NOT_ALLOWED")
    request = propose(settled)
    proposed = maker.ProposeDecision(request, timeout=CALL_SECONDS)
    assert maker.ProposeDecision(request, timeout=CALL_SECONDS) == proposed
    # Nothing is decided yet: the hospital is told of no proposal.
    seen = reviews(services, "hospital").GetReview(get(settled), timeout=CALL_SECONDS)
    assert (seen.review.state, seen.review.reason, seen.review.maker) == (
        review_pb2.REVIEW_STATE_PROPOSED,
        "",
        "",
    )
    told = refusal_of(maker.ConfirmDecision, confirm(settled))
    assert outcome(told) == (FAILED, "SAME_MAKER_AND_CHECKER")
    decided = checker.ConfirmDecision(confirm(settled), timeout=CALL_SECONDS).review
    assert decided.state == review_pb2.REVIEW_STATE_REVERSED
    read = services.settlements().GetSettlement(
        GetSettlementRequest(region=REGION, settlement_id=settled.settlement_id),
        timeout=CALL_SECONDS,
    )
    assert (read.settlement.reversal_id, read.settlement.review_id) == (
        decided.reversal_id,
        settled.review_id,
    )
    told = refusal_of(checker.ConfirmDecision, confirm(settled))
    assert outcome(told) == (FAILED, "REVIEW_STATE")
    events = maker.GetReview(get(settled), timeout=CALL_SECONDS).events
    assert [each.act for each in events] == [
        review_pb2.REVIEW_ACT_OPENED,
        review_pb2.REVIEW_ACT_PROPOSED,
        review_pb2.REVIEW_ACT_CONFIRMED,
    ]


def test_cases_are_listed_page_by_page(services: BothServices) -> None:
    patient = services.patient()
    ids = {reviewed(services, patient).review_id for _ in range(3)}
    request = pb.ListReviewsRequest(region=REGION, person_id=patient.person_id, page_size=2)
    # The second and third first bills too are of the day, items and total of one before.
    found: list[str] = []
    pages = 0
    while pages == 0 or request.page_token:
        answer = reviews(services, "maker").ListReviews(request, timeout=CALL_SECONDS)
        found += [each.review_id for each in answer.reviews]
        pages += 1
        assert len(answer.reviews) == (2 if answer.next_page_token else 1)
        request.page_token = answer.next_page_token
    assert (pages, len(set(found)), ids < set(found)) == (3, 5, True)
    request = pb.ListReviewsRequest(region=REGION, person_id=patient.person_id)
    own = reviews(services, "hospital").ListReviews(request, timeout=CALL_SECONDS).reviews
    assert {each.review_id for each in own} == set(found)
    others = reviews(services, "other-hospital").ListReviews(request, timeout=CALL_SECONDS)
    assert not others.reviews
    request.page_token = "AAAA"
    told = refusal_of(reviews(services, "maker").ListReviews, request)
    assert told.reason.endswith("FIELD_MALFORMED")


def test_an_agency_of_another_region_sees_and_decides_nothing(services: BothServices) -> None:
    settled = reviewed(services, services.patient())
    foreign = reviews(services, "other-agency")
    for call, request in (
        (foreign.GetReview, get(settled)),
        (foreign.ListReviews, pb.ListReviewsRequest(region=REGION)),
        (foreign.ProposeDecision, propose(settled)),
        (foreign.ConfirmDecision, confirm(settled)),
    ):
        assert outcome(refusal_of(call, request)) == (DENIED, "OUT_OF_SCOPE")


def test_an_operator_decides_by_the_command(services: BothServices) -> None:
    settled = reviewed(services, services.patient())
    folder = services.files.folder

    def run(name: str, *arguments: str) -> str:
        options = ["--region", REGION, "--address", f"localhost:{services.ports['settlement']}"]
        options += ["--ca", str(folder / "ca.pem"), "--cert", str(folder / f"{name}.pem")]
        options += ["--key", str(folder / f"{name}.key")]
        result = CliRunner().invoke(app, ["review", *arguments, *options])
        assert result.exit_code == 0, result.output
        return result.output

    listed = run("maker", "list", "--state", "open", "--kind", "lines_again")
    assert f"{settled.review_id}  OPEN  " in listed
    run("maker", "propose", settled.review_id, "reverse", "charged twice")
    run("checker", "reject", settled.review_id, "the hospital answers first")
    run("maker", "propose", settled.review_id, "confirm", "two boxes")
    assert "REVIEW_STATE_CONFIRMED" in run("checker", "confirm", settled.review_id, "confirm")
    shown = run("maker", "show", settled.review_id)
    assert shown.count("agency/") >= 4
    assert "two boxes" in shown
