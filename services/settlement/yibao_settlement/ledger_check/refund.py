"""What the ledger checker examines of refunds: that each tells what became of the bill."""

from collections.abc import Iterator, Mapping, Sequence

from yibao_common.values.money import decimal_text, parse_decimal
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.settlement.refunded import GivenBack
from yibao_settlement.rules.bill import NOTHING_PARTICULAR, LineParticulars
from yibao_settlement.rules.policy.split import SplitLine
from yibao_settlement.rules.refund import ReturnedLine

_PLACES = 4


def refund_faults(
    settled: SettlementRecord, each_left: Sequence[SettlementRecord]
) -> Iterator[str]:
    """Yields where refunds tell something else than lies between the bill before and after.

    `each_left` is what each refund left of `settled`, the first one first.
    """
    before = settled
    for left in each_left:
        refund = left.refunds[-1]
        name = f"refund {refund.number}"
        back = _given_back(before, left)
        if refund.given_back != back:
            yield f"{name} tells {refund.given_back}, what is left is less by {back}"
        if _terms(left) != _terms(before):
            yield f"{name} leaves a bill of other terms"
        told = {each.line_number: each for each in refund.returned}
        if len(told) != len(refund.returned) or len(left.lines) != len(before.lines):
            yield f"{name} tells lines twice, or leaves more or fewer"
            return
        for was, now, was_told, now_told in zip(
            before.lines, left.lines, _own(before), _own(left), strict=True
        ):
            returned = told.pop(was.line_number, None)
            for fault in _line_faults(was, now, was_told, now_told, returned):
                yield f"{name}, line {was.line_number}: {fault}"
        if told:
            yield f"{name} tells of lines {sorted(told)}, which there are not"
        before = left


def _given_back(before: SettlementRecord, left: SettlementRecord) -> GivenBack:
    was, now = before.counter, left.counter
    return GivenBack(
        was.fund_total_fen - now.fund_total_fen,
        sum(each.amount_fen for each in was.other_payments)
        - sum(each.amount_fen for each in now.other_payments),
        was.account_fen - now.account_fen,
        was.cash_fen - now.cash_fen,
    )


def _terms(record: SettlementRecord) -> tuple[object, ...]:
    """Returns what a bill is decided on beside its lines, which nothing returned changes."""
    benefit = record.benefit
    if benefit is not None:
        benefit = benefit._replace(other_payments=(), arrears=())
    return record.facts, record.account_used, benefit


def _own(record: SettlementRecord) -> Sequence[LineParticulars | None]:
    return record.particulars or (None,) * len(record.lines)


def _line_faults(
    was: SplitLine,
    now: SplitLine,
    was_told: LineParticulars | None,
    now_told: LineParticulars | None,
    returned: ReturnedLine | None,
) -> Iterator[str]:
    if _item(now) != _item(was):
        yield f"was {_item(was)}, is {_item(now)}"
    if returned is None:
        if _charged(now) != _charged(was) or now_told != was_told:
            yield "nothing is told of as returned, and it is not what it was"
        return
    lost_fen = was.amount_fen - now.amount_fen
    if returned.amount_fen != lost_fen:
        yield f"{returned.amount_fen} fen are told as returned, it lost {lost_fen}"
    gone = _units(returned.quantity)
    # Of before quantities were kept, or its price was not: it can only be returned as a whole.
    left = _units(was.quantity) - gone if was.unit_price else _units(was.quantity)
    if _units(now.quantity) != left or (not was.unit_price and now.amount_fen):
        yield f"{was.quantity} less {returned.quantity} are not {now.quantity}"
    own = was_told or NOTHING_PARTICULAR
    expected = own._replace(
        returned_quantity=decimal_text(_units(own.returned_quantity) + gone, places=_PLACES),
        returned_fen=own.returned_fen + lost_fen,
        # Of before it was kept, lines are decided with nothing left of them.
        is_gone=now_told is not None
        and now_told.is_gone
        and (not was.unit_price or _units(now.quantity) == 0),
    )
    if not returned.quantity:
        expected = expected._replace(returned_quantity=own.returned_quantity)
    if now_told != expected:
        yield f"tells {now_told} of what was returned, not {expected}"


def _item(line: SplitLine) -> Mapping[str, object]:
    """Returns what nothing returned changes of a line."""
    return {
        "line_number": line.line_number,
        "item_code": line.item_code,
        "catalogue_class": line.catalogue_class,
        "first_self_pay_ratio_ppm": line.first_self_pay_ratio_ppm,
        "unit_price": line.unit_price,
    }


def _charged(line: SplitLine) -> tuple[object, ...]:
    return line.amount_fen, line.over_limit_fen, line.quantity


def _units(quantity: str) -> int:
    return parse_decimal(quantity or "0", places=_PLACES)
