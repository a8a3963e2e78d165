"""What a caller expects of a bill, and what an approval finds, as it comes over the wire."""

import grpc
from support.both_services import (
    CALL_SECONDS,
    BothServices,
    Patient,
    outcome,
    refused,
)
from support.settlement_world import POLICY_FILE, REGION

from yibao.settlement.v1 import catalogue_service_pb2 as catalogue_pb
from yibao.settlement.v1 import policy_service_pb2 as policy_pb
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao_common.values.ids import new_id


def test_a_bill_is_refused_with_its_sums_and_settled_once_they_are_expected(
    services: BothServices, patient: Patient
) -> None:
    stub = services.settlements()
    request = services.settle_request(patient)
    request.expected.SetInParent()  # Nobody pays anything.
    refusal = refused(services, stub.SettleBill, request)
    assert outcome(refusal) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "AMOUNTS_NOT_AS_EXPECTED",
    )
    bulk = stub.SubmitBills(pb.SubmitBillsRequest(items=[request]), timeout=CALL_SECONDS)
    assert bulk.results[0].error.reason == refusal.reason
    for name in ("fund_total_fen", "account_fen", "cash_fen"):
        setattr(request.expected, name, int(refusal.metadata[name]))
    settled = stub.SettleBill(request, timeout=CALL_SECONDS).settlement
    assert settled.cash_fen == request.expected.cash_fen
    assert settled.fund_total_fen == request.expected.fund_total_fen


def approved(services: BothServices, contents: bytes) -> policy_pb.ApprovePolicyResponse:
    submission = policy_pb.SubmitPolicyRequest(
        request_id=new_id(), region=REGION, policy_file=contents
    )
    draft = services.policies().SubmitPolicy(submission, timeout=CALL_SECONDS).policy
    approval = policy_pb.ApprovePolicyRequest(
        request_id=new_id(), region=REGION, policy_version=draft.policy_version
    )
    return services.policies("checker").ApprovePolicy(approval, timeout=CALL_SECONDS)


def test_an_approval_names_bills_of_its_days_and_items_that_lack_a_share(
    services: BothServices, patient: Patient
) -> None:
    request = services.settle_request(patient)
    settled = services.settlements().SettleBill(request, timeout=CALL_SECONDS).settlement
    day = settled.service_date
    items = [
        catalogue_pb.CatalogueItem(
            item_code="WITHOUT-SHARE", item_name="乙类药", catalogue_class="02", start_date=day
        )
    ]
    services.catalogue().ImportCatalogueItems(
        catalogue_pb.ImportCatalogueItemsRequest(request_id=new_id(), region=REGION, items=items),
        timeout=CALL_SECONDS,
    )
    start = f"start_date: {day.year}-{day.month:02}-{day.day:02}".encode()
    contents = POLICY_FILE.read_bytes().replace(b"start_date: 2014-01-01", start)
    by_class = b'prepay_ppm: {"01": 0, "02": 30_000}\n'
    assert by_class in contents
    by_item = b'prepay_ppm: {"01": 0}\n          by_item: ["02"]\n'
    contents = contents.replace(by_class, by_item)
    answer = approved(services, contents)
    assert answer.settled_bills >= 1
    assert settled.settlement_id in answer.settlement_ids
    assert "WITHOUT-SHARE" in answer.item_codes
