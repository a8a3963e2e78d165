"""A wrong bill is corrected, a later one at another hospital costs less, a line is returned.

What lies between the funds and the person is paid out by the agency; no hospital but the one
that was wrong has anything to do with it.
"""

import contextlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from yibao.settlement.v1 import (
    bill_pb2,
    difference_pb2,
    settlement_pb2,
    statement_pb2,
)
from yibao.settlement.v1 import difference_service_pb2 as difference_rpc
from yibao.settlement.v1 import refund_service_pb2 as refund_rpc
from yibao.settlement.v1 import settlement_service_pb2 as settlement_rpc
from yibao.settlement.v1.difference_service_pb2_grpc import DifferenceServiceStub
from yibao.settlement.v1.refund_service_pb2_grpc import RefundServiceStub
from yibao.settlement.v1.settlement_service_pb2_grpc import SettlementServiceStub
from yibao_cli.demo.identity_steps import IdentitySteps
from yibao_cli.demo.inpatient import Inpatient
from yibao_cli.demo.steps import CALL_SECONDS, Step, StepFailedError, StepLog
from yibao_cli.loading import new_request_id
from yibao_cli.parties import institution_leaf, parties_of
from yibao_cli.regions import Region
from yibao_cli.stack import Stack
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.money import line_amount_fen, yuan

_IN_SCOPE, _OWN_COST = "01", "03"
# Unit price in yuan and quantity of each line.
_STENT, _STAY = (("17600", "1"),), (("60", "15"), ("17600", "1"), ("500", "3"))
_RETURNED = 3


@dataclass(frozen=True, slots=True)
class LaterBills:
    """What came of the story: its steps, and what the insured reads of the later bill."""

    steps: tuple[Step, ...]
    sentences: tuple[statement_pb2.StatementSentence, ...]


def walk_later_bills(
    stack: Stack,
    region: Region,
    *,
    clock: Clock,
    choose: random.Random,
    on_step: Callable[[str], None],
) -> LaterBills:
    """Walks two stays of a person of a region that is loaded; a failed step is the last."""
    log = StepLog(on_step)
    sentences: tuple[statement_pb2.StatementSentence, ...] = ()
    with contextlib.suppress(StepFailedError):
        today = shanghai_day(clock())
        identity = IdentitySteps(stack, region, log, today=today, choose=choose)
        person_id = identity.register_person()
        certificate_id, _ = identity.activate(person_id)
        first, second = (
            Inpatient(
                stack,
                region,
                log,
                institution_id=each.institution_id,
                certificate_id=certificate_id,
                identity=identity,
                clock=clock,
                choose=choose,
            )
            for each in region.institutions[:2]
        )
        wrong = first.settle(bill_lines(region, _STENT, _OWN_COST))
        later = second.settle(bill_lines(region, _STAY, _IN_SCOPE))
        agency = _Agency(stack, region, log, person_id)
        _correct(stack, region, log, wrong, bill_lines(region, _STENT, _IN_SCOPE))
        agency.settle_difference()
        _return_a_line(stack, region, log, later)
        sentences = _read_statement(stack, region, log, later)
    return LaterBills(tuple(log.steps), sentences)


def bill_lines(
    region: Region, lines: Sequence[tuple[str, str]], catalogue_class: str
) -> list[bill_pb2.BillLine]:
    """Returns lines of a bill by price and quantity, of items of a class without a ceiling."""
    codes = [
        item.item_code
        for item in region.items
        if item.catalogue_class == catalogue_class and not item.price_ceiling
    ]
    return [
        bill_pb2.BillLine(
            line_number=number,
            item_code=code,
            unit_price=unit_price,
            quantity=quantity,
            amount_fen=line_amount_fen(unit_price, quantity),
        )
        for number, (code, (unit_price, quantity)) in enumerate(
            zip(codes, lines, strict=False), start=1
        )
    ]


def _refunds(stack: Stack, region: Region, settled: settlement_pb2.Settlement) -> RefundServiceStub:
    """Returns the service as the hospital that settled a bill calls it."""
    leaf = institution_leaf(region, settled.institution_id)
    return RefundServiceStub(stack.channel("settlement", leaf))


def _correct(
    stack: Stack,
    region: Region,
    log: StepLog,
    wrong: settlement_pb2.Settlement,
    lines: Sequence[bill_pb2.BillLine],
) -> None:
    """Corrects a bill whose item was a wrong one, for what its trial said."""
    refunds = _refunds(stack, region, wrong)
    bill = refund_rpc.CorrectedBill(
        lines=lines, total_fen=wrong.total_fen, account_use=bill_pb2.ACCOUNT_USE_NONE
    )
    with log.step("Try to correct the first", "settlement") as note:
        asked = refund_rpc.TrialCorrectionRequest(
            region=region.region, settlement_id=wrong.settlement_id, bill=bill
        )
        tried = refunds.TrialCorrection(asked, timeout=CALL_SECONDS).corrected
        note(f"cash {yuan(wrong.cash_fen)} -> {yuan(tried.settlement.cash_fen)}")
    with log.step("Correct it", "settlement") as note:
        request = refund_rpc.CorrectSettlementRequest(
            request_id=new_request_id(),
            region=region.region,
            settlement_id=wrong.settlement_id,
            bill=bill,
            reason="entered under an item of another class",
            expected=tried.amounts,
        )
        done = refunds.CorrectSettlement(request, timeout=CALL_SECONDS)
        if done.adjusted_count != 1:
            raise StepFailedError(f"{done.adjusted_count} later bills moved, not 1")
        note(f"later bill: funds {yuan(done.adjusted_fund_change_fen)} more")


