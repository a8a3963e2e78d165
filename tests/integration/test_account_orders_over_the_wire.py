"""Credits, orders and allocations through the service, which takes allocations on by itself."""

import grpc
from support.both_services import CALL_SECONDS, BothServices, outcome, refusal_of
from support.credits import RULES
from support.settlement_world import REGION
from support.threads import wait_until

from yibao.settlement.v1 import account_service_pb2 as account_pb
from yibao.settlement.v1 import allocation_pb2, credit_pb2
from yibao.settlement.v1 import allocation_service_pb2 as allocation_pb
from yibao.settlement.v1 import credit_service_pb2 as pb
from yibao.settlement.v1.allocation_service_pb2_grpc import AllocationServiceStub
from yibao.settlement.v1.credit_service_pb2_grpc import CreditServiceStub
from yibao_common.rpc.wire import to_instant
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.ids import new_id

DENIED, EXISTS = grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.ALREADY_EXISTS
FAILED, INVALID = grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
FINISHED = allocation_pb2.ALLOCATION_STATE_FINISHED


def credits(services: BothServices, name: str = "maker") -> CreditServiceStub:
    return CreditServiceStub(services.channel("settlement", name))


def allocations(services: BothServices, name: str = "maker") -> AllocationServiceStub:
    return AllocationServiceStub(services.channel("settlement", name))


def asked(person_id: str, amount_fen: int) -> account_pb.CreditAccountRequest:
    return account_pb.CreditAccountRequest(
        request_id=new_id(),
        region=REGION,
        person_id=person_id,
        amount_fen=amount_fen,
        source=account_pb.CREDIT_SOURCE_RECHARGE,
        business_key="ICBC 20261120-7",
    )


def credit(
    services: BothServices, person_id: str, amount_fen: int
) -> account_pb.CreditAccountResponse:
    request = asked(person_id, amount_fen)
    return services.accounts().CreditAccount(request, timeout=CALL_SECONDS)


def test_a_credit_is_corrected_by_two_operators_over_the_wire(services: BothServices) -> None:
    person_id = services.patient().person_id
    first = credit(services, person_id, 16_000)
    assert credit(services, person_id, 16_000).is_repeated
    other = asked(person_id, 15_000)
    refusal = refusal_of(services.accounts().CreditAccount, other)
    assert outcome(refusal) == (EXISTS, "CREDIT_KEY_USED")
    listing = pb.ListCreditsRequest(region=REGION, person_id=person_id, page_size=1)
    (listed,) = credits(services).ListCredits(listing, timeout=CALL_SECONDS).credits
    assert listed == first.credit
    assert listed.business_key == "ICBC 20261120-7"
    proposal = pb.ProposeCreditCorrectionRequest(
        request_id=new_id(),
        region=REGION,
        credit_id=listed.credit_id,
        amount_fen=16_000,
        reason="the bank paid in for somebody else",
    )
    order = credits(services).ProposeCreditCorrection(proposal, timeout=CALL_SECONDS).order
    waiting = pb.ListAccountOrdersRequest(
        region=REGION, state=credit_pb2.ACCOUNT_ORDER_STATE_PROPOSED
    )
    found = credits(services).ListAccountOrders(waiting, timeout=CALL_SECONDS).orders
    assert order in found
    confirmation = pb.ConfirmAccountOrderRequest(
        request_id=new_id(),
        region=REGION,
        order_id=order.order_id,
        order_kind=order.order_kind,
        amount_fen=order.amount_fen,
    )
    refusal = refusal_of(credits(services).ConfirmAccountOrder, confirmation)
    assert outcome(refusal) == (FAILED, "SAME_MAKER_AND_CHECKER")
    confirmation.request_id = new_id()
    checker = credits(services, "checker")
    done = checker.ConfirmAccountOrder(confirmation, timeout=CALL_SECONDS)
    assert done == checker.ConfirmAccountOrder(confirmation, timeout=CALL_SECONDS)
    assert done.order.state == credit_pb2.ACCOUNT_ORDER_STATE_CARRIED_OUT
    reading = account_pb.GetAccountRequest(region=REGION, person_id=person_id)
    account = services.accounts().GetAccount(reading, timeout=CALL_SECONDS).account
    assert (account.balance_fen, account.receivable_fen, account.is_closed) == (0, 0, False)


def test_an_order_is_rejected_and_cash_is_refused_with_where_to_go(
    services: BothServices,
) -> None:
    person_id = services.patient().person_id
    told = credit(services, person_id, 500)
    proposal = pb.ProposeCreditCorrectionRequest(
        request_id=new_id(),
        region=REGION,
        credit_id=told.credit.credit_id,
        amount_fen=500,
        reason="doubtful",
    )
    order = credits(services).ProposeCreditCorrection(proposal, timeout=CALL_SECONDS).order
    rejection = pb.RejectAccountOrderRequest(
        request_id=new_id(), region=REGION, order_id=order.order_id, reason="it was right"
    )
    rejected = credits(services, "checker").RejectAccountOrder(rejection, timeout=CALL_SECONDS)
    assert rejected.order.reject_reason == "it was right"
    cash = pb.ProposePayOutRequest(
        request_id=new_id(),
        region=REGION,
        person_id=person_id,
        amount_fen=500,
        pay_out_cause=credit_pb2.PAY_OUT_CAUSE_INSURANCE_ENDED,
        payee_reference="A-17",
        reason="wants cash",
    )
    refusal = refusal_of(credits(services).ProposePayOut, cash)
    assert outcome(refusal) == (FAILED, "CASH_NOT_PAID")
    assert "经办窗口" in str(refusal.message_zh)


