"""Credits by their keys, orders of accounts by two operators, and allocations of months."""

from typing import Any

from support.reviews import CHECKER
from support.settlement_parts import transactions_of
from support.settlement_world import AGENCY, REGION, World

from yibao.settlement.v1.account_service_pb2 import CreditAccountResponse
from yibao.settlement.v1.allocation_pb2 import Allocation, CreditPolicy
from yibao.settlement.v1.allocation_service_pb2 import (
    ApproveCreditPolicyResponse,
    StartAllocationResponse,
    SubmitCreditPolicyResponse,
)
from yibao.settlement.v1.credit_pb2 import AccountOrder
from yibao.settlement.v1.credit_service_pb2 import (
    ConfirmAccountOrderResponse,
    ProposeCreditCorrectionResponse,
    ProposePayOutResponse,
    RejectAccountOrderResponse,
)
from yibao_common.values.ids import new_id
from yibao_settlement.allocating import read_rules
from yibao_settlement.application.allocation.orders import (
    Allocations,
    ImportContributions,
    Imported,
    StartAllocation,
    SubmitCreditPolicy,
)
from yibao_settlement.application.allocation.run import AllocationRun
from yibao_settlement.application.credit.find import CreditBook
from yibao_settlement.application.credit.order import (
    ConfirmAccountOrder,
    ProposeCorrection,
    ProposePayOut,
    RejectAccountOrder,
)
from yibao_settlement.application.credit.state import AccountClaims
from yibao_settlement.rules.credit.order import AccountOrderKind, PayOutCause
from yibao_settlement.servicer.allocation import (
    allocation_encoder,
    imported,
    policy_encoder,
)
from yibao_settlement.servicer.credit import order_encoder

EMPLOYEES = "310"
MONTH = 202611
# Employees 2 % of their base, retired persons 95.00.
RULES = b"""\
format: yibao-credit/1
credits:
  - id: C1
    title: Monthly allocation
    title_zh: \xe6\x8c\x89\xe6\x9c\x88\xe5\x88\x92\xe5\x85\xa5
    every: month
    by: [person_class]
    rows:
      - when: {person_class: "11"}
        ratio_ppm: 20_000
      - when: {person_class: "12"}
        amount_fen: 9_500
"""


def credit(world: World, person: str, amount_fen: int, **changes: Any) -> CreditAccountResponse:
    """Credits a person and returns the answer."""
    answer = world.run(world.credit_command(person, amount_fen, **changes))
    return CreditAccountResponse.FromString(answer)


def book(world: World) -> CreditBook:
    return CreditBook(transactions_of(world.database, clock=world.clock))


def claims(world: World, person: str) -> AccountClaims:
    return world.queries.account_claims(REGION, person)


def balance(world: World, person: str) -> int:
    standing = world.queries.standing(REGION, person)
    return 0 if standing is None else standing.balance_fen


def propose_correction(
    world: World, credit_id: str, amount_fen: int, *, caller: str = AGENCY
) -> AccountOrder:
    person_id = book(world).credit(REGION, credit_id).person_id
    command = ProposeCorrection(
        world.request("ProposeCreditCorrection", caller=caller),
        credit_id,
        person_id,
        amount_fen,
        "the base was wrong",
        order_encoder(ProposeCreditCorrectionResponse),
    )
    return ProposeCreditCorrectionResponse.FromString(world.run(command)).order


def propose_pay_out(
    world: World, person: str, amount_fen: int, cause: PayOutCause = PayOutCause.DEATH
) -> AccountOrder:
    command = ProposePayOut(
        world.request("ProposePayOut", caller=AGENCY),
        person,
        amount_fen,
        cause,
        "A-2026-0017",
        "heirs asked for it",
        order_encoder(ProposePayOutResponse),
    )
    return ProposePayOutResponse.FromString(world.run(command)).order


def confirm(
    world: World, order_id: str, *, caller: str = CHECKER, amount_fen: int | None = None
) -> AccountOrder:
    """Confirms an order as it is, or another amount that was read."""
    with transactions_of(world.database, clock=world.clock).read(REGION) as work:
        order = work.credits.order(order_id)
    assert order is not None
    command = ConfirmAccountOrder(
        world.request("ConfirmAccountOrder", caller=caller),
        book(world).case(REGION, order_id),
        AccountOrderKind(order.kind),
        amount_fen or order.amount_fen,
        order_encoder(ConfirmAccountOrderResponse),
    )
    return ConfirmAccountOrderResponse.FromString(world.run(command)).order


def reject(world: World, order_id: str, *, caller: str = CHECKER) -> AccountOrder:
    command = RejectAccountOrder(
        world.request("RejectAccountOrder", caller=caller),
        book(world).case(REGION, order_id),
        "not so",
        order_encoder(RejectAccountOrderResponse),
    )
    return RejectAccountOrderResponse.FromString(world.run(command)).order


def take_back(world: World, credit_id: str, amount_fen: int) -> AccountOrder:
    """Takes a credit back by two operators."""
    return confirm(world, propose_correction(world, credit_id, amount_fen).order_id)


def allocations(world: World) -> Allocations:
    transactions = transactions_of(world.database, clock=world.clock)
    return Allocations(transactions, clock=world.clock, ids=new_id)


def submit_rules(
    world: World,
    rules: bytes = RULES,
    *,
    start_month: int = 202601,
    insurance_type: str = EMPLOYEES,
) -> CreditPolicy:
    command = SubmitCreditPolicy(
        world.request("SubmitCreditPolicy", caller=AGENCY),
        read_rules(rules).version,
        insurance_type,
        start_month,
        rules,
    )
    answer = allocations(world).submit(command, policy_encoder(SubmitCreditPolicyResponse))
    return SubmitCreditPolicyResponse.FromString(answer).credit_policy


def approve_rules(world: World, policy_version: str, *, caller: str = CHECKER) -> CreditPolicy:
    request = world.request("ApproveCreditPolicy", caller=caller)
    encode = policy_encoder(ApproveCreditPolicyResponse)
    answer = allocations(world).approve(request, policy_version, encode)
    return ApproveCreditPolicyResponse.FromString(answer).credit_policy


def contribute(world: World, *rows: tuple[str, int], month: int = MONTH) -> bytes:
    request = world.request("ImportContributions", caller=AGENCY)
    command = ImportContributions(request, EMPLOYEES, month, rows)

    def encode(told: Imported) -> bytes:
        return imported(told)

    return allocations(world).contribute(command, encode)


def start(world: World, *, month: int = MONTH, request_id: str | None = None) -> Allocation:
    command = StartAllocation(
        world.request("StartAllocation", caller=AGENCY, request_id=request_id), EMPLOYEES, month
    )
    answer = allocations(world).start(command, allocation_encoder(StartAllocationResponse))
    return StartAllocationResponse.FromString(answer).allocation


def run_of(world: World, *, second_above_fen: int | None = None) -> AllocationRun:
    """Returns what a process of the service goes on with."""
    limits = {} if second_above_fen is None else {REGION: second_above_fen}
    transactions = transactions_of(world.database, clock=world.clock)
    return AllocationRun(transactions, read_rules, clock=world.clock, second_above_fen=limits)


def carry_on(world: World, *, second_above_fen: int | None = None) -> int:
    """Takes every page that is left, as the service does in the background; returns how many."""
    run, pages = run_of(world, second_above_fen=second_above_fen), 0
    for allocation in run.going_on(REGION):
        while (page := run.next_page(allocation)) is not None:
            world.run(page)
            pages += 1
    return pages
