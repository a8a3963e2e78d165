"""Acts of a day: what is asked of them, and how they are told."""

import datetime as dt

from yibao.settlement.v1 import clearing_service_pb2 as pb
from yibao.settlement.v1 import day_pb2 as messages
from yibao.settlement.v1 import treatment_service_pb2 as treatment
from yibao_common.rpc.wire import from_instant, to_date, to_instant
from yibao_common.values.caller import Caller, Role
from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.application.day.compared import ComparedPart, DayPart, ToldDifference
from yibao_settlement.application.day.find import ClearingSum, DayTotals
from yibao_settlement.rules.day.act import DayAct, DayActKind, DayAmounts, DayLine
from yibao_settlement.rules.day.compare import DaySide


def snapshot_of(
    request: pb.GetDayTotalsRequest | pb.CompareDayRequest | treatment.ListInsurerTotalsRequest,
) -> dt.datetime | None:
    """Returns the instant before which acts are asked for, None for the newest there is."""
    return to_instant(request.snapshot_time) if request.HasField("snapshot_time") else None


def institution_of(
    request: (
        pb.GetDayTotalsRequest
        | treatment.ListInsurerTotalsRequest
        | treatment.ListInsurerDeclarationsRequest
    ),
    caller: Caller,
) -> str:
    """Returns whose acts are asked for: the caller's own where it says nothing.

    Raises RuleError FIELD_REQUIRED where an agency says nothing, OUT_OF_SCOPE.
    """
    institution_id = request.institution_id or caller.institution_id or ""
    if not institution_id:
        message = "an agency names the institution"
        refuse_faults([FieldFault("institution_id", Reason.FIELD_REQUIRED, message)])
    caller.require_institution(institution_id)
    return institution_id


def part_of(request: pb.CompareDayRequest) -> DayPart:
    """Returns the lines of a request with their range.

    Raises RuleError FIELD_OUT_OF_RANGE, which names every line that is out of order or outside of
    the range, FIELD_MALFORMED where the range ends before it begins.
    """
    after, until = request.after_request_id, request.until_request_id
    if after and until and until <= after:
        message = "the range ends before it begins"
        refuse_faults([FieldFault("until_request_id", Reason.FIELD_MALFORMED, message)])
    faults, before = [], ""
    for place, line in enumerate(request.acts):
        asked = line.request_id
        problem = ""
        if asked < before:
            problem = "comes behind a greater one: lines are in the order of request ids"
        elif after and asked <= after:
            problem = "is not behind after_request_id"
        elif until and asked > until:
            problem = "is behind until_request_id"
        if problem:
            field = f"acts[{place}].request_id"
            faults.append(FieldFault(field, Reason.FIELD_OUT_OF_RANGE, problem))
        before = max(before, asked)
    refuse_faults(faults)
    return DayPart(
        to_date(request.act_date), after, until, [_line_of(each) for each in request.acts]
    )


def totals_response(totals: DayTotals) -> pb.GetDayTotalsResponse:
    """Returns the answer of GetDayTotals."""
    return pb.GetDayTotalsResponse(
        snapshot_time=from_instant(totals.snapshot_time),
        sums=map(_sum_message, totals.sums),
        total=_sum_message(totals.total),
    )


def compared_response(part: ComparedPart, caller: Caller) -> pb.CompareDayResponse:
    """Returns the answer of CompareDay to an institution."""
    return pb.CompareDayResponse(
        snapshot_time=from_instant(part.snapshot_time),
        differences=[_difference_message(each, caller) for each in part.differences],
        compared_until_request_id=part.until_request_id,
        insurer=_side_message(part.insurer),
        institution=_side_message(part.institution),
    )


def _line_of(line: messages.DayLine) -> DayLine:
    return DayLine(
        line.request_id,
        DayActKind(line.act_kind),
        line.settlement_id,
        line.bill_number,
        DayAmounts(line.total_fen, line.fund_total_fen, line.account_fen, line.cash_fen),
    )


def _sum_message(each: ClearingSum) -> messages.DaySum:
    settled, reversed_, refunded, corrected = each.counts
    return messages.DaySum(
        insurance_type=each.insurance_type,
        clearing_type=each.clearing_type,
        act_count=sum(each.counts),
        settled_count=settled,
        reversed_count=reversed_,
        refunded_count=refunded,
        corrected_count=corrected,
        **each.amounts._asdict(),
        other_total_fen=each.amounts.other_total_fen,
        family_fen=each.family_fen,
        funds=[
            messages.DayFundSum(fund_type=fund_type, amount_fen=amount_fen)
            for fund_type, amount_fen in sorted(each.funds.items())
        ],
    )


def _side_message(side: DaySide) -> messages.DaySide:
    return messages.DaySide(act_count=side.act_count, **side.amounts._asdict())


def _difference_message(each: ToldDifference, caller: Caller) -> messages.DayDifference:
    difference = each.difference
    message = messages.DayDifference(
        kind=messages.DayDifferenceKind.ValueType(difference.kind),
        request_id=difference.request_id,
        outcome_method=each.outcome_method,
    )
    if difference.line is not None:
        message.institution.CopyFrom(_line_message(difference.line))
    if difference.act is not None:
        message.insurer.CopyFrom(_act_message(difference.act, caller))
    if each.outcome is not None:
        message.outcome = messages.DayOutcome.ValueType(each.outcome)
    if each.outcome_time is not None:
        message.outcome_time.CopyFrom(from_instant(each.outcome_time))
    return message


def _line_message(line: DayLine) -> messages.DayLine:
    return messages.DayLine(
        request_id=line.request_id,
        act_kind=messages.DayActKind.ValueType(line.kind),
        settlement_id=line.settlement_id,
        bill_number=line.bill_number,
        **line.amounts._asdict(),
    )


def _act_message(act: DayAct, caller: Caller) -> messages.DayAct:
    return messages.DayAct(
        request_id=act.request_id,
        act_kind=messages.DayActKind.ValueType(act.kind),
        settlement_id=act.settlement_id,
        bill_number=act.bill_number,
        **act.amounts._asdict(),
        act_time=from_instant(act.act_time),
        acted_by=_who(act.acted_by, caller),
    )


def _who(path: str, caller: Caller) -> str:
    """Returns who did an act: of an agency not which operator, as an institution is told."""
    role, _, party = path.partition("/")
    if role == Role.AGENCY.value and caller.role is not Role.AGENCY:
        return f"{role}/{party.partition('/')[0]}"
    return path
