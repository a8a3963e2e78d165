"""The commands of `yibao month` by which an agency deducts, withholds and pays."""

import enum
from typing import TYPE_CHECKING, Annotated

import typer

from yibao_cli.connection import Connection
from yibao_cli.month_app import DeclarationId, Reason, RequestId, app, run, takes_settlement
from yibao_cli.options import Json, Timeout

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from yibao_cli.month import Show

Fund = Annotated[str, typer.Option(help="The fund, such as 390100.", metavar="TYPE")]
Fen = Annotated[int, typer.Option(help="How much, in fen.", metavar="FEN")]
ReadFen = Annotated[int, typer.Option(help="What was read, in fen.", metavar="FEN")]


class DeductionType(enum.StrEnum):
    """Why something is deducted."""

    AUDIT = "audit"
    INSPECTION = "inspection"
    PREPAYMENT_OFFSET = "prepayment_offset"
    RESERVE = "reserve"
    OTHER = "other"


class MoveKind(enum.StrEnum):
    """What becomes of a deposit."""

    RELEASE = "release"
    FORFEIT = "forfeit"


class Order(enum.StrEnum):
    """What two operators decide on."""

    DEDUCTION = "deduction"
    PAYMENT = "payment"
    RELEASE = "release"
    FORFEIT = "forfeit"