def _return_a_line(
    stack: Stack, region: Region, log: StepLog, later: settlement_pb2.Settlement
) -> None:
    """Returns one line of the later bill, for what its trial said."""
    refunds = _refunds(stack, region, later)
    lines = [refund_rpc.LineReturn(line_number=_RETURNED)]
    with log.step("Try to return a line", "settlement") as note:
        asked = refund_rpc.TrialRefundRequest(
            region=region.region, settlement_id=later.settlement_id, lines=lines
        )
        tried = refunds.TrialRefund(asked, timeout=CALL_SECONDS).refunded.refund
        back = tried.amounts
        note(f"back: funds {yuan(back.fund_total_fen)}, cash {yuan(back.cash_fen)}")
    with log.step("Return it", "settlement") as note:
        request = refund_rpc.RefundSettlementRequest(
            request_id=new_request_id(),
            region=region.region,
            settlement_id=later.settlement_id,
            lines=lines,
            reason="was not taken",
            expected=back,
        )
        done = refunds.RefundSettlement(request, timeout=CALL_SECONDS)
        returned_fen = sum(line.amount_fen for line in done.refund.lines)
        if later.total_fen - done.settlement.total_fen != returned_fen:
            raise StepFailedError("what is left is not the rest")
        note(f"{yuan(done.settlement.total_fen)} are left of {yuan(later.total_fen)}")


def _read_statement(
    stack: Stack, region: Region, log: StepLog, later: settlement_pb2.Settlement
) -> tuple[statement_pb2.StatementSentence, ...]:
    """Reads what the insured is told of the later bill by now."""
    leaf = institution_leaf(region, later.institution_id)
    settlements = SettlementServiceStub(stack.channel("settlement", leaf))
    request = settlement_rpc.GetStatementRequest(
        region=region.region,
        settlement_id=later.settlement_id,
        form=statement_pb2.STATEMENT_FORM_STRUCTURED,
    )
    with log.step("Read its statement", "settlement") as note:
        read = settlements.GetStatement(request, timeout=CALL_SECONDS).statement
        note(f"{len(read.sentences)} sentences, two languages")
    return tuple(read.sentences)


class _Agency:
    """Two operators of the agency, who settle what lies between the funds and the person."""

    def __init__(self, stack: Stack, region: Region, log: StepLog, person_id: str) -> None:
        parties = parties_of(region)
        self._maker = DifferenceServiceStub(stack.channel("settlement", parties.maker))
        self._checker = DifferenceServiceStub(stack.channel("settlement", parties.checker))
        self._region = region.region
        self._log = log
        self._person_id = person_id

    def settle_difference(self) -> None:
        """Pays out what is owed to the person."""
        owed_fen = self._difference("Read what is owed")
        with self._log.step("Propose to pay it out", "settlement") as note:
            order = self._maker.ProposeDifferenceOrder(
                difference_rpc.ProposeDifferenceOrderRequest(
                    request_id=new_request_id(),
                    region=self._region,
                    person_id=self._person_id,
                    order_kind=difference_pb2.DIFFERENCE_ORDER_KIND_PAY_OUT,
                    amount_fen=owed_fen,
                    reason="an earlier bill was corrected",
                ),
                timeout=CALL_SECONDS,
            ).order
            note(f"{yuan(order.amount_fen)}, the first operator")
        with self._log.step("Confirm it", "settlement") as note:
            self._checker.ConfirmDifferenceOrder(
                difference_rpc.ConfirmDifferenceOrderRequest(
                    request_id=new_request_id(),
                    region=self._region,
                    order_id=order.order_id,
                    order_kind=order.order_kind,
                    amount_fen=order.amount_fen,
                ),
                timeout=CALL_SECONDS,
            )
            note("the second operator, posted")
        left_fen = self._difference("Read what is owed now")
        if left_fen:
            raise StepFailedError(f"{yuan(left_fen)} are owed still")

    def _difference(self, title: str) -> int:
        request = difference_rpc.GetDifferenceRequest(
            region=self._region, person_id=self._person_id
        )
        with self._log.step(title, "settlement") as note:
            found = self._maker.GetDifference(request, timeout=CALL_SECONDS)
            note(f"{yuan(found.difference_fen)}, bills moved: {found.row_count}")
        return found.difference_fen
