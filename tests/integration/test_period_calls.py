"""ClearingService through the real service: who reads months and who closes them."""

import grpc
import pytest
from support.both_services import CALL_SECONDS, BothServices, outcome, refusal_of
from support.settlement_world import HOSPITAL, OTHER_HOSPITAL, REGION

from yibao.settlement.v1 import clearing_pb2
from yibao.settlement.v1 import clearing_service_pb2 as pb
from yibao.settlement.v1.clearing_service_pb2_grpc import ClearingServiceStub
from yibao_common.values.calendar import add_months, shanghai_day
from yibao_common.values.ids import new_id

OPEN, OVER = clearing_pb2.PERIOD_STATE_OPEN, clearing_pb2.PERIOD_STATE_OVER
PROPOSED, CLOSED = clearing_pb2.PERIOD_STATE_PROPOSED, clearing_pb2.PERIOD_STATE_CLOSED
DENIED, INVALID = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.INVALID_ARGUMENT
FAILED = grpc.StatusCode.FAILED_PRECONDITION


def clearing(services: BothServices, name: str = "maker") -> ClearingServiceStub:
    return ClearingServiceStub(services.channel("settlement", name))


def month_before(services: BothServices, *, months: int = 1) -> str:
    day = add_months(shanghai_day(services.clock()), -months)
    return f"{day.year}{day.month:02}"


def read(
    services: BothServices, institution_id: str, month: str, name: str = "maker"
) -> pb.GetPeriodResponse:
    request = pb.GetPeriodRequest(region=REGION, institution_id=institution_id, month=month)
    answer: pb.GetPeriodResponse = clearing(services, name).GetPeriod(request, timeout=CALL_SECONDS)
    return answer


def proposal(institution_id: str, month: str) -> pb.ProposePeriodCloseRequest:
    return pb.ProposePeriodCloseRequest(
        request_id=new_id(), region=REGION, institution_id=institution_id, month=month
    )


def test_a_month_from_its_bill_to_its_closing(services: BothServices) -> None:
    patient = services.patient()
    settled = services.settlements().SettleBill(
        services.settle_request(patient), timeout=CALL_SECONDS
    )
    this_month = month_before(services, months=0)
    open_ = read(services, HOSPITAL, this_month, "hospital").period
    assert (open_.state, open_.month, open_.institution_id) == (OPEN, this_month, HOSPITAL)
    owed = [each for each in settled.settlement.entries if "payable" in each.account_id]
    assert open_.amount_fen >= owed[0].amount_fen > 0
    assert sum(each.amount_fen for each in open_.sums) == 0
    told = refusal_of(clearing(services).ProposePeriodClose, proposal(HOSPITAL, this_month))
    assert outcome(told) == (FAILED, "PERIOD_NOT_OVER")
    last_month = month_before(services)
    assert read(services, HOSPITAL, last_month).period.state == OVER
    asked = proposal(HOSPITAL, last_month)
    proposed = clearing(services).ProposePeriodClose(asked, timeout=CALL_SECONDS)
    again = clearing(services).ProposePeriodClose(asked, timeout=CALL_SECONDS)
    assert again == proposed
    assert (proposed.period.state, proposed.period.amount_fen) == (PROPOSED, 0)
    confirmation = pb.ConfirmPeriodCloseRequest(
        request_id=new_id(), region=REGION, close_id=proposed.period.close.close_id
    )
    told = refusal_of(clearing(services).ConfirmPeriodClose, confirmation)
    assert outcome(told) == (FAILED, "SAME_MAKER_AND_CHECKER")
    for name, reason in (("hospital", "CALLER_NOT_ALLOWED"), ("other-agency", "OUT_OF_SCOPE")):
        told = refusal_of(clearing(services, name).ConfirmPeriodClose, confirmation)
        assert outcome(told) == (DENIED, reason)
    done = clearing(services, "checker").ConfirmPeriodClose(confirmation, timeout=CALL_SECONDS)
    assert (done.period.state, done.period.month) == (CLOSED, last_month)
    assert done.period.close.close_time.seconds
    assert read(services, HOSPITAL, last_month).period == done.period
    told = refusal_of(clearing(services).ProposePeriodClose, proposal(HOSPITAL, last_month))
    assert outcome(told) == (FAILED, "PERIOD_CLOSED")


def test_periods_are_listed_page_by_page(services: BothServices) -> None:
    request = pb.ListPeriodsRequest(
        region=REGION, month=month_before(services, months=0), page_size=1
    )
    found = []
    while True:
        page = clearing(services).ListPeriods(request, timeout=CALL_SECONDS)
        found += [each.institution_id for each in page.periods]
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    assert found[0] == ""
    assert {HOSPITAL, OTHER_HOSPITAL} <= set(found)
    assert found == sorted(set(found))


@pytest.mark.parametrize("institution_id", ["", OTHER_HOSPITAL])
def test_an_institution_reads_its_own_months_alone(
    services: BothServices, institution_id: str
) -> None:
    request = pb.GetPeriodRequest(
        region=REGION, institution_id=institution_id, month=month_before(services)
    )
    told = refusal_of(clearing(services, "hospital").GetPeriod, request)
    assert outcome(told) == (DENIED, "OUT_OF_SCOPE")


def test_what_is_no_month_or_no_place_is_refused(services: BothServices) -> None:
    stub = clearing(services)
    month = pb.GetPeriodRequest(region=REGION, month="202613")
    place = pb.ListPeriodsRequest(region=REGION, month="202611", page_token="bm8=")
    for method, request in ((stub.GetPeriod, month), (stub.ListPeriods, place)):
        assert outcome(refusal_of(method, request)) == (INVALID, "FIELD_MALFORMED")
