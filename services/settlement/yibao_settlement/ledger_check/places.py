"""The places of a person's bills: each stands at its own, or at that of a bill that left.

A place is the settlement's own id, which rises under the person's lock, whatever clocks say.
"""

from collections.abc import Iterator

from yibao_settlement.ledger_check.report import Fault
from yibao_settlement.storage.ledger.person import KeptPerson

_PLACES = 16


def place_faults(person: KeptPerson) -> Iterator[Fault]:
    """Yields bills that stand at the place of another one, or at none."""
    records = [booked.record for booked in person.settlements if booked.record is not None]
    gone = {record.settlement_id for record in records if record.reversal is not None}
    gone |= person.confirmed_hold_ids
    records += [hold.record for hold in person.held]
    at: dict[str, str] = {}
    for record in records:
        if record.reversal is not None:
            continue
        if record.former_place is not None and record.former_place not in gone:
            detail = f"took over the place {record.former_place}, which no bill left"
            yield _PLACES, record.settlement_id, f"of person {person.holder_id} {detail}"
        other = at.setdefault(record.place, record.settlement_id)
        if other != record.settlement_id:
            detail = f"of person {person.holder_id} stands at the place of {other}"
            yield _PLACES, record.settlement_id, detail
