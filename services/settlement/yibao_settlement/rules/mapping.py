"""What an institution's own codes of items mean (目录对照, 3301, 3302, 1317).

An own code means one item a day, whatever lists it stands in. Nothing is overwritten: a code
gets another item from a day on by a mapping that begins later and says so, and a mapping that
is cancelled stays, without days or with those that were left to it.
"""

import datetime as dt
import enum
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import FieldFault, RuleError
from yibao_common.values.money import parse_decimal
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.bill import (
    NO_DETAILS,
    CatalogueItem,
    ChargedLine,
)

# Of one own code: each line that carries it looks through all of them. Who maps it anew each
# month comes there after sixteen years.
MOST_OF_A_CODE = 200


class MappingState(enum.IntEnum):
    """Where a mapping stands."""

    PENDING = 1
    IN_FORCE = 2
    REJECTED = 3
    CANCELLED = 4


class MappingTexts(NamedTuple):
    """What a mapping says of the product; decides nothing."""

    approval_number: str = ""
    dosage_form: str = ""
    exclusions: str = ""
    contents: str = ""
    pricing_unit: str = ""
    specification: str = ""
    package_specification: str = ""
    memo: str = ""


class MappingRow(NamedTuple):
    """What an institution maps: an own code to an item, on days with both ends included."""

    provider_item_code: str
    provider_item_name: str
    list_type: str
    item_code: str
    start_date: dt.date
    end_date: dt.date | None = None
    is_remapping: bool = False
    texts: MappingTexts = MappingTexts()


class Act(NamedTuple):
    """That a mapping was decided on or cancelled: when, by whom and why."""

    time: dt.datetime
    by: str
    reason: str = ""


class CodeMapping(NamedTuple):
    """A mapping as it stands; `cancel_last_date` is the last day that cancelling left to it."""

    mapping_id: str
    institution_id: str
    row: MappingRow
    state: MappingState
    uploaded: Act
    decided: Act | None = None
    cancelled: Act | None = None
    cancel_last_date: dt.date | None = None

    @property
    def last_date(self) -> dt.date | None:
        """The last day that it holds for, None where none is set."""
        return self.cancel_last_date or self.row.end_date

    @property
    def stands(self) -> bool:
        """Whether it takes days, of which no other one may have any."""
        if self.state is MappingState.CANCELLED:
            return self.cancel_last_date is not None
        return self.state is not MappingState.REJECTED

    def holds_on(self, day: dt.date) -> bool:
        """Tells whether a line charged on `day` may take it."""
        if self.state is MappingState.PENDING or not self.stands:
            return False
        last = self.last_date
        return self.row.start_date <= day and (last is None or day <= last)


# Mappings by institution and own code.
Mappings = Mapping[tuple[str, str], Sequence[CodeMapping]]


def mapping_on(mappings: Sequence[CodeMapping], day: dt.date) -> CodeMapping | None:
    """Returns the mapping that a line charged on `day` takes: of those that hold, the last begun.

    One that was cancelled and left days has them unless one that stands began no earlier.
    """
    holding = [each for each in mappings if each.holds_on(day)]
    return max(holding, key=lambda each: (each.row.start_date, each.mapping_id), default=None)


def unmapped_codes(lines: Sequence[ChargedLine]) -> list[str]:
    """Returns the own codes of the lines that carry no national code."""
    return [line.own_code for line in lines if not line.item_code]


