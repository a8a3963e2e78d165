"""Bills that the service takes back as the model does, also before later ones by two operators."""

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from support import overrides
from support.corrections import correct
from support.history_model.bills import Bill
from support.history_model.columns import Column
from support.history_model.operations import (
    ConfirmOverride,
    Correct,
    ProposeOverride,
    Refund,
    Reverse,
    TakeBack,
)
from support.history_model.region import OwnDebts
from support.settlement_world import REGION

from yibao.settlement.v1 import bill_pb2
from yibao.settlement.v1 import refund_service_pb2 as pb
from yibao.settlement.v1.settlement_service_pb2 import ReverseSettlementResponse
from yibao_common.rpc.wire import from_date
from yibao_settlement.application.settlement.refunded import GivenBack
from yibao_settlement.rules import restating
from yibao_settlement.rules.benefit.bill import Given
from yibao_settlement.rules.refund import AskedReturn, RefundOrder
from yibao_settlement.servicer.override import Acts

if TYPE_CHECKING:
    from support.played_histories import Played

Answered = ReverseSettlementResponse | pb.RefundSettlementResponse | pb.CorrectSettlementResponse


class Told(NamedTuple):
    """What an answer tells beside how many later bills moved, in fen.

    `override` are the later bills that move and are held, what that takes of the funds, and
    what goes back of the bill: to funds, to others, to the account and in cash.
    """

    restated_cash_fen: int = 0
    override: tuple[int, ...] | None = None


NOTHING_TOLD = Told()


