"""Lines that carry the institution's own code alone, on their way into bills and uploads."""

import datetime as dt
from collections.abc import Mapping, Sequence

from yibao_settlement.application.charge.taking import Taking, taking_of
from yibao_settlement.application.reference import Reference
from yibao_settlement.rules.bill import Bill, ChargedLine
from yibao_settlement.rules.charge import Charge
from yibao_settlement.rules.mapping import Mappings, mapped_lines, unmapped_codes
from yibao_settlement.rules.visit import Visit


def needed_codes(visit_id: str, lines: Sequence[ChargedLine]) -> list[tuple[str, str]]:
    """Returns the own codes of lines without national ones, with their visit; mostly none."""
    return [(visit_id, code) for code in unmapped_codes(lines)]


def with_items(
    lines: Sequence[ChargedLine],
    visit: Visit,
    charges: Mapping[str, Charge],
    mappings: Mappings,
    reference: Reference,
    *,
    last: dt.date,
) -> tuple[ChargedLine, ...]:
    """Returns lines of which those with an own code alone take the item of their charge day.

    `charges` are the visit's lines with ids, `last` is the service date of the bill.
    """
    # One that was cancelled, or of a bill that was reversed, is as if it were not there.
    known = {
        line_id: each.line
        for line_id, each in charges.items()
        if each.is_uploaded or each.settlement_id is not None
    }
    return mapped_lines(
        lines,
        mappings,
        known,
        institution_id=visit.institution_id,
        last=last,
        are_own_cost=reference.line_terms.unmapped_is_own_cost,
    )


def bill_with_items(
    bill: Bill,
    visit: Visit,
    charges: Mapping[str, Charge],
    mappings: Mappings,
    reference: Reference,
) -> Bill:
    """Returns a bill whose lines have the items of their own codes; most are as they were."""
    if all([line.item_code for line in bill.lines]):
        return bill
    told = (bill.lines, visit, charges, mappings, reference)
    return bill._replace(lines=with_items(*told, last=bill.service_date))


def taking_with_items(
    bill: Bill,
    visit: Visit,
    charges: Mapping[str, Charge],
    mappings: Mappings,
    reference: Reference,
) -> Taking:
    """Returns what a bill settles, each line with an item where its own code is mapped to one.

    What was uploaded before its code was mapped gets its item now. Raises RuleError as `taking_of`.
    """
    told = (visit, charges, mappings, reference)
    bill = bill_with_items(bill, *told)
    if not bill.needs_charges:
        return Taking(bill, (), {})
    taking = taking_of(bill, charges)
    return taking._replace(bill=bill_with_items(taking.bill, *told))