def mapped_lines(
    lines: Sequence[ChargedLine],
    mappings: Mappings,
    known: Mapping[str, ChargedLine],
    *,
    institution_id: str,
    last: dt.date,
    are_own_cost: bool,
) -> tuple[ChargedLine, ...]:
    """Returns lines of which those without a national code take that of their charge day.

    A line that is sent again of its day takes what it was given, and one that returns another what
    that was: `known` are the visit's lines by id. What is mapped to nothing stays without a code:
    own cost where it `are_own_cost`, else refused by itself when it is priced.
    """
    made: dict[int, ChargedLine] = {}
    by_id: dict[str, ChargedLine] = dict(known)
    # Returns at last, when what their lines were given is known.
    for place, line in sorted(enumerate(lines), key=lambda each: bool(each[1].returned_line_id)):
        taken = line
        if not line.item_code:
            former = known.get(line.line_id) if not line.returned_line_id else None
            if former is None or not former.item_code or former.day(last) != line.day(last):
                # What was uploaded before its code was mapped is asked for again, and what a
                # correction moves to another day, on which the code may mean something else.
                former = by_id.get(line.returned_line_id) if line.returned_line_id else None
            if former is not None and former.own_code == line.own_code:
                taken = _taking(line, former)
            else:
                found = mapping_on(
                    mappings.get((institution_id, line.own_code), ()), line.day(last)
                )
                taken = _mapped(line, found, is_own_cost=are_own_cost)
        made[place] = taken
        if line.line_id:
            by_id[line.line_id] = taken
    return tuple([made[place] for place in range(len(lines))])


def _taking(line: ChargedLine, former: ChargedLine) -> ChargedLine:
    told = former.details or NO_DETAILS
    details = (line.details or NO_DETAILS)._replace(
        mapping_id=told.mapping_id, is_unmapped=told.is_unmapped
    )
    return line._replace(item_code=former.item_code, details=details)


def _mapped(line: ChargedLine, found: CodeMapping | None, *, is_own_cost: bool) -> ChargedLine:
    details = line.details or NO_DETAILS
    if found is None:
        return line._replace(details=details._replace(is_unmapped=is_own_cost))
    details = details._replace(mapping_id=found.mapping_id)
    return line._replace(item_code=found.row.item_code, details=details)


def row_faults(row: MappingRow, item: CatalogueItem | None) -> Iterator[FieldFault]:
    """Yields what is wrong with a row by itself; `item` is that of its first day, if it is one."""
    if row.end_date is not None and row.end_date < row.start_date:
        message = f"lies before the first day, {row.start_date.isoformat()}"
        yield FieldFault("end_date", Reason.FIELD_OUT_OF_RANGE, message)
    if item is None:
        message = f"item {row.item_code} is not in the catalogue on {row.start_date.isoformat()}"
        yield FieldFault("item_code", Reason.CATALOGUE_ITEM_UNKNOWN, message)


def same_row(row: MappingRow, mappings: Sequence[CodeMapping]) -> CodeMapping | None:
    """Returns the mapping that says the very same and stands, None where there is none."""
    for each in mappings:
        # Days that were cut off are given back by a row of their own.
        if each.stands and each.cancelled is None and each.row == row:
            return each
    return None


def stored_conflict(row: MappingRow, mappings: Sequence[CodeMapping]) -> CodeMapping | None:
    """Returns a mapping that stands and would share a day with a row (M1)."""
    for each in mappings:
        if not each.stands or not _meet(row, each.row.start_date, each.last_date):
            continue
        if not (row.is_remapping and row.start_date > each.row.start_date):
            return each
    return None


def sent_conflict(row: MappingRow, other: MappingRow) -> bool:
    """Tells whether two rows of one request and own code share a day, neither taking over."""
    if not _meet(row, other.start_date, other.end_date):
        return False
    latter = max(row, other, key=lambda each: each.start_date)
    return row.start_date == other.start_date or not latter.is_remapping


def has_room(rows: Sequence[MappingRow], mappings: Sequence[CodeMapping]) -> bool:
    """Tells whether rows of one own code are few enough, with what is stored of it."""
    # What is stored already adds nothing.
    added = len(rows)
    if len(mappings) + added > MOST_OF_A_CODE >= len(mappings):
        added = sum(same_row(row, mappings) is None for row in rows)
    return len(mappings) + added <= MOST_OF_A_CODE


def no_room() -> FieldFault:
    """Returns the fault of a row of an own code that has been mapped often enough."""
    return FieldFault(
        "provider_item_code",
        Reason.FIELD_OUT_OF_RANGE,
        f"has or would have more than {MOST_OF_A_CODE} mappings",
        f"该院内项目的目录对照超过{MOST_OF_A_CODE}条",
    )


