"""YearService through the real service: two operators close a year, and its statements are told."""

import time

import grpc
import pytest
from support.both_services import CALL_SECONDS, BothServices, outcome, refusal_of
from support.settlement_world import REGION

from yibao.settlement.v1 import year_pb2
from yibao.settlement.v1 import year_service_pb2 as pb
from yibao.settlement.v1.year_service_pb2_grpc import YearServiceStub
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import new_id

DENIED, INVALID = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.INVALID_ARGUMENT
FAILED, NOT_FOUND = grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND


def years(services: BothServices, name: str = "maker") -> YearServiceStub:
    return YearServiceStub(services.channel("settlement", name))


def read(services: BothServices, year: int) -> year_pb2.BenefitYear:
    request = pb.GetBenefitYearRequest(region=REGION, benefit_year=year)
    answer: pb.GetBenefitYearResponse = years(services).GetBenefitYear(
        request, timeout=CALL_SECONDS
    )
    return answer.year


def proposal(year: int) -> pb.ProposeYearCloseRequest:
    return pb.ProposeYearCloseRequest(request_id=new_id(), region=REGION, benefit_year=year)


def test_a_year_from_its_end_to_its_statements(services: BothServices) -> None:
    this_year = shanghai_day(services.clock()).year
    patient = services.patient()
    services.settlements().SettleBill(services.settle_request(patient), timeout=CALL_SECONDS)
    open_ = read(services, this_year)
    assert open_.state == year_pb2.YEAR_STATE_OPEN
    assert open_.bill_count >= open_.person_count >= 1
    told = refusal_of(years(services).ProposeYearClose, proposal(this_year))
    assert outcome(told) == (FAILED, "YEAR_NOT_OVER")
    last_year = this_year - 1
    assert read(services, last_year).state == year_pb2.YEAR_STATE_OVER
    asked = proposal(last_year)
    proposed = years(services).ProposeYearClose(asked, timeout=CALL_SECONDS)
    assert years(services).ProposeYearClose(asked, timeout=CALL_SECONDS) == proposed
    assert proposed.year.state == year_pb2.YEAR_STATE_PROPOSED
    confirmation = pb.ConfirmYearCloseRequest(
        request_id=new_id(),
        region=REGION,
        close_id=proposed.year.close.close_id,
        person_count=proposed.year.person_count,
        bill_count=proposed.year.bill_count,
        total_fen=proposed.year.total_fen,
    )
    told = refusal_of(years(services).ConfirmYearClose, confirmation)
    assert outcome(told) == (FAILED, "SAME_MAKER_AND_CHECKER")
    for name, reason in (("hospital", "CALLER_NOT_ALLOWED"), ("other-agency", "OUT_OF_SCOPE")):
        told = refusal_of(years(services, name).ConfirmYearClose, confirmation)
        assert outcome(told) == (DENIED, reason)
    done = years(services, "checker").ConfirmYearClose(confirmation, timeout=CALL_SECONDS)
    assert done.year.close.close_time.seconds
    told = refusal_of(years(services).ProposeYearClose, proposal(last_year))
    assert outcome(told) == (FAILED, "YEAR_CLOSED")
    # The service takes the statements by itself.
    until = time.monotonic() + CALL_SECONDS
    while (found := read(services, last_year)).state != year_pb2.YEAR_STATE_TAKEN:
        assert time.monotonic() < until, found
        time.sleep(0.2)
    assert found.close.finish_time.seconds
    assert found.close.statement_count == found.close.refused_count == 0
    request = pb.ListYearStatementsRequest(region=REGION, benefit_year=last_year)
    page = years(services).ListYearStatements(request, timeout=CALL_SECONDS)
    assert (list(page.years), page.next_page_token) == ([], "")
    told = refusal_of(
        years(services).GetYearStatement,
        pb.GetYearStatementRequest(
            region=REGION, person_id=patient.person_id, benefit_year=last_year
        ),
    )
    assert outcome(told) == (NOT_FOUND, "YEAR_STATEMENT_NOT_FOUND")


@pytest.mark.parametrize("name", ["hospital", "other-agency"])
def test_statements_are_read_by_the_agency_of_the_region_alone(
    services: BothServices, name: str
) -> None:
    request = pb.ListYearStatementsRequest(region=REGION, benefit_year=2020)
    told = refusal_of(years(services, name).ListYearStatements, request)
    assert outcome(told)[0] is DENIED


def test_what_is_no_year_or_no_place_is_refused(services: BothServices) -> None:
    stub = years(services)
    year = pb.GetBenefitYearRequest(region=REGION, benefit_year=99)
    place = pb.ListYearStatementsRequest(region=REGION, benefit_year=2020, page_token="bm8=")
    assert outcome(refusal_of(stub.GetBenefitYear, year))[0] is INVALID
    assert outcome(refusal_of(stub.ListYearStatements, place)) == (INVALID, "FIELD_MALFORMED")
