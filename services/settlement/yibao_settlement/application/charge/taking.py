"""Which lines with ids a bill settles, and who else has them."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.bill import Bill, ChargedLine
from yibao_settlement.rules.charge import (
    LINES_A_BILL,
    Charge,
    bill_of_charges,
    differing_fields,
    select,
)

_MOST_TOLD = 50


class Taking(NamedTuple):
    """A bill with its lines, and the visit's lines that settlements took, by line id.

    `charges` are the uploaded lines that it settles.
    """

    bill: Bill
    charges: Sequence[Charge]
    settled: Mapping[str, str]

    @property
    def told_apart(self) -> Collection[str]:
        """The settlements whose lines cannot be those of the bill, since all have other ids."""
        if self.settled and all(line.line_id for line in self.bill.lines):
            return set(self.settled.values())
        return ()


def taking_of(bill: Bill, charges: Mapping[str, Charge]) -> Taking:
    """Returns what a bill settles of the visit's lines with ids.

    Raises RuleError LINE_NOT_FOUND, LINE_SETTLED, FIELD_LENGTH of a bill that names
    uploaded lines; LINES_ALREADY_SETTLED, LINE_ID_REUSED of one that carries its lines.
    """
    settled = {
        line_id: each.settlement_id for line_id, each in charges.items() if each.settlement_id
    }
    if bill.selection is None:
        return Taking(bill, _also_uploaded(bill, charges), settled)
    chosen, missing = select(charges.values(), bill.selection, until=bill.service_date)
    refuse_missing(missing, charges)
    if not chosen:
        raise _not_found((), "the visit has no uploaded lines that this bill could settle")
    lines = bill_of_charges(bill, chosen)
    if len(lines) > LINES_A_BILL:
        message = f"takes {len(lines)} lines, {LINES_A_BILL} are the most of a bill"
        refuse_faults([FieldFault("bill.uploaded", Reason.FIELD_LENGTH, message)])
    return Taking(bill._replace(lines=lines), chosen, settled)


def refuse_missing(line_ids: Sequence[str], charges: Mapping[str, Charge]) -> None:
    """Raises LINE_SETTLED where named lines are settled, LINE_NOT_FOUND where not there."""
    for line_id in line_ids:
        charge = charges.get(line_id)
        if charge is not None and charge.settlement_id is not None:
            raise RuleError(
                Reason.LINE_SETTLED,
                f"line {line_id} is settled by {charge.settlement_id}",
                line_id=line_id,
                settlement_id=charge.settlement_id,
            )
    if line_ids:
        raise _not_found(line_ids, f"{len(line_ids)} lines are not there or not for this bill")


def line_reused(line_id: str, fields: Sequence[str]) -> RuleError:
    """Returns the refusal of a line whose id was used for one with other contents (N2)."""
    return RuleError(
        Reason.LINE_ID_REUSED,
        f"line {line_id} was sent before with another {', '.join(fields)}",
        line_id=line_id,
        fields=",".join(fields),
    )


def _also_uploaded(bill: Bill, charges: Mapping[str, Charge]) -> list[Charge]:
    """Returns those of a bill's own lines that were uploaded too: it settles them."""
    found: list[Charge] = []
    for line in bill.lines:
        charge = charges.get(line.line_id)
        if charge is None:
            continue
        if charge.settlement_id is not None:
            raise _already_settled(line, charge.settlement_id)
        if charge.is_uploaded:
            # Its number in the bill is another thing than that in the list uploaded.
            numbered = line._replace(line_number=charge.line.line_number)
            fields = list(differing_fields(numbered, charge.line))
            if fields:
                raise line_reused(line.line_id, fields)
            found.append(charge)
    _check_returned(bill, charges)
    return found


def _check_returned(bill: Bill, charges: Mapping[str, Charge]) -> None:
    """Raises LINE_ID_REUSED where a bill charges in full what was partly returned by upload."""
    carried = {line.line_id for line in bill.lines if line.line_id}
    for line_id, charge in charges.items():
        of = charge.line.returned_line_id
        if charge.is_waiting and of in carried and line_id not in carried:
            raise line_reused(of, ["returned_quantity"])


def _already_settled(line: ChargedLine, settlement_id: str) -> RuleError:
    return RuleError(
        Reason.LINES_ALREADY_SETTLED,
        f"line {line.line_id} is settled already by {settlement_id}",
        line_id=line.line_id,
        settlement_id=settlement_id,
    )


def _not_found(line_ids: Sequence[str], message: str) -> RuleError:
    told = ",".join(line_ids[:_MOST_TOLD])
    return RuleError(Reason.LINE_NOT_FOUND, message, line_ids=told)