def _meet(row: MappingRow, start_date: dt.date, end_date: dt.date | None) -> bool:
    last = dt.date.max
    return row.start_date <= (end_date or last) and start_date <= (row.end_date or last)


def decided(mapping: CodeMapping, act: Act, *, is_approved: bool) -> CodeMapping:
    """Returns a mapping that the agency decided on; raises MAPPING_STATE where it is no more.

    Raises SAME_MAKER_AND_CHECKER where who decides has uploaded it.
    """
    if mapping.state is not MappingState.PENDING:
        raise _state(mapping)
    if is_same_operator(mapping.uploaded.by, act.by):
        raise RuleError(
            Reason.SAME_MAKER_AND_CHECKER, f"{act.by} uploaded mapping {mapping.mapping_id}"
        )
    state = MappingState.IN_FORCE if is_approved else MappingState.REJECTED
    return mapping._replace(state=state, decided=act)


def cancelled(mapping: CodeMapping, act: Act, *, last_date: dt.date | None) -> CodeMapping:
    """Returns a mapping without days, or with those up to `last_date`.

    Raises RuleError MAPPING_STATE where it is rejected or cancelled, or has no days to be left
    yet; FIELD_OUT_OF_RANGE where `last_date` is none of its days.
    """
    if mapping.state not in (MappingState.PENDING, MappingState.IN_FORCE):
        raise _state(mapping)
    if last_date is not None:
        if mapping.state is MappingState.PENDING:
            raise _state(mapping)
        first, end = mapping.row.start_date, mapping.row.end_date
        if last_date < first or (end is not None and last_date > end):
            message = f"is no day of the mapping, which begins on {first.isoformat()}"
            fault = FieldFault("last_date", Reason.FIELD_OUT_OF_RANGE, message)
            raise RuleError(fault.reason, f"last_date: {message}", faults=[fault])
    return mapping._replace(state=MappingState.CANCELLED, cancelled=act, cancel_last_date=last_date)


def _state(mapping: CodeMapping) -> RuleError:
    state = mapping.state.name
    message = f"mapping {mapping.mapping_id} is {state}"
    return RuleError(Reason.MAPPING_STATE, message, state=state)


class MappingFinding(enum.IntEnum):
    """What can be wrong with the mapping of an own code on a day."""

    UNMAPPED = 1
    PENDING = 2
    ITEM_ENDED = 3
    NAME_DIFFERS = 4
    PRICE_OVER_CEILING = 5


class Checked(NamedTuple):
    """An own code that is to be charged; name and price are empty where not compared."""

    provider_item_code: str
    provider_item_name: str
    unit_price: str
    charge_date: dt.date


class CheckedMapping(NamedTuple):
    """What an own code means on a day, and what is wrong with that."""

    mapping: CodeMapping | None
    item: CatalogueItem | None
    findings: tuple[MappingFinding, ...]


def check_mapping(
    checked: Checked,
    mappings: Sequence[CodeMapping],
    item: CatalogueItem | None,
    *,
    institution_level: str,
) -> CheckedMapping:
    """Returns what is wrong with what an own code means; `item` is what it is mapped to then."""
    day = checked.charge_date
    found = mapping_on(mappings, day)
    if found is None:
        waits = any(
            each.state is MappingState.PENDING and _meet(each.row, day, day) for each in mappings
        )
        finding = MappingFinding.PENDING if waits else MappingFinding.UNMAPPED
        return CheckedMapping(None, None, (finding,))
    findings = []
    if item is None:
        findings.append(MappingFinding.ITEM_ENDED)
    if checked.provider_item_name not in ("", found.row.provider_item_name):
        findings.append(MappingFinding.NAME_DIFFERS)
    ceiling = "" if item is None else item.ceiling_at(institution_level)
    if checked.unit_price and ceiling and _exceeds(checked.unit_price, ceiling):
        findings.append(MappingFinding.PRICE_OVER_CEILING)
    return CheckedMapping(found, item, tuple(findings))


def _exceeds(unit_price: str, ceiling: str) -> bool:
    return parse_decimal(unit_price, places=6) > parse_decimal(ceiling, places=6)