@app.command()
@takes_settlement
def deduct(
    at: Connection,
    declaration: DeclarationId,
    reason: Reason,
    fund: Annotated[str, typer.Option(help="The fund, such as 390100.", metavar="TYPE")] = "",
    fen: Annotated[int, typer.Option(help="How much, in fen.", metavar="FEN")] = 0,
    deduction_type: Annotated[DeductionType | None, typer.Option("--type", help="Why.")] = None,
    settlement: Annotated[
        str, typer.Option(help="The settlement that it concerns.", metavar="ID")
    ] = "",
    back: Annotated[
        str, typer.Option(help="The deduction that is given back instead.", metavar="ID")
    ] = "",
    request_id: RequestId = "",
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """Propose that something is deducted, or given back; another operator confirms it."""

    def make() -> "tuple[Message, Show]":
        from yibao.settlement.v1 import declaration_pb2
        from yibao.settlement.v1 import declaration_service_pb2 as pb
        from yibao_cli.month import show_deduction

        name = deduction_type.name if deduction_type else "UNSPECIFIED"
        request = pb.ProposeDeductionRequest(
            request_id=request_id,
            declaration_id=declaration,
            deduction_type=declaration_pb2.DeductionType.Value(f"DEDUCTION_TYPE_{name}"),
            fund_type=fund,
            amount_fen=fen,
            settlement_id=settlement,
            revoked_id=back,
            reason=reason,
        )
        return request, show_deduction

    run(at, make, timeout)


@app.command()
@takes_settlement
def pay(
    at: Connection,
    declarations: Annotated[
        list[str] | None, typer.Argument(help="Accepted declarations.", metavar="DECLARATION...")
    ] = None,
    release: Annotated[
        list[str] | None,
        typer.Option(help="A released deposit that is paid with them; repeatable.", metavar="ID"),
    ] = None,
    request_id: RequestId = "",
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """Propose to pay an institution; another operator confirms it."""

    def make() -> "tuple[Message, Show]":
        from yibao.settlement.v1 import institution_payment_service_pb2 as pb
        from yibao_cli.month import show_payment

        request = pb.ProposeInstitutionPaymentRequest(
            request_id=request_id, declaration_ids=declarations, release_ids=release
        )
        return request, show_payment

    run(at, make, timeout)


@app.command()
@takes_settlement
def paid(
    at: Connection,
    payment: Annotated[str, typer.Argument(help="The payment.", metavar="PAYMENT")],
    fen: ReadFen,
    reference: Annotated[str, typer.Option(help="The bank's reference.", metavar="TEXT")],
    request_id: RequestId = "",
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """Tell that the bank paid."""

    def make() -> "tuple[Message, Show]":
        from yibao.settlement.v1 import institution_payment_service_pb2 as pb
        from yibao_cli.month import show_payment

        request = pb.ReportInstitutionPaymentRequest(
            request_id=request_id,
            payment_id=payment,
            amount_fen=fen,
            bank_reference=reference,
        )
        return request, show_payment

    run(at, make, timeout)


@app.command()
@takes_settlement
def deposit(
    at: Connection,
    declaration: DeclarationId,
    kind: Annotated[MoveKind, typer.Option(help="What becomes of it.")],
    fund: Fund,
    fen: Fen,
    reason: Reason,
    request_id: RequestId = "",
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """Propose that a deposit is released or forfeited; another operator confirms it."""

    def make() -> "tuple[Message, Show]":
        from yibao.settlement.v1 import institution_payment_pb2
        from yibao.settlement.v1 import institution_payment_service_pb2 as pb
        from yibao_cli.month import show_move

        kinds = institution_payment_pb2.DepositMoveKind
        request = pb.ProposeDepositMoveRequest(
            request_id=request_id,
            declaration_id=declaration,
            move_kind=kinds.Value(f"DEPOSIT_MOVE_KIND_{kind.name}"),
            fund_type=fund,
            amount_fen=fen,
            reason=reason,
        )
        return request, show_move

    run(at, make, timeout)


@app.command()
@takes_settlement
def confirm(
    at: Connection,
    order: Annotated[Order, typer.Argument(help="What it is.")],
    order_id: Annotated[str, typer.Argument(help="Its id.", metavar="ID")],
    fen: ReadFen,
    request_id: RequestId = "",
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """Confirm a deduction, a payment or what becomes of a deposit, as another operator."""

    def make() -> "tuple[Message, Show]":
        from yibao.settlement.v1 import declaration_service_pb2 as pb
        from yibao.settlement.v1 import institution_payment_pb2
        from yibao.settlement.v1 import institution_payment_service_pb2 as payment_pb
        from yibao_cli.month import show_deduction, show_move, show_payment

        if order is Order.DEDUCTION:
            return (
                pb.ConfirmDeductionRequest(
                    request_id=request_id, deduction_id=order_id, amount_fen=fen
                ),
                show_deduction,
            )
        if order is Order.PAYMENT:
            return (
                payment_pb.ConfirmInstitutionPaymentRequest(
                    request_id=request_id, payment_id=order_id, amount_fen=fen
                ),
                show_payment,
            )
        kinds = institution_payment_pb2.DepositMoveKind
        return (
            payment_pb.ConfirmDepositMoveRequest(
                request_id=request_id,
                move_id=order_id,
                move_kind=kinds.Value(f"DEPOSIT_MOVE_KIND_{order.name}"),
                amount_fen=fen,
            ),
            show_move,
        )

    run(at, make, timeout)


@app.command()
@takes_settlement
def drop(
    at: Connection,
    order: Annotated[Order, typer.Argument(help="What it is.")],
    order_id: Annotated[str, typer.Argument(help="Its id.", metavar="ID")],
    request_id: RequestId = "",
    timeout: Timeout = 30.0,
    as_json: Json = False,
) -> None:
    """Withdraw what was proposed and not confirmed: nothing comes of it."""

    def make() -> "tuple[Message, Show]":
        from yibao.settlement.v1 import declaration_service_pb2 as pb
        from yibao.settlement.v1 import institution_payment_service_pb2 as payment_pb
        from yibao_cli.month import show_deduction, show_move, show_payment

        if order is Order.DEDUCTION:
            return (
                pb.WithdrawDeductionRequest(request_id=request_id, deduction_id=order_id),
                show_deduction,
            )
        if order is Order.PAYMENT:
            return (
                payment_pb.WithdrawInstitutionPaymentRequest(
                    request_id=request_id, payment_id=order_id
                ),
                show_payment,
            )
        return (
            payment_pb.WithdrawDepositMoveRequest(request_id=request_id, move_id=order_id),
            show_move,
        )

    run(at, make, timeout)


# The whole group, once these commands are in it.
month_app = app
