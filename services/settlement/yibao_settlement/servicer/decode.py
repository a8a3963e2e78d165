"""Reads requests into the values that the rules work with."""

import datetime as dt
import operator
from collections.abc import Iterable

from yibao.settlement.v1 import (
    bill_pb2,
    hold_service_pb2,
    refund_service_pb2,
    visit_pb2,
    visit_service_pb2,
)
from yibao.settlement.v1 import settlement_pb2 as settlement
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao_common.rpc.wire import to_date, to_optional_date
from yibao_common.values.calendar import shanghai_midnight
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.application.credential import Viewer
from yibao_settlement.application.settlement.listing import Wish
from yibao_settlement.rules.benefit.bill import Given
from yibao_settlement.rules.bill import (
    NO_DETAILS,
    Approval,
    Bill,
    ChargedLine,
    ExpectedAmounts,
    LineDetails,
    LineOrigin,
    Selection,
)
from yibao_settlement.rules.care_facts import CareFacts, Diagnosis, Operation

_DAY = dt.timedelta(days=1)
# Whether what is listed is reversed; None is either. No other state is stored.
LISTED_STATES = {
    settlement.SETTLEMENT_STATE_UNSPECIFIED: None,
    settlement.SETTLEMENT_STATE_SETTLED: False,
    settlement.SETTLEMENT_STATE_REVERSED: True,
}


def facts_of(
    message: visit_service_pb2.RegisterVisitRequest | visit_service_pb2.UpdateVisitRequest,
) -> CareFacts:
    """Returns what a request tells of a visit."""
    return CareFacts(
        message.department,
        message.bed,
        diagnoses_of(message.diagnoses),
        operations_of(message.operations),
        message.disease_code,
    )


def diagnoses_of(messages: Iterable[visit_pb2.Diagnosis]) -> tuple[Diagnosis, ...]:
    """Returns diagnoses in their order."""
    return tuple(
        Diagnosis(each.diagnosis_code, each.diagnosis_name, each.is_main) for each in messages
    )


def operations_of(messages: Iterable[visit_pb2.Operation]) -> tuple[Operation, ...]:
    """Returns operations in their order."""
    return tuple(
        Operation(each.operation_code, each.operation_name, to_date(each.operation_date))
        for each in messages
    )


def bill_of(message: bill_pb2.Bill) -> Bill:
    """Returns the bill of a request; the gate has checked its form."""
    return Bill(
        message.visit_id,
        message.bill_number,
        to_date(message.service_date),
        billed_lines_of(message.lines),
        message.total_fen,
        message.account_use == bill_pb2.ACCOUNT_USE_OWN,
        selection_of(message),
        message.is_interim,
        tuple([Given(each.fund_type, each.amount_fen) for each in message.payments_by_others]),
    )


def lines_of(messages: Iterable[bill_pb2.BillLine]) -> tuple[ChargedLine, ...]:
    """Returns charged lines; what few lines say is read only of those."""
    # Every walk over the field itself makes each of its messages anew.
    lines = list(messages)
    say_more = any(map(_has_charge_date, lines)) or any(map(_has_origin, lines))
    # As `ChargedLine` makes one, in half the time.
    make = tuple.__new__
    return tuple(
        [
            make(
                ChargedLine,
                (
                    number,
                    item_code,
                    unit_price,
                    quantity,
                    amount_fen,
                    _details_of(line) if say_more or own_id or approval or returned_id else None,
                ),
            )
            for line, (
                number,
                item_code,
                unit_price,
                quantity,
                amount_fen,
                own_id,
                approval,
                returned_id,
            ) in zip(lines, map(_read, lines), strict=True)
        ]
    )


def billed_lines_of(messages: Iterable[bill_pb2.BillLine]) -> tuple[ChargedLine, ...]:
    """Returns the lines of a bill; raises RuleError FIELD_REQUIRED where one has no code at all."""
    lines = lines_of(messages)
    if not all([line.item_code for line in lines]):
        message = "is required, or origin.provider_item_code"
        refuse_faults(
            [
                FieldFault(f"bill.lines[{index}].item_code", Reason.FIELD_REQUIRED, message)
                for index, line in enumerate(lines)
                if not (line.item_code or line.own_code)
            ]
        )
    return lines


_read = operator.attrgetter(
    *("line_number", "item_code", "unit_price", "quantity", "amount_fen"),
    *("line_id", "approval", "returned_line_id"),
)
_has_charge_date = operator.methodcaller("HasField", "charge_date")
_has_origin = operator.methodcaller("HasField", "origin")


def _details_of(line: bill_pb2.BillLine) -> LineDetails | None:
    """Returns what a line says beyond item, price and quantity, None for nothing."""
    details = LineDetails(
        line.line_id,
        to_optional_date(line, "charge_date"),
        Approval(line.approval),
        line.returned_line_id,
        origin_of(line),
    )
    return None if details == NO_DETAILS else details


def origin_of(line: bill_pb2.BillLine) -> LineOrigin | None:
    """Returns where a line comes from, None where it says nothing of it."""
    if not line.HasField("origin"):
        return None
    origin = LineOrigin._make([getattr(line.origin, name) for name in LineOrigin._fields])
    return origin if any(origin) else None


def selection_of(
    message: bill_pb2.Bill | refund_service_pb2.CorrectedBill,
) -> Selection | None:
    """Returns which uploaded lines a bill names, None where it carries its lines.

    Raises RuleError FIELD_REQUIRED where it does neither, FIELD_LENGTH where both.
    """
    if not message.HasField("uploaded"):
        if not message.lines:
            refuse_faults([FieldFault("bill.lines", Reason.FIELD_REQUIRED, "is required")])
        return None
    if message.lines:
        fault = "a bill that names uploaded lines carries none"
        refuse_faults([FieldFault("bill.lines", Reason.FIELD_LENGTH, fault)])
    uploaded = message.uploaded
    return Selection(tuple(uploaded.line_ids), uploaded.charge_batch_id)


def restated_cash_of(
    message: pb.ReverseSettlementRequest
    | refund_service_pb2.RefundSettlementRequest
    | refund_service_pb2.CorrectSettlementRequest,
) -> int | None:
    """Returns what the person was told to pay for later bills, None where nothing was said."""
    if not message.HasField("expected_restated_cash_fen"):
        return None
    return message.expected_restated_cash_fen


def expected_of(
    message: pb.SettleBillRequest | hold_service_pb2.HoldBillRequest,
) -> ExpectedAmounts | None:
    """Returns what the person agreed to, None where the request does not say."""
    if not message.HasField("expected"):
        return None
    expected = message.expected
    return ExpectedAmounts(expected.fund_total_fen, expected.account_fen, expected.cash_fen)


def wish_of(message: pb.ListSettlementsRequest, viewer: Viewer) -> Wish:
    """Returns which settlements a caller asks for: of the own institution or person, if of one.

    Raises RuleError OUT_OF_SCOPE where a holder asks for another person's.
    """
    since = to_optional_date(message, "settle_start_date")
    until = to_optional_date(message, "settle_end_date")
    return Wish(
        institution_id=viewer.institution_id,
        settled_since=None if since is None else shanghai_midnight(since),
        # No settlement is later than the last day that a date can be.
        settled_before=None if until in (None, dt.date.max) else shanghai_midnight(until + _DAY),
        service_date=to_optional_date(message, "service_date"),
        visit_id=message.visit_id or None,
        person_id=viewer.own_person(message.person_id) or None,
        bill_number=message.bill_number or None,
        # Of states in which nothing is stored nothing is looked for.
        is_reversed=LISTED_STATES.get(message.state),
    )
