"""The bills of a person that stand before a place: those that are settled and those held."""

import sqlalchemy as sa

from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.storage.hold.record import held_by
from yibao_settlement.storage.merge import one_person
from yibao_settlement.storage.settlement.sequence import records_of, standing_places


def find_bills_before(
    connection: sa.Connection, region: str, person_id: str, place: str
) -> list[SettlementRecord]:
    """Returns the person's bills that stand before a place, in the order of their places.

    Records that were merged are one person.
    """
    person_ids = one_person(connection, region, person_id)
    standing = standing_places(connection, region, person_ids)
    ids = [each.settlement_id for each in standing if each.place < place]
    settled = records_of(connection, region, ids)
    held = [hold.record for hold in held_by(connection, region, person_ids)]
    before = [*settled.values(), *(record for record in held if record.place < place)]
    return sorted(before, key=lambda record: record.place)
