"""`yibao month`: what its commands ask, and how they show it."""

from collections.abc import Callable, Sequence
from typing import Any

import grpc
from google.protobuf.message import Message
from rich.console import Console

from yibao.errors import Refusal, error_of
from yibao.settlement.v1 import declaration_pb2 as messages
from yibao.settlement.v1 import declaration_service_pb2 as pb
from yibao.settlement.v1 import institution_payment_pb2 as payment_messages
from yibao.settlement.v1.declaration_service_pb2_grpc import DeclarationServiceStub
from yibao.settlement.v1.institution_payment_service_pb2_grpc import InstitutionPaymentServiceStub
from yibao_cli.call import REFUSED, fill_region, fill_request_id, show_refusal, to_values
from yibao_cli.connection import Connection
from yibao_cli.month_csv import AMOUNTS
from yibao_cli.output import is_json, print_document
from yibao_common.values.money import yuan
from yibao_common.values.reasons import Reason

_PAGE = 500
Show = Callable[[Console, Any], None]


def run_change(
    out: Console,
    err: Console,
    at: Connection,
    request: Message,
    show: Show,
    *,
    seconds: float,
    keep: Callable[[Any], None] = lambda answer: None,
) -> int:
    """Sends a request, whose name tells the method, and shows its answer; returns 0 or 1.

    `keep` is given the answer before it is shown, as text or as a document.

    Raises:
        StartError: a certificate or the address cannot be used.
        OSError: the answer cannot be kept.
    """
    made = fill_request_id(request)
    fill_region(request, at.region)
    if made and not is_json():
        err.print(f"request_id {made}", style="dim", markup=False)
    with at.open() as channel:
        try:
            answer = _method(channel, request)(request, timeout=seconds)
        except grpc.RpcError as error:
            show_refusal(err, error_of(error), request_id=made)
            return REFUSED
    keep(answer)
    if is_json():
        print_document(out, to_values(answer))
    else:
        show(out, answer)
    return 0


def run_declare(
    out: Console,
    err: Console,
    at: Connection,
    month: str,
    sums: Sequence[messages.MonthSum],
    *,
    seconds: float,
) -> int:
    """Declares a month with each of some sums; returns 1 where one was refused.

    Those before it are declared then. What is declared with the same sums already is no refusal,
    so that a file may be sent again.
    """
    declared: list[messages.Declaration] = []
    code = 0
    with at.open() as channel:
        stub = DeclarationServiceStub(channel)
        for each in sums:
            request = pb.DeclareMonthRequest(region=at.region, month=month, sum=each)
            made = fill_request_id(request)
            try:
                answer = stub.DeclareMonth(request, timeout=seconds)
                declared.append(answer.declaration)
            except grpc.RpcError as error:
                refusal = error_of(error)
                known = _declared_so(stub, request, refusal, seconds)
                if known is None:
                    show_refusal(err, refusal, request_id=made)
                    code = REFUSED
                    break
                declared.append(known)
    if is_json():
        if not code:
            print_document(out, {"declarations": [to_values(each) for each in declared]})
    else:
        show_declarations(out, declared)
    return code


def run_list(
    out: Console, err: Console, at: Connection, request: pb.ListDeclarationsRequest, seconds: float
) -> int:
    """Shows all declarations that are asked for, page by page; returns 1 where it is refused."""
    request.page_size = _PAGE
    fill_region(request, at.region)
    found: list[messages.Declaration] = []
    with at.open() as channel:
        try:
            while True:
                page = DeclarationServiceStub(channel).ListDeclarations(request, timeout=seconds)
                found.extend(page.declarations)
                request.page_token = page.next_page_token
                if not page.next_page_token:
                    break
        except grpc.RpcError as error:
            show_refusal(err, error_of(error))
            return REFUSED
    if is_json():
        print_document(out, {"declarations": [to_values(each) for each in found]})
    else:
        show_declarations(out, found)
    return 0


def show_totals(out: Console, answer: pb.GetMonthTotalsResponse) -> None:
    """Shows what acts come to, a line for two types."""
    _line(out, "types", "acts", "total", "funds", "account", "cash")
    for each in answer.sums:
        _sum_line(out, each)
    _print(out, "" if answer.is_over else "The month goes on.")