class Taking:
    """Takes back bills of what is played."""

    def __init__(self, played: "Played") -> None:
        """Takes it with the region's flags."""
        self._played = played
        self._world = played.world
        cash_first = (REGION,) if played.refund_order is RefundOrder.CASH_FIRST else ()
        self._acts = Acts(cash_first_in=cash_first)

    def run(self, operation: TakeBack | ProposeOverride | ConfirmOverride) -> int:
        """Does what the model does; returns how many later bills are told as moved."""
        match operation:
            case ProposeOverride():
                return self._propose(operation)
            case ConfirmOverride():
                return self._confirm(operation)
            case Reverse():
                command = self._world.reverse_command(
                    self._id(operation), **self._by(operation), **self._flags(operation)
                )
                answer = ReverseSettlementResponse.FromString(self._world.run(command))
                return self._answered(operation.op_id, answer)
            case Refund():
                refunded = self._world.refund(
                    self._id(operation),
                    *(
                        AskedReturn(number + 1, quantity=_quantity(quantity))
                        for number, quantity in operation.returned.items()
                    ),
                    expected=expected_of(operation.expected),
                    order=self._played.refund_order,
                    **self._by(operation),
                    **self._flags(operation),
                )
                return self._answered(operation.op_id, refunded)
            case Correct():
                return self._correct(operation)
            case _:
                raise AssertionError(f"{operation} is not built")

    def _id(self, operation: TakeBack | ProposeOverride) -> str:
        return self._played.settled[operation.settlement_id]

    def _by(self, operation: TakeBack) -> Mapping[str, Any]:
        """Returns the institution that takes back its own bill; none where the agency does."""
        own = self._played.institution_of[operation.settlement_id]
        return {"institution_id": None if operation.by_agency else own}

    def _flags(self, operation: TakeBack) -> Mapping[str, Any]:
        return {
            "newest_first": self._played.newest_first,
            "own_debts": self._played.own_debts,
            "restated_cash_fen": operation.restated_cash_fen,
        }

    def _correct(self, operation: Correct) -> int:
        played = self._played
        answer = correct(
            self._world,
            self._id(operation),
            played.charged(operation.bill),
            bill={"account_used": operation.bill.account_used, "given": given_of(operation.bill)},
            code=self._world.code(played.person) if operation.with_code else None,
            **self._by(operation),
            **self._flags(operation),
        )
        played.settled_in_place(
            operation.op_id, answer.settlement.settlement_id, of=operation.settlement_id
        )
        return self._answered(operation.op_id, answer)

    def _answered(self, op_id: str, answer: Answered) -> int:
        """Keeps what was restated, by the names that the model gives it."""
        played = self._played
        names = {settlement_id: name for name, settlement_id in played.settled.items()}
        for each in answer.restated_bills:
            old = names[each.corrected_settlement_id]
            played.settled_in_place(f"{old} by {op_id}", each.settlement_id, of=old)
        played.told = Told(answer.restated_cash_fen)
        return answer.adjusted_count

    def _propose(self, operation: ProposeOverride) -> int:
        told = overrides.propose(
            self._world,
            self._asked(operation),
            newest_first=self._played.newest_first,
            caller=_operator(operation.maker),
            acts=self._acts,
        )
        self._played.overrides[operation.op_id] = told
        self._played.told = Told(override=_sums(told))
        return told.adjusted_count

    def _asked(self, operation: ProposeOverride) -> pb.Override:
        act, settlement_id = operation.act, self._id(operation)
        match act:
            case Reverse():
                return overrides.reversal(settlement_id)
            case Refund():
                lines = [
                    pb.LineReturn(line_number=number + 1, quantity=_quantity(quantity))
                    for number, quantity in act.returned.items()
                ]
                return overrides.refund(settlement_id, *lines)
            case _:
                return overrides.correction(settlement_id, self._in_place(act.bill))

    def _in_place(self, bill: Bill) -> pb.CorrectedBill:
        lines = [
            bill_pb2.BillLine(
                line_number=line.line_number,
                item_code=line.item_code,
                unit_price=line.unit_price,
                quantity=line.quantity,
                amount_fen=line.amount_fen,
                charge_date=from_date(line.details.charge_date)
                if line.details is not None and line.details.charge_date is not None
                else None,
            )
            for line in self._played.charged(bill)
        ]
        used = bill_pb2.ACCOUNT_USE_OWN if bill.account_used else bill_pb2.ACCOUNT_USE_NONE
        others = [
            bill_pb2.PaymentByOther(fund_type=each.fund_type, amount_fen=each.amount_fen)
            for each in given_of(bill)
        ]
        total_fen = sum(line.amount_fen for line in lines)
        return pb.CorrectedBill(
            lines=lines, total_fen=total_fen, account_use=used, payments_by_others=others
        )

    def _confirm(self, operation: ConfirmOverride) -> int:
        played = self._played
        told = played.overrides[operation.override_id]
        caller = _operator(operation.checker)
        done = overrides.confirm(self._world, told, caller=caller, acts=self._acts)
        kind = done.WhichOneof("done")
        assert kind is not None
        answer: Answered = getattr(done, kind)
        if isinstance(answer, pb.CorrectSettlementResponse):
            names = {settlement_id: name for name, settlement_id in played.settled.items()}
            old = names[told.settlement_id]
            played.settled_in_place(operation.op_id, answer.settlement.settlement_id, of=old)
        played.told = Told(override=_sums(told))
        return answer.adjusted_count


def expected_of(column: Column | None) -> GivenBack | None:
    """Returns what a counter gives back, as a request tells it."""
    if column is None:
        return None
    funds = sum(fen for payer, fen in column.paid.items() if payer.account_id.startswith("fund:"))
    others = sum(column.paid.values()) - funds
    return GivenBack(funds, others, column.purses.fen, column.cash_fen)


def given_of(bill: Bill) -> tuple[Given, ...]:
    """Returns what others have paid of a bill already."""
    return tuple(Given(each["fund_type"], each["fen"]) for each in bill.words.get("given", ()))


def of_service(own_debts: OwnDebts) -> restating.OwnDebts:
    """Returns what a region says of own debts as the service has it."""
    return restating.OwnDebts(own_debts.value)


def _operator(name: str) -> str:
    return f"agency/{REGION}/{name}"


def _quantity(quantity: int) -> str:
    return f"{Decimal(quantity) / 10_000:f}"


def _sums(told: pb.Override) -> tuple[int, ...]:
    back = told.amounts
    return (
        told.adjusted_count,
        told.held_count,
        told.adjusted_fund_change_fen,
        *(back.fund_total_fen, back.other_total_fen, back.account_fen, back.cash_fen),
    )
