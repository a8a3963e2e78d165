"""Accounts, their credits and the orders that take two operators."""

from rich.console import Console

from yibao.settlement.v1 import account_service_pb2, credit_pb2
from yibao.settlement.v1 import credit_service_pb2 as pb
from yibao.settlement.v1.account_service_pb2_grpc import AccountServiceStub
from yibao.settlement.v1.credit_service_pb2_grpc import CreditServiceStub
from yibao_cli.account.asking import SECONDS, carry_out, pages, print_list, show
from yibao_cli.connection import Connection
from yibao_common.values.ids import new_id


def run_show(out: Console, err: Console, at: Connection, person_id: str) -> int:
    """Prints an account; returns 1 where it was refused, 2 where nothing was asked."""
    request = account_service_pb2.GetAccountRequest(region=at.region, person_id=person_id)
    return show(
        out,
        err,
        at,
        lambda channel: AccountServiceStub(channel).GetAccount(request, timeout=SECONDS),
    )


def run_credits(out: Console, err: Console, at: Connection, person_id: str) -> int:
    """Prints a line for each credit of a person; returns as `run_show`."""
    request = pb.ListCreditsRequest(region=at.region, person_id=person_id)
    return carry_out(
        err,
        at,
        lambda channel: print_list(
            out,
            "credits",
            pages(CreditServiceStub(channel).ListCredits, request, "credits"),
            _credit_line,
        ),
    )


def run_orders(out: Console, err: Console, at: Connection, *, state: str) -> int:
    """Prints a line for each order; returns as `run_show`."""
    name = f"ACCOUNT_ORDER_STATE_{(state or 'unspecified').upper()}"
    request = pb.ListAccountOrdersRequest(
        region=at.region, state=credit_pb2.AccountOrderState.Value(name)
    )
    return carry_out(
        err,
        at,
        lambda channel: print_list(
            out,
            "orders",
            pages(CreditServiceStub(channel).ListAccountOrders, request, "orders"),
            _order_line,
        ),
    )


def run_correct(
    out: Console, err: Console, at: Connection, credit_id: str, *, amount_fen: int, reason: str
) -> int:
    """Proposes that a credit is taken back and prints the order; returns as `run_show`."""
    request = pb.ProposeCreditCorrectionRequest(
        request_id=new_id(),
        region=at.region,
        credit_id=credit_id,
        amount_fen=amount_fen,
        reason=reason,
    )
    return show(
        out,
        err,
        at,
        lambda channel: CreditServiceStub(channel).ProposeCreditCorrection(
            request, timeout=SECONDS
        ),
    )


def run_pay_out(
    out: Console,
    err: Console,
    at: Connection,
    person_id: str,
    *,
    amount_fen: int,
    cause: str,
    reference: str,
    reason: str,
) -> int:
    """Proposes that an account is paid out and prints the order; returns as `run_show`."""
    request = pb.ProposePayOutRequest(
        request_id=new_id(),
        region=at.region,
        person_id=person_id,
        amount_fen=amount_fen,
        pay_out_cause=credit_pb2.PayOutCause.Value(f"PAY_OUT_CAUSE_{cause.upper()}"),
        payee_reference=reference,
        reason=reason,
    )
    return show(
        out,
        err,
        at,
        lambda channel: CreditServiceStub(channel).ProposePayOut(request, timeout=SECONDS),
    )


def run_confirm(
    out: Console, err: Console, at: Connection, order_id: str, *, kind: str, amount_fen: int
) -> int:
    """Confirms an order and prints it; returns as `run_show`."""
    request = pb.ConfirmAccountOrderRequest(
        request_id=new_id(),
        region=at.region,
        order_id=order_id,
        order_kind=credit_pb2.AccountOrderKind.Value(f"ACCOUNT_ORDER_KIND_{kind.upper()}"),
        amount_fen=amount_fen,
    )
    return show(
        out,
        err,
        at,
        lambda channel: CreditServiceStub(channel).ConfirmAccountOrder(request, timeout=SECONDS),
    )


def run_reject(out: Console, err: Console, at: Connection, order_id: str, reason: str) -> int:
    """Rejects an order and prints it; returns as `run_show`."""
    request = pb.RejectAccountOrderRequest(
        request_id=new_id(), region=at.region, order_id=order_id, reason=reason
    )
    return show(
        out,
        err,
        at,
        lambda channel: CreditServiceStub(channel).RejectAccountOrder(request, timeout=SECONDS),
    )


def _credit_line(credit: credit_pb2.Credit) -> str:
    state = credit_pb2.CreditState.Name(credit.state).removeprefix("CREDIT_STATE_")
    return (
        f"{credit.credit_id}  {state}  {credit.credit_source} {credit.insurance_type or '-'} "
        f"{credit.business_key}  {credit.amount_fen / 100:.2f}"
    )


def _order_line(order: credit_pb2.AccountOrder) -> str:
    state = credit_pb2.AccountOrderState.Name(order.state).removeprefix("ACCOUNT_ORDER_STATE_")
    kind = credit_pb2.AccountOrderKind.Name(order.order_kind).removeprefix("ACCOUNT_ORDER_KIND_")
    return (
        f"{order.order_id}  {state}  {kind}  {order.person_id}  "
        f"{order.amount_fen / 100:.2f}  {order.maker}"
    )