def show_declarations(out: Console, found: Sequence[messages.Declaration]) -> None:
    """Shows declarations, a line each."""
    for each in found:
        state = messages.DeclarationState.Name(each.state).removeprefix("DECLARATION_STATE_")
        _print(out, f"{each.declaration_id}  {each.institution_id}  {each.month}  {state}")
        _sum_line(out, each.sum)


def show_declaration(out: Console, answer: Any) -> None:
    """Shows a declaration with what each payer owes."""
    declaration: messages.Declaration = answer.declaration
    show_declarations(out, [declaration])
    _line(out, "payer", "declared", "deducted", "offset", "deposit", "payable")
    for each in declaration.shares:
        amounts = (each.declared_fen, each.deducted_fen, each.offset_fen, each.deposit_fen)
        _line(out, each.account_id, *map(yuan, (*amounts, each.payable_fen)))
    _print(out, f"payable {yuan(declaration.payable_fen)}")


def show_deduction(out: Console, answer: Any) -> None:
    """Shows a deduction."""
    each: messages.Deduction = answer.deduction
    state = messages.OrderState.Name(each.state).removeprefix("ORDER_STATE_")
    _print(out, f"{each.deduction_id}  {each.fund_type}  {yuan(each.amount_fen)}  {state}")


def show_payment(out: Console, answer: Any) -> None:
    """Shows a payment."""
    each: payment_messages.InstitutionPayment = answer.payment
    prefix = "INSTITUTION_PAYMENT_STATE_"
    state = payment_messages.InstitutionPaymentState.Name(each.state).removeprefix(prefix)
    amounts = f"pays {yuan(each.amount_fen)}, withholds {yuan(each.deposit_fen)}"
    _print(out, f"{each.payment_id}  {each.institution_id}  {amounts}  {state}")


def show_move(out: Console, answer: Any) -> None:
    """Shows what becomes of a deposit."""
    each: payment_messages.DepositMove = answer.move
    kind = payment_messages.DepositMoveKind.Name(each.move_kind).removeprefix("DEPOSIT_MOVE_KIND_")
    state = messages.OrderState.Name(each.state).removeprefix("ORDER_STATE_")
    _print(out, f"{each.move_id}  {kind}  {each.fund_type}  {yuan(each.amount_fen)}  {state}")


def _declared_so(
    stub: DeclarationServiceStub,
    request: pb.DeclareMonthRequest,
    refusal: Refusal,
    seconds: float,
) -> messages.Declaration | None:
    """Returns the declaration that a refused one is the same as, or None."""
    if refusal.reason != Reason.DECLARATION_EXISTS.wire_name:
        return None
    get = pb.GetDeclarationRequest(
        region=request.region, declaration_id=refusal.metadata["declaration_id"]
    )
    try:
        known = stub.GetDeclaration(get, timeout=seconds).declaration
    except grpc.RpcError:
        return None
    funds = [each for each in request.sum.funds if each.amount_fen]
    is_same = sorted(map(str, known.sum.funds)) == sorted(map(str, funds)) and all(
        getattr(known.sum, name) == getattr(request.sum, name) for name in (*AMOUNTS, "act_count")
    )
    return known if is_same else None


def _method(channel: grpc.Channel, request: Message) -> Callable[..., Message]:
    name = request.DESCRIPTOR.name.removesuffix("Request")
    stub: object = DeclarationServiceStub(channel)
    if not hasattr(stub, name):
        stub = InstitutionPaymentServiceStub(channel)
    method: Callable[..., Message] = getattr(stub, name)
    return method


def _sum_line(out: Console, each: messages.MonthSum) -> None:
    amounts = (each.total_fen, each.fund_total_fen, each.account_fen, each.cash_fen)
    types = f"{each.insurance_type}/{each.clearing_type}"
    _line(out, types, str(each.act_count), *map(yuan, amounts))


def _line(out: Console, first: str, *rest: str) -> None:
    _print(out, f"{first:<16}" + "".join(f"{each:>16}" for each in rest))


def _print(out: Console, text: str) -> None:
    if text:
        out.print(text, markup=False, soft_wrap=True, highlight=False)
