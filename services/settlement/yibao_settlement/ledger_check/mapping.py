"""That lines took what the institution's own code was mapped to on their days."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence

from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.ledger_check.report import INVARIANTS, MAPPED, Fault
from yibao_settlement.rules.bill import LineParticulars
from yibao_settlement.rules.mapping import CodeMapping, MappingState

# Returns mappings by id.
FindMappings = Callable[[Sequence[str]], Mapping[str, CodeMapping]]
_NUMBER = INVARIANTS.index(MAPPED)


def mapping_faults(records: Sequence[SettlementRecord], find: FindMappings) -> Iterator[Fault]:
    """Yields lines whose items are not those of the mappings that they name.

    What was uploaded keeps what it took, so that a mapping may be cancelled by now; one that the
    agency rejected was never taken.
    """
    named = sorted(
        {
            own.mapping_id
            for record in records
            for own in record.particulars
            if own is not None and own.mapping_id
        }
    )
    if not named:
        return
    found = find(named)
    for record in records:
        for line, own in itertools.zip_longest(record.lines, record.particulars):
            if own is None or not own.mapping_id:
                continue
            what = _fault(record, line.item_code, own, found.get(own.mapping_id))
            if what:
                detail = f"line {line.line_number} names mapping {own.mapping_id}, {what}"
                yield _NUMBER, record.settlement_id, detail


def _fault(
    record: SettlementRecord, item_code: str, own: LineParticulars, mapping: CodeMapping | None
) -> str:
    """Returns what is wrong with the mapping that a line names; empty where nothing is."""
    if mapping is None:
        return "which is not there"
    row, day = mapping.row, own.charge_date or record.service_date
    own_code = "" if own.origin is None else own.origin.provider_item_code
    if mapping.institution_id != record.institution_id or row.provider_item_code != own_code:
        return "which is of another own code"
    if row.item_code != item_code:
        return f"which is to {row.item_code}"
    if not row.start_date <= day <= (row.end_date or day):
        return f"which is not of {day.isoformat()}"
    if mapping.state is MappingState.REJECTED:
        return "which was rejected"
    if mapping.uploaded.time > record.settle_time:
        return "which was uploaded later"
    return ""
