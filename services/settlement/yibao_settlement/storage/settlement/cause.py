"""Which settlements reversals and refunds were of: what agencies are told of adjustments."""

from collections.abc import Collection

import sqlalchemy as sa

from yibao_common.db.rows import Select, execute
from yibao_settlement.storage import tables
from yibao_settlement.storage.merge import one_person


def find_causes(
    connection: sa.Connection, region: str, person_id: str, cause_ids: Collection[str]
) -> dict[str, str]:
    """Returns of reversals and refunds of a person's bills, by id, which settlement it was.

    An id that is neither is left out, as that of a person.
    """
    among = tuple(sorted(cause_ids))
    # Reversals have no index of their own: the person's reversed bills have one, by visit.
    person_ids = tuple(one_person(connection, region, person_id))
    visits, refunds = execute(
        connection,
        [
            Select(tables.visit, ("visit_id",), region, "person_id", person_ids),
            Select(tables.refund, ("refund_id", "settlement_id"), region, "refund_id", among),
        ],
    )
    settlement = tables.settlement.c
    reversals = connection.execute(
        sa.select(settlement.reversal_id, settlement.settlement_id).where(
            settlement.region == region,
            settlement.visit_id.in_([visit_id for (visit_id,) in visits]),
            settlement.reversal_id.is_not(None),
            settlement.reversal_id.in_(among),
        )
    )
    return {cause_id: settlement_id for cause_id, settlement_id in (*reversals, *refunds)}
