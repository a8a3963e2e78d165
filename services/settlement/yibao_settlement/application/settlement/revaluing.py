"""Lines of a settled bill as the catalogue of another day or level values them."""

import datetime as dt
import itertools
from collections.abc import Collection, Iterator
from typing import NamedTuple

from yibao_common.values.errors import FieldFault, refuse_faults
from yibao_common.values.money import parse_decimal
from yibao_common.values.reasons import Reason
from yibao_settlement.application.reference import Reference
from yibao_settlement.application.settlement.adjudicate import items_by_day
from yibao_settlement.application.settlement.lines import item_groups_of
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.bill import (
    NOTHING_PARTICULAR,
    Approval,
    ChargedLine,
    LineDetails,
    LineParticulars,
)
from yibao_settlement.rules.policy.split import OwnCost, SplitLine, undivided
from yibao_settlement.rules.pricing import Days, Priced, price_lines


class LineValue(NamedTuple):
    """What a line counts as; the ratio is None where the policy's share for the class holds.

    `item_group` is None where it is not known, as of settlements by the first format.
    """

    catalogue_class: str
    first_self_pay_ratio_ppm: int | None
    over_limit_fen: int
    own_cost: OwnCost
    item_group: str | None


class LineChange(NamedTuple):
    """A line that counts as something else; `after` is None where it would be refused."""

    line_number: int
    line_id: str
    item_code: str
    before: LineValue
    after: LineValue | None


class Revalued(NamedTuple):
    """A record with lines that are valued anew and not yet split, and their groups."""

    record: SettlementRecord
    item_groups: tuple[str, ...]


def can_revalue(record: SettlementRecord) -> bool:
    """Tells whether prices and quantities of the lines are known, as of all but the oldest."""
    return all(line.unit_price for line in record.lines)


def revalue(
    record: SettlementRecord,
    reference: Reference,
    *,
    day: dt.date,
    institution_level: str,
    uncovered: Collection[dt.date] | None = None,
) -> Revalued:
    """Returns a settled bill as the catalogue values its lines if it were of `day`.

    Days of charges move with the service date. Which lines lie outside the person's cover
    stays as it was, unless the days are told that do. A line of an item that is not in the
    catalogue of its day is refused by itself, as in a settlement.

    Raises RuleError CATALOGUE_ITEM_UNKNOWN where no line is left.
    """
    moved = day - record.service_date
    lines = [
        _charged(line, own, moved=moved)
        for line, own in itertools.zip_longest(record.lines, record.particulars)
    ]
    if uncovered is None:
        uncovered = {
            (own.charge_date or record.service_date) + moved
            for own in record.particulars
            if own is not None and own.own_cost == OwnCost.OUTSIDE_COVER
        }
    priced = price_lines(
        lines,
        items_by_day(lines, reference, day),
        # No line can leave the visit: all move alike.
        Days(min(line.day(day) for line in lines), day, uncovered),
        institution_level=institution_level,
        insurance_type=record.insurance_type,
    )
    if not priced.lines:
        places = {line.line_number: index for index, line in enumerate(record.lines)}
        refuse_faults(
            [
                FieldFault(
                    f"settlement.lines[{places[lost.line_number]}].{lost.field}",
                    Reason[lost.reason],
                    lost.message,
                )
                for lost in priced.refused[:1]
            ],
            total=len(priced.refused),
        )
    return Revalued(
        record._replace(
            lines=tuple(map(undivided, priced.lines)),
            particulars=_with_gone(priced, record),
            refused_lines=record.refused_lines + priced.refused,
        ),
        item_groups_of(priced.lines),
    )


def _with_gone(priced: Priced, record: SettlementRecord) -> tuple[LineParticulars | None, ...]:
    """Returns what is particular to each line, of which those that are gone stay so."""
    gone = {
        line.line_number
        for line, own in itertools.zip_longest(record.lines, record.particulars)
        if own is not None and own.is_gone
    }
    if not gone:
        return priced.particulars
    told = itertools.zip_longest(priced.lines, priced.particulars)
    return tuple(
        [
            (own or NOTHING_PARTICULAR)._replace(is_gone=True) if line.line_number in gone else own
            for line, own in told
        ]
    )


def line_changes(settled: SettlementRecord, otherwise: SettlementRecord) -> tuple[LineChange, ...]:
    """Returns the lines of a settled bill that count as something else, in its order."""
    after = {number: value for number, _, _, value in _values(otherwise)}
    found: list[LineChange] = []
    for number, line_id, code, before in _values(settled):
        value = after.get(number)
        if value is None or _is_changed(before, value):
            found.append(LineChange(number, line_id, code, before, value))
    return tuple(found)


def _is_changed(before: LineValue, after: LineValue) -> bool:
    if None in (before.item_group, after.item_group):
        return before[:-1] != after[:-1]
    return before != after


def _charged(line: SplitLine, own: LineParticulars | None, *, moved: dt.timedelta) -> ChargedLine:
    """Returns a settled line as it was charged, on another day."""
    charged = (line.line_number, line.item_code, line.unit_price, line.quantity, line.amount_fen)
    if own is None:
        return ChargedLine(*charged)
    returned = own.returned_quantity
    details = LineDetails(
        line_id=own.line_id,
        charge_date=own.charge_date and own.charge_date + moved,
        approval=Approval(own.approval),
        origin=own.origin,
        returned_quantity=parse_decimal(returned, places=4) if returned else 0,
        returned_fen=own.returned_fen,
        mapping_id=own.mapping_id,
        # No mapping is asked for again: what it was settled as stays.
        is_unmapped=not line.item_code,
    )
    return ChargedLine(*charged, details)


def _values(record: SettlementRecord) -> Iterator[tuple[int, str, str, LineValue]]:
    """Returns number, id, item and value of each line."""
    terms = record.benefit
    groups = () if terms is None else terms.item_groups
    ungrouped = None if terms is None else ""
    for line, own, group in itertools.zip_longest(record.lines, record.particulars, groups):
        value = LineValue(
            line.catalogue_class,
            line.first_self_pay_ratio_ppm,
            line.over_limit_fen,
            OwnCost.NONE if own is None else OwnCost(own.own_cost),
            group or ungrouped,
        )
        yield line.line_number, "" if own is None else own.line_id, line.item_code, value
