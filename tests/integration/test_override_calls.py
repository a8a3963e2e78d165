"""Overrides through the real service, in a region that takes bills back from the newest on."""

from collections.abc import Callable, Iterator

import grpc
import pytest
from support.both_services import (
    CALL_SECONDS,
    BothServices,
    both_services,
    outcome,
    refusal_of,
    refused,
)
from support.databases import KINDS, Databases, PostgresDatabases, PostgresServer, SqliteDatabases
from support.settlement_world import REGION

from yibao.settlement.v1 import bill_pb2
from yibao.settlement.v1 import refund_service_pb2 as pb
from yibao.settlement.v1.refund_service_pb2_grpc import RefundServiceStub
from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao.settlement.v1.settlement_service_pb2 import ReverseSettlementRequest
from yibao_common.values.ids import new_id

FAILED, DENIED = grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.PERMISSION_DENIED
NOT_FOUND, INVALID = grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT


@pytest.fixture(scope="module", params=KINDS)
def bound(
    request: pytest.FixtureRequest,
    postgres_starter: Callable[[], PostgresServer],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[BothServices]:
    """Runs services of a region that takes bills back from the newest on."""
    folder = tmp_path_factory.mktemp("bound")
    databases: Databases
    if request.param == "sqlite":
        databases = SqliteDatabases(folder)
    else:
        databases = PostgresDatabases(postgres_starter())
    said = {"refunds": {"newest_first_in": [REGION]}}
    with both_services(folder / "files", databases, said=said) as running:
        yield running
    databases.close()


def refunds(services: BothServices, name: str = "maker") -> RefundServiceStub:
    return RefundServiceStub(services.channel("settlement", name))


def two_bills(services: BothServices) -> tuple[Settlement, Settlement]:
    """Settles two bills that both reach the limit of the year."""
    patient = services.patient()
    settled = []
    for quantity in (3_000, 3_001):
        request = services.settle_request(patient)
        del request.bill.lines[1:]
        (line,) = request.bill.lines
        line.quantity = str(quantity)
        line.amount_fen = request.bill.total_fen = quantity * 10_000
        answer = services.settlements().SettleBill(request, timeout=CALL_SECONDS)
        settled.append(answer.settlement)
    return settled[0], settled[1]


def proposal(settlement_id: str, **changes: object) -> pb.ProposeOverrideRequest:
    values: dict[str, object] = {
        "request_id": new_id(),
        "region": REGION,
        "settlement_id": settlement_id,
        "override_kind": pb.OVERRIDE_KIND_REVERSAL,
        "reason": "the court said so",
    }
    return pb.ProposeOverrideRequest(**{**values, **changes})  # type: ignore[arg-type]


def confirmation(told: pb.Override, **changes: object) -> pb.ConfirmOverrideRequest:
    values: dict[str, object] = {
        "request_id": new_id(),
        "region": REGION,
        "override_id": told.override_id,
        "amounts": told.amounts,
        "adjusted_fund_change_fen": told.adjusted_fund_change_fen,
        "adjusted_count": told.adjusted_count,
        "held_count": told.held_count,
    }
    return pb.ConfirmOverrideRequest(**{**values, **changes})  # type: ignore[arg-type]


def reading(override_id: str) -> pb.GetOverrideRequest:
    return pb.GetOverrideRequest(region=REGION, override_id=override_id)


def test_an_override_from_the_refusal_to_the_reversal(bound: BothServices) -> None:
    early, late = two_bills(bound)
    reverse = ReverseSettlementRequest(
        request_id=new_id(), region=REGION, settlement_id=early.settlement_id, reason="mistake"
    )
    told = refused(bound, bound.settlements("maker").ReverseSettlement, reverse)
    assert outcome(told) == (FAILED, "LATER_SETTLEMENTS_EXIST")
    assert told.metadata["settlement_ids"] == late.settlement_id
    assert told.metadata["institution_ids"] == late.institution_id
    trial = pb.TrialReversalRequest(region=REGION, settlement_id=early.settlement_id)
    told = refused(bound, refunds(bound).TrialReversal, trial)
    assert outcome(told) == (FAILED, "LATER_SETTLEMENTS_EXIST")

    asked = proposal(early.settlement_id)
    answer = refunds(bound).ProposeOverride(asked, timeout=CALL_SECONDS)
    assert refunds(bound).ProposeOverride(asked, timeout=CALL_SECONDS) == answer
    override = answer.override
    assert override.amounts.fund_total_fen == early.fund_total_fen
    assert [each.settlement_id for each in override.later_bills] == [late.settlement_id]
    checker = refunds(bound, "checker")
    read = checker.GetOverride(reading(override.override_id), timeout=CALL_SECONDS).override
    assert read == override
    told = refused(bound, refunds(bound).ConfirmOverride, confirmation(override))
    assert outcome(told) == (FAILED, "SAME_MAKER_AND_CHECKER")
    told = refused(bound, checker.ConfirmOverride, confirmation(override, adjusted_count=7))
    assert outcome(told) == (FAILED, "OVERRIDE_STATE")
    confirming = confirmation(override)
    done = checker.ConfirmOverride(confirming, timeout=CALL_SECONDS)
    assert checker.ConfirmOverride(confirming, timeout=CALL_SECONDS) == done
    assert done.reversed.settlement.reversal_id == done.override.taken_back_id
    assert done.reversed.adjusted_fund_change_fen == override.adjusted_fund_change_fen
    assert done.override.checker == f"agency/{REGION}/checker"
    read = refunds(bound).GetOverride(reading(override.override_id), timeout=CALL_SECONDS).override
    assert read == done.override


def test_returned_lines_and_corrections_go_the_same_way(bound: BothServices) -> None:
    checker = refunds(bound, "checker")
    early, _ = two_bills(bound)
    lines = [pb.LineReturn(line_number=1)]
    kind = pb.OVERRIDE_KIND_REFUND
    asked = proposal(early.settlement_id, override_kind=kind, lines=lines)
    override = refunds(bound).ProposeOverride(asked, timeout=CALL_SECONDS).override
    assert list(override.lines) == lines
    done = checker.ConfirmOverride(confirmation(override), timeout=CALL_SECONDS)
    assert done.refunded.refund.refund_id == done.override.taken_back_id

    early, _ = two_bills(bound)
    bill = pb.CorrectedBill(account_use=bill_pb2.ACCOUNT_USE_NONE)
    line = bill.lines.add(line_number=1, item_code="C1", unit_price="7.00", quantity="1")
    line.amount_fen = bill.total_fen = 700
    kind = pb.OVERRIDE_KIND_CORRECTION
    asked = proposal(early.settlement_id, override_kind=kind, bill=bill)
    override = refunds(bound).ProposeOverride(asked, timeout=CALL_SECONDS).override
    assert override.bill == bill
    assert override.amounts.cash_fen == early.cash_fen - 700
    done = checker.ConfirmOverride(confirmation(override), timeout=CALL_SECONDS)
    assert done.corrected.settlement.total_fen == 700
    assert done.corrected.corrected.reversal_id == done.override.taken_back_id


def test_each_kind_says_what_it_needs_and_no_more(bound: BothServices) -> None:
    early, _ = two_bills(bound)
    bill = pb.CorrectedBill(total_fen=0, account_use=bill_pb2.ACCOUNT_USE_NONE)
    lines = [pb.LineReturn(line_number=1)]
    for changes, reason in (
        ({"override_kind": pb.OVERRIDE_KIND_REFUND}, "FIELD_REQUIRED"),
        ({"override_kind": pb.OVERRIDE_KIND_CORRECTION}, "FIELD_REQUIRED"),
        ({"lines": lines}, "FIELD_OUT_OF_RANGE"),
        ({"bill": bill}, "FIELD_OUT_OF_RANGE"),
        ({"override_kind": 0}, "FIELD_REQUIRED"),
        ({"reason": ""}, "FIELD_REQUIRED"),
    ):
        asked = proposal(early.settlement_id, **changes)
        told = refused(bound, refunds(bound).ProposeOverride, asked)
        assert outcome(told) == (INVALID, reason)


def test_an_agency_of_the_region_alone_overrides(bound: BothServices) -> None:
    early, late = two_bills(bound)
    unknown = pb.Override(override_id=new_id())
    for name, reason in (("hospital", "CALLER_NOT_ALLOWED"), ("other-agency", "OUT_OF_SCOPE")):
        stub = refunds(bound, name)
        for method, asked in (
            (stub.ProposeOverride, proposal(early.settlement_id)),
            (stub.ConfirmOverride, confirmation(unknown)),
            (stub.GetOverride, reading(new_id())),
        ):
            assert outcome(refusal_of(method, asked)) == (DENIED, reason)
    for method, asked in (
        (refunds(bound).ConfirmOverride, confirmation(unknown)),
        (refunds(bound).GetOverride, reading(new_id())),
    ):
        assert outcome(refused(bound, method, asked)) == (NOT_FOUND, "OVERRIDE_NOT_FOUND")
    free = refused(bound, refunds(bound).ProposeOverride, proposal(late.settlement_id))
    assert outcome(free) == (FAILED, "NOTHING_TO_OVERRIDE")
    gone = refused(bound, refunds(bound).ProposeOverride, proposal(new_id()))
    assert outcome(gone) == (NOT_FOUND, "SETTLEMENT_NOT_FOUND")


def test_overrides_that_wait_are_listed_in_short_and_withdrawn(bound: BothServices) -> None:
    maker, checker = refunds(bound), refunds(bound, "checker")
    lines = [pb.LineReturn(line_number=1)]
    kind = pb.OVERRIDE_KIND_REFUND
    proposed = []
    for _ in range(2):
        early, _ = two_bills(bound)
        asked = proposal(early.settlement_id, override_kind=kind, lines=lines)
        proposed.append(maker.ProposeOverride(asked, timeout=CALL_SECONDS).override)
    waiting = pb.ListOverridesRequest(region=REGION, state=pb.OVERRIDE_STATE_PROPOSED)
    listed = checker.ListOverrides(waiting, timeout=CALL_SECONDS).overrides[-2:]
    for told, short in zip(proposed, listed, strict=True):
        assert told.lines
        assert told.later_bills
        told.ClearField("lines")
        told.ClearField("later_bills")
        assert told == short
    withdrawing = pb.WithdrawOverrideRequest(
        request_id=new_id(), region=REGION, override_id=proposed[0].override_id
    )
    done = checker.WithdrawOverride(withdrawing, timeout=CALL_SECONDS).override
    assert checker.WithdrawOverride(withdrawing, timeout=CALL_SECONDS).override == done
    assert (done.state, done.checker) == (
        pb.OVERRIDE_STATE_WITHDRAWN,
        f"agency/{REGION}/checker",
    )
    told_again = refused(bound, checker.ConfirmOverride, confirmation(done))
    assert outcome(told_again) == (FAILED, "OVERRIDE_STATE")
    withdrawing.request_id = new_id()
    told_again = refused(bound, maker.WithdrawOverride, withdrawing)
    assert outcome(told_again) == (FAILED, "OVERRIDE_STATE")
    withdrawing.override_id = new_id()
    told_again = refused(bound, maker.WithdrawOverride, withdrawing)
    assert outcome(told_again) == (NOT_FOUND, "OVERRIDE_NOT_FOUND")
    page = checker.ListOverrides(
        pb.ListOverridesRequest(region=REGION, page_size=1), timeout=CALL_SECONDS
    )
    assert len(page.overrides) == 1
    assert page.next_page_token
    left = checker.ListOverrides(waiting, timeout=CALL_SECONDS).overrides
    assert done.override_id not in [each.override_id for each in left]
