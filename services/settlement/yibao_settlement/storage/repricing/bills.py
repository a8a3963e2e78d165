"""The bills of a person that a repricing can concern, read without locks."""

import sqlalchemy as sa

from yibao_common.db.rows import Select, execute
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.visit import Visit
from yibao_settlement.storage import tables
from yibao_settlement.storage.merge import one_person
from yibao_settlement.storage.settlement.sequence import standing_places, stored_records
from yibao_settlement.storage.visit import VISIT_COLUMNS, visit_from


def bills_with_visits(
    connection: sa.Connection, region: str, person_id: str
) -> list[tuple[SettlementRecord, Visit]]:
    """Returns the settlements of a person that stand, as they were settled, with their visits."""
    person_ids = one_person(connection, region, person_id)
    places = standing_places(connection, region, person_ids)
    records = stored_records(connection, region, [each.settlement_id for each in places])
    visit_ids = tuple({record.visit_id for record in records.values()})
    select = Select(tables.visit, VISIT_COLUMNS, region, "visit_id", visit_ids)
    (rows,) = execute(connection, [select])
    visits = {row[0]: visit_from(row) for row in rows}
    return [(record, visits[record.visit_id]) for record in records.values()]
