"""Uploading lines of a visit before a bill settles them."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from yibao_common.commands.request import Request
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.errors import FieldFault, RuleError
from yibao_common.values.ids import Ids
from yibao_common.values.money import line_amount_fen
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.charge.results import LineResult, line_results
from yibao_settlement.application.charge.taking import line_reused
from yibao_settlement.application.elsewhere.treating import treating_reference
from yibao_settlement.application.mapping.lines import needed_codes, with_items
from yibao_settlement.application.reference import Reference
from yibao_settlement.application.settlement.barred import barred_by
from yibao_settlement.application.visit.find import visit_of_caller
from yibao_settlement.rules.account import check_not_merged
from yibao_settlement.rules.bill import ChargedLine
from yibao_settlement.rules.charge import (
    LINES_A_VISIT,
    Charge,
    Fault,
    differing_fields,
    return_fault,
    returned_quantity,
)
from yibao_settlement.rules.visit import Visit, check_not_cancelled

# What became of a line: what is made of it, its refusal, or None where it is a return.
LineOutcome: TypeAlias = LineResult | RuleError | None


@dataclass(frozen=True, slots=True)
class UploadLines:
    """Uploads lines of a visit of the caller's institution, each on its own."""

    request: Request
    visit_id: str
    charge_batch_id: str
    lines: tuple[ChargedLine, ...]
    # Writes an UploadLinesResponse.
    encode: Callable[[Sequence[LineOutcome]], bytes]

    def needs(self) -> Needs:
        """Returns the visit, its lines, the items of the new ones and their year."""
        return Needs(
            visit_ids=(self.visit_id,),
            charged_visit_ids=(self.visit_id,),
            item_codes=[line.item_code for line in self.lines],
            own_codes=needed_codes(self.visit_id, self.lines),
            benefit_years=tuple({day.year for day in map(_day, self.lines) if day}),
            treating_institution_ids=(self.request.caller.own_institution(),),
        )

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Uploads the lines; see `Command`."""
        visit = visit_of_caller(working_set.visits, self.visit_id, self.request.caller)
        check_not_cancelled(visit)
        visit = working_set.held(visit)
        check_not_merged(working_set.standing(visit.person_id))
        charges = working_set.charges.get(self.visit_id, {})
        mapped = self._mapped(visit, charges, working_set)
        upload = _Upload(
            visit,
            charges,
            working_set.reference,
            treating_reference(working_set, visit),
            today=shanghai_day(working_set.now),
            charge_batch_id=self.charge_batch_id,
            now=working_set.now,
        )
        refusals = [upload.add(index, line) for index, line in enumerate(mapped)]
        results = self._results(mapped, visit, working_set, refusals)
        response = self.encode(results)
        # Nothing below refuses: from here on the working set changes.
        for charge in upload.new.values():
            working_set.put_charge(charge)
        return response

    def _mapped(
        self, visit: Visit, charges: Mapping[str, Charge], working_set: WorkingSet
    ) -> Sequence[ChargedLine]:
        """Returns the lines with the items that their own codes are mapped to."""
        if all([line.item_code for line in self.lines]):
            return self.lines
        today, mappings = shanghai_day(working_set.now), working_set.mappings
        told = (self.lines, visit, charges, mappings, working_set.reference)
        return with_items(*told, last=today)

    def _results(
        self,
        mapped: Sequence[ChargedLine],
        visit: Visit,
        working_set: WorkingSet,
        refusals: Sequence[RuleError | None],
    ) -> list[LineOutcome]:
        outcomes: list[LineOutcome] = list(refusals)
        told = [
            index
            for index, line in enumerate(mapped)
            if refusals[index] is None and not line.returned_line_id
        ]
        if told:
            lines = [mapped[index] for index in told]
            last = max(day for day in map(_day, lines) if day)
            results = line_results(
                lines,
                visit,
                region=working_set.region,
                enrolments=working_set.enrolments.get(visit.person_id, ()),
                diseases=working_set.diseases.get(visit.person_id, ()),
                year=working_set.year(visit.person_id, last.year),
                reference=working_set.reference,
                treating=treating_reference(working_set, visit),
                last=last,
            )
            for index, result in zip(told, results, strict=True):
                outcomes[index] = result
        return outcomes


class _Upload:
    """The lines of one call as they are accepted, beside those that the visit has."""

    def __init__(
        self,
        visit: Visit,
        charges: Mapping[str, Charge],
        reference: Reference,
        treating: Reference,
        *,
        today: dt.date,
        charge_batch_id: str,
        now: dt.datetime,
    ) -> None:
        self.new: dict[str, Charge] = {}
        self._visit = visit
        self._charges = charges
        self._reference = reference
        self._treating = treating
        self._today = today
        self._charge_batch_id = charge_batch_id
        self._now = now
        self._seen: set[str] = set()
        self._returned: dict[str, int] = {}
        for each in charges.values():
            if each.line.returned_line_id and (each.is_uploaded or each.settlement_id):
                self._return(each.line)

    def add(self, index: int, line: ChargedLine) -> RuleError | None:
        """Accepts a line, or returns why it is refused."""
        fault = self._form_fault(line)
        if fault is not None:
            return _refusal(index, fault)
        known = self._known(line.line_id)
        self._seen.add(line.line_id)
        if known is not None and known.line.line_id not in self.new:
            return self._repeated(index, line, known)
        fault = self._return_fault(line) if line.returned_line_id else self._fault(line)
        if fault is not None:
            return _refusal(index, fault)
        if line.returned_line_id:
            self._return(line)
        self.new[line.line_id] = Charge(
            self._visit.visit_id, line, self._charge_batch_id, self._now, is_uploaded=True
        )
        return None

    def _known(self, line_id: str) -> Charge | None:
        charge = self.new.get(line_id) or self._charges.get(line_id)
        if charge is None or not (charge.is_uploaded or charge.settlement_id):
            return None
        return charge

    def _form_fault(self, line: ChargedLine) -> Fault | None:
        if not line.line_id:
            return Fault("line_id", Reason.FIELD_REQUIRED, "is required")
        day = _day(line)
        if day is None:
            return Fault("charge_date", Reason.FIELD_REQUIRED, "is required")
        if line.line_id in self._seen:
            message = f"line id {line.line_id} stands in the request twice"
            return Fault("line_id", Reason.LINE_ID_REPEATED, message)
        if not self._visit.start_date <= day <= self._today:
            message = (
                f"{day.isoformat()} is not between the visit's first day "
                f"{self._visit.start_date.isoformat()} and today"
            )
            return Fault("charge_date", Reason.LINE_OUTSIDE_VISIT, message)
        return None

    def _repeated(self, index: int, line: ChargedLine, known: Charge) -> RuleError | None:
        if not known.is_uploaded:
            message = f"line {line.line_id} is settled by {known.settlement_id}"
            return _refusal(index, Fault("line_id", Reason.LINE_SETTLED, message))
        fields = list(differing_fields(line, known.line))
        if known.charge_batch_id != self._charge_batch_id:
            fields.append("charge_batch_id")
        return line_reused(line.line_id, fields) if fields else None

    def _fault(self, line: ChargedLine) -> Fault | None:
        if line.quantity.startswith("-"):
            message = "is negative, and the line says not what it returns"
            return Fault("quantity", Reason.DECIMAL_NEGATIVE, message)
        expected_fen = line_amount_fen(line.unit_price, line.quantity)
        if expected_fen != line.amount_fen:
            charged = f"{line.unit_price} x {line.quantity}"
            message = f"{charged} is {expected_fen} fen, got {line.amount_fen}"
            return Fault("amount_fen", Reason.LINE_AMOUNT_MISMATCH, message)
        day = line.day(self._today)
        if not line.item_code:
            return self._unmapped_fault(line, day)
        if self._reference.item(line.item_code, day) is None:
            message = f"item {line.item_code} is not in the catalogue on {day.isoformat()}"
            return Fault("item_code", Reason.CATALOGUE_ITEM_UNKNOWN, message)
        return self._barred_fault(line) or self._room_fault()

    def _barred_fault(self, line: ChargedLine) -> Fault | None:
        """Returns why a line is not payable, where that is to be corrected."""
        for lost in barred_by(self._treating, [line], self._visit, last=self._today).values():
            reason = Reason[lost.reason]
            if reason is not Reason.LINE_BORNE_BY_INSTITUTION:
                return Fault(lost.field, reason, lost.message)
        return None

    def _unmapped_fault(self, line: ChargedLine, day: dt.date) -> Fault | None:
        if not line.own_code:
            return Fault("item_code", Reason.FIELD_REQUIRED, "is required, or an own code")
        if line.details is None or not line.details.is_unmapped:
            message = f"own code {line.own_code} is mapped to no item on {day.isoformat()}"
            return Fault("origin.provider_item_code", Reason.OWN_CODE_UNMAPPED, message)
        return self._barred_fault(line) or self._room_fault()

    def _room_fault(self) -> Fault | None:
        if len(self._charges) + len(self.new) >= LINES_A_VISIT:
            message = f"the visit has {LINES_A_VISIT} lines, which are the most"
            return Fault("line_id", Reason.LINE_LIMIT, message)
        return None

    def _return_fault(self, back: ChargedLine) -> Fault | None:
        line_id = back.returned_line_id
        charge = self._known(line_id)
        if charge is None:
            message = f"there is no line {line_id} to return"
            return Fault("returned_line_id", Reason.RETURNED_LINE_UNKNOWN, message)
        if charge.settlement_id is not None:
            message = (
                f"line {line_id} is settled by {charge.settlement_id}: it is refunded, not returned"
            )
            return Fault("returned_line_id", Reason.LINE_SETTLED, message)
        return return_fault(back, charge.line, returned=self._returned.get(line_id, 0))

    def _return(self, back: ChargedLine) -> None:
        line_id = back.returned_line_id
        self._returned[line_id] = self._returned.get(line_id, 0) + returned_quantity(back)


def _day(line: ChargedLine) -> dt.date | None:
    return None if line.details is None else line.details.charge_date


def _refusal(index: int, fault: Fault) -> RuleError:
    field = FieldFault(f"lines[{index}].{fault.field}", fault.reason, fault.message)
    return RuleError(fault.reason, f"{field.field}: {fault.message}", faults=[field])
