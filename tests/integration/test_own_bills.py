"""The holder of an e-certificate, and a channel for one, read what is theirs and nothing else."""

from typing import Any, cast

import grpc
import pytest
from support.both_services import CALL_SECONDS, BothServices, Patient, outcome, refusal_of
from support.settlement_world import REGION

from yibao.common.v1.date_pb2 import Date
from yibao.identity.v1.certificate_service_pb2 import CloseCertificateRequest
from yibao.identity.v1.misuse_messages_pb2 import ReportMisuseRequest, SuspendCredentialRequest
from yibao.identity.v1.misuse_pb2 import MISUSE_KIND_LENT
from yibao.settlement.v1 import (
    account_record_service_pb2,
    account_service_pb2,
    difference_service_pb2,
    statement_pb2,
)
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao.settlement.v1.account_record_service_pb2_grpc import AccountRecordServiceStub
from yibao.settlement.v1.account_service_pb2_grpc import AccountServiceStub
from yibao.settlement.v1.difference_service_pb2_grpc import DifferenceServiceStub
from yibao.settlement.v1.settlement_pb2 import SETTLEMENT_STATE_SETTLED, Settlement
from yibao.settlement.v1.settlement_service_pb2_grpc import SettlementServiceStub
from yibao_common.keys.dev_ca import Leaf
from yibao_common.rpc import server_info
from yibao_common.values.caller import Role
from yibao_common.values.ids import new_id
from yibao_settlement.access import ACCESS

DENIED, INVALID = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
SETTLEMENTS = "/yibao.settlement.v1.SettlementService"
DIFFERENCES = "/yibao.settlement.v1.DifferenceService"
ACCOUNTS = "/yibao.settlement.v1.AccountService"
RECORDS = "/yibao.settlement.v1.AccountRecordService"


def holder_of(services: BothServices, patient: Patient) -> str:
    """Returns the name of the client certificate of a patient's phone."""
    name = f"holder-{patient.certificate_id}"
    services.files.issue(Leaf(name, f"holder/{patient.certificate_id}"))
    return name


def settle(services: BothServices, patient: Patient) -> Settlement:
    request = services.settle_request(patient)
    return services.settlements().SettleBill(request, timeout=CALL_SECONDS).settlement


def requests_of(bill: Settlement, **asked: str) -> dict[str, Any]:
    """Returns a request of each method for a bill and its person."""
    of_bill: dict[str, Any] = {"region": REGION, "settlement_id": bill.settlement_id, **asked}
    of_person: dict[str, Any] = {"region": REGION, "person_id": bill.person_id, **asked}
    form = statement_pb2.STATEMENT_FORM_STRUCTURED
    day = Date(year=2026, month=1, day=1)
    days: dict[str, Any] = {"start_date": day, "end_date": day, "form": form}
    return {
        f"{SETTLEMENTS}/GetSettlement": pb.GetSettlementRequest(**of_bill),
        f"{SETTLEMENTS}/ListSettlements": pb.ListSettlementsRequest(**of_person),
        f"{SETTLEMENTS}/ExplainSettlement": pb.ExplainSettlementRequest(**of_bill),
        f"{SETTLEMENTS}/GetStatement": pb.GetStatementRequest(form=form, **of_bill),
        f"{DIFFERENCES}/GetDifference": difference_service_pb2.GetDifferenceRequest(**of_person),
        f"{ACCOUNTS}/GetAccount": account_service_pb2.GetAccountRequest(**of_person),
        f"{ACCOUNTS}/GetAccountStatement": account_service_pb2.GetAccountStatementRequest(
            **of_person, **days
        ),
        f"{RECORDS}/ListAccountYears": account_record_service_pb2.ListAccountYearsRequest(
            **of_person
        ),
    }


def method(services: BothServices, name: str, path: str) -> Any:
    channel = services.channel("settlement", name)
    service, _, method_name = path.rpartition("/")
    stubs = {
        SETTLEMENTS: SettlementServiceStub,
        DIFFERENCES: DifferenceServiceStub,
        ACCOUNTS: AccountServiceStub,
        RECORDS: AccountRecordServiceStub,
    }
    return getattr(stubs[service](channel), method_name)


def read(services: BothServices, name: str, path: str, request: Any) -> Any:
    return method(services, name, path)(request, timeout=CALL_SECONDS)


def test_holders_and_channels_call_what_is_tried_here_and_nothing_else() -> None:
    tried = set(requests_of(Settlement()))
    for role in (Role.HOLDER, Role.CHANNEL):
        admitted = {path for path in ACCESS.methods if role in ACCESS.roles(path)}
        assert admitted == tried | {
            f"/{server_info.DESCRIPTOR.full_name}/GetServerInfo",
            # Of a sandbox alone, where everybody may.
            "/yibao.common.v1.SandboxService/MoveClock",
        }


@pytest.fixture(scope="module")
def bills(services: BothServices) -> tuple[Patient, Settlement, Settlement]:
    """Settles a bill of two persons."""
    one, other = services.patient(), services.patient()
    return one, settle(services, one), settle(services, other)


Bills = tuple[Patient, Settlement, Settlement]