def test_an_allocation_is_carried_out_by_the_service_itself(services: BothServices) -> None:
    person_id = services.patient().person_id
    today = shanghai_day(services.clock())
    month = today.year * 100 + today.month
    rules = RULES.replace(b'"11"', b'"16"').replace(b'"12"', b'"14"')
    submission = allocation_pb.SubmitCreditPolicyRequest(
        request_id=new_id(),
        region=REGION,
        insurance_type="390",
        start_month=month,
        policy_file=rules,
    )
    draft = allocations(services).SubmitCreditPolicy(submission, timeout=CALL_SECONDS)
    approval = allocation_pb.ApproveCreditPolicyRequest(
        request_id=new_id(), region=REGION, policy_version=draft.credit_policy.policy_version
    )
    approved = allocations(services, "checker").ApproveCreditPolicy(approval, timeout=CALL_SECONDS)
    listed = allocations(services).ListCreditPolicies(
        allocation_pb.ListCreditPoliciesRequest(region=REGION), timeout=CALL_SECONDS
    )
    assert list(listed.credit_policies) == [approved.credit_policy]
    contributions = allocation_pb.ImportContributionsRequest(
        request_id=new_id(),
        region=REGION,
        insurance_type="390",
        month=month,
        contributions=[allocation_pb.ContributionRow(person_id=person_id, base_fen=800_000)],
    )
    told = allocations(services).ImportContributions(contributions, timeout=CALL_SECONDS)
    assert told.added_count == 1
    beginning = allocation_pb.StartAllocationRequest(
        request_id=new_id(), region=REGION, insurance_type="390", month=month
    )
    begun = allocations(services).StartAllocation(beginning, timeout=CALL_SECONDS).allocation
    reading = allocation_pb.GetAllocationRequest(region=REGION, allocation_id=begun.allocation_id)

    def read() -> allocation_pb2.Allocation:
        return allocations(services).GetAllocation(reading, timeout=CALL_SECONDS).allocation

    wait_until(lambda: read().state == FINISHED)
    over = read()
    assert to_instant(over.finish_time) >= to_instant(over.start_time)
    assert (
        allocations(services).StartAllocation(beginning, timeout=CALL_SECONDS).allocation == begun
    )
    listing = allocation_pb.ListAllocatedPersonsRequest(
        region=REGION,
        allocation_id=begun.allocation_id,
        state=allocation_pb2.ALLOCATED_PERSON_STATE_CREDITED,
    )
    rows = allocations(services).ListAllocatedPersons(listing, timeout=CALL_SECONDS).persons
    assert [(each.person_id, each.amount_fen) for each in rows] == [(person_id, 16_000)]
    (newest,) = (
        allocations(services)
        .ListAllocations(
            allocation_pb.ListAllocationsRequest(region=REGION, page_size=1), timeout=CALL_SECONDS
        )
        .allocations
    )
    assert (newest.allocation_id, newest.person_count) == (begun.allocation_id, over.person_count)


def test_an_agency_of_the_region_alone_asks(services: BothServices) -> None:
    unknown = {"region": REGION, "allocation_id": new_id()}
    for name, reason in (("hospital", "CALLER_NOT_ALLOWED"), ("other-agency", "OUT_OF_SCOPE")):
        for method, request in (
            (
                credits(services, name).ListCredits,
                pb.ListCreditsRequest(region=REGION, person_id=new_id()),
            ),
            (
                credits(services, name).ListAccountOrders,
                pb.ListAccountOrdersRequest(region=REGION),
            ),
            (
                allocations(services, name).GetAllocation,
                allocation_pb.GetAllocationRequest(**unknown),
            ),
            (
                allocations(services, name).ListCreditPolicies,
                allocation_pb.ListCreditPoliciesRequest(region=REGION),
            ),
        ):
            assert outcome(refusal_of(method, request)) == (DENIED, reason)
    maker = allocations(services)
    refusal = refusal_of(maker.GetAllocation, allocation_pb.GetAllocationRequest(**unknown))
    assert outcome(refusal) == (NOT_FOUND, "ALLOCATION_NOT_FOUND")
    listing = allocation_pb.ListAllocationsRequest(region=REGION, page_token="x")
    assert outcome(refusal_of(maker.ListAllocations, listing)) == (INVALID, "FIELD_MALFORMED")
    broken = allocation_pb.SubmitCreditPolicyRequest(
        request_id=new_id(),
        region=REGION,
        insurance_type="390",
        start_month=202601,
        policy_file=b"format: x",
    )
    refusal = refusal_of(maker.SubmitCreditPolicy, broken)
    assert outcome(refusal) == (INVALID, "POLICY_FILE_INVALID")
