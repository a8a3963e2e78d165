"""Which bills of a person a repricing concerns: those that are meant, and all of their stays."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.repricing import Scope
from yibao_settlement.rules.visit import Visit


class StayBills(NamedTuple):
    """The bills that are repriced together, with what they name."""

    settlement_ids: tuple[str, ...]
    visit_ids: frozenset[str]
    stay_ids: frozenset[str]
    item_codes: frozenset[str]

    def has_stay_of(self, record: SettlementRecord) -> bool:
        """Tells whether a bill is of one of the stays."""
        is_of_stay = record.benefit is not None and record.benefit.stay_id in self.stay_ids
        return is_of_stay or record.visit_id in self.visit_ids


def bills_of_stays(
    bills: Sequence[tuple[SettlementRecord, Visit]], scope: Scope
) -> StayBills | None:
    """Returns the bills of a person that stand and are of the stays of those in scope.

    None where the person has none of them.
    """
    stay_ids: set[str] = set()
    for record, visit in bills:
        if scope.holds(record.settlement_id, record.insurance_type, record.service_date):
            stay_ids |= _stays_of(record, visit)
    found = [(record, visit) for record, visit in bills if stay_ids & _stays_of(record, visit)]
    if not found:
        return None
    return StayBills(
        tuple(sorted(record.settlement_id for record, _ in found)),
        frozenset(visit.visit_id for _, visit in found),
        frozenset(stay_ids),
        frozenset(_item_codes(record for record, _ in found)),
    )


def _stays_of(record: SettlementRecord, visit: Visit) -> set[str]:
    """Returns the stay of a bill, as its visit says it and as it was decided."""
    own = {visit.stay}
    if record.benefit is not None:
        own.add(record.benefit.stay_id)
    return own


def _item_codes(records: Iterable[SettlementRecord]) -> Iterable[str]:
    return (line.item_code for record in records for line in record.lines)