def test_a_holder_reads_its_own_as_the_agency_does(services: BothServices, bills: Bills) -> None:
    patient, own, _ = bills
    name = holder_of(services, patient)
    for path, request in requests_of(own).items():
        assert read(services, name, path, request) == read(services, "maker", path, request)
    for path, request in requests_of(own, certificate_id=patient.certificate_id).items():
        told = read(services, name, path, request)
        assert read(services, "channel", path, request) == told
    # Nobody is named, and the own bills are told.
    everything = pb.ListSettlementsRequest(region=REGION)
    listed = read(services, name, f"{SETTLEMENTS}/ListSettlements", everything)
    assert [each.settlement_id for each in listed.settlements] == [own.settlement_id]


@pytest.mark.parametrize("state", range(5))
def test_lists_by_any_state_are_answered(services: BothServices, bills: Bills, state: int) -> None:
    """Quotes and trials are not stored, so that nothing is listed of them."""
    patient, own, _ = bills
    request = pb.ListSettlementsRequest(region=REGION, state=cast(Any, state))
    for name in (holder_of(services, patient), "maker", "hospital"):
        listed = read(services, name, f"{SETTLEMENTS}/ListSettlements", request).settlements
        found = own.settlement_id in [each.settlement_id for each in listed]
        assert found == (state in (0, SETTLEMENT_STATE_SETTLED))


@pytest.mark.parametrize("state", range(5))
def test_a_place_that_is_none_is_refused_in_a_list_by_any_state(
    services: BothServices, state: int
) -> None:
    """Nothing is listed of some states, and that is no answer to what was asked wrongly."""
    request = pb.ListSettlementsRequest(
        region=REGION, state=cast(Any, state), page_token="no place"
    )
    told = refusal_of(services.settlements("maker").ListSettlements, request)
    assert outcome(told) == (INVALID, "FIELD_MALFORMED")


def test_nobody_elses_is_read_by_whatever_method(services: BothServices, bills: Bills) -> None:
    patient, own, others = bills
    name, certificate_id = holder_of(services, patient), patient.certificate_id
    of_bill, of_person = (NOT_FOUND, "SETTLEMENT_NOT_FOUND"), (DENIED, "OUT_OF_SCOPE")
    for caller, named in ((name, ""), (name, certificate_id), ("channel", certificate_id)):
        for path, request in requests_of(others, certificate_id=named).items():
            told = refusal_of(method(services, caller, path), request)
            is_of_bill = path.startswith(SETTLEMENTS) and not path.endswith("/ListSettlements")
            assert outcome(told) == (of_bill if is_of_bill else of_person)
    filtered: tuple[dict[str, Any], ...] = (
        {"visit_id": others.visit_id},
        {"bill_number": others.bill_number},
    )
    for filters in filtered:
        request = pb.ListSettlementsRequest(region=REGION, **filters)
        assert not read(services, name, f"{SETTLEMENTS}/ListSettlements", request).settlements
    # In another region the e-certificate is nobody's.
    for path, request in requests_of(own).items():
        request.region = "999029"
        assert outcome(refusal_of(method(services, name, path), request)) == of_person


def test_who_reads_names_the_e_certificate_as_its_role_has_to(
    services: BothServices, bills: Bills
) -> None:
    patient, own, _ = bills
    name = holder_of(services, patient)
    for path, request in requests_of(own).items():
        told = refusal_of(method(services, "channel", path), request)
        assert outcome(told) == (INVALID, "FIELD_REQUIRED")
    for path, request in requests_of(own, certificate_id=new_id()).items():
        for caller in (name, "channel"):
            told = refusal_of(method(services, caller, path), request)
            assert outcome(told) == (DENIED, "OUT_OF_SCOPE")
        if path.startswith(SETTLEMENTS):
            told = refusal_of(method(services, "hospital", path), request)
            assert outcome(told) == (INVALID, "FIELD_OUT_OF_RANGE")
        told = refusal_of(method(services, "maker", path), request)
        assert outcome(told) == (INVALID, "FIELD_OUT_OF_RANGE")


def test_a_suspended_or_closed_e_certificate_reads_nothing(services: BothServices) -> None:
    suspended, closed = services.patient(), services.patient()
    report = ReportMisuseRequest(
        request_id=new_id(),
        region=REGION,
        subject=suspended.subject,
        kind=MISUSE_KIND_LENT,
        description="shown by somebody else",
    )
    stub = services.certificates("hospital")
    case_id = stub.ReportMisuse(report, timeout=CALL_SECONDS).case_id
    services.certificates("maker").SuspendCredential(
        SuspendCredentialRequest(request_id=new_id(), region=REGION, case_id=case_id),
        timeout=CALL_SECONDS,
    )
    services.certificates().CloseCertificate(
        CloseCertificateRequest(
            request_id=new_id(), region=REGION, certificate_id=closed.certificate_id
        ),
        timeout=CALL_SECONDS,
    )
    services.wait_until_told()
    for patient in (suspended, closed):
        name = holder_of(services, patient)
        bill = Settlement(settlement_id=new_id(), person_id=patient.person_id)
        for path, request in requests_of(bill).items():
            told = refusal_of(method(services, name, path), request)
            assert outcome(told) == (DENIED, "OUT_OF_SCOPE")
            assert told.metadata == {"scope": f"certificate/{patient.certificate_id}"}
