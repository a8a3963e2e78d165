"""What a batch reads of allocations, under the locks of their persons, and what it writes."""

from collections import defaultdict
from collections.abc import Iterator

import sqlalchemy as sa

from yibao_common.db.rows import Insert, Select, Statement, execute
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.rules.allocation import AllocatedPerson
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.loading import Wanted

PERSON_COLUMNS = AllocatedPerson._fields


def read_allocated(connection: sa.Connection, working_set: WorkingSet, wanted: Wanted) -> None:
    """Reads whom allocations looked at, and bases; nothing where no allocation is taken on."""
    region, needs, state = working_set.region, wanted.needs, working_set.allocated
    if not needs.allocated_persons:
        return
    by_allocation: dict[str, list[str]] = defaultdict(list)
    for allocation_id, person_id in needs.allocated_persons:
        by_allocation[allocation_id].append(person_id)
    found = execute(
        connection,
        [
            Select(
                *(
                    tables.accounts.allocated_person,
                    ("allocation_id", "person_id"),
                    region,
                    "person_id",
                ),
                sorted(person_ids),
                equal=("allocation_id", allocation_id),
            )
            for allocation_id, person_ids in by_allocation.items()
        ],
    )
    state.known.update((row[0], row[1]) for rows in found for row in rows)
    by_type: dict[str, set[str]] = defaultdict(set)
    months = set()
    for person_id, insurance_type, month in needs.contributions:
        by_type[insurance_type].add(person_id)
        months.add(month)
    table = tables.accounts.contribution.c
    for insurance_type, persons in by_type.items():
        query = sa.select(table.person_id, table.month, table.base_fen).where(
            table.region == region,
            table.person_id.in_(sorted(persons)),
            table.insurance_type == insurance_type,
            table.month.in_(sorted(months)),
        )
        for person_id, month, base_fen in connection.execute(query):
            state.bases[person_id, insurance_type, month] = base_fen


def write_allocated(working_set: WorkingSet) -> Iterator[Statement]:
    """Writes what became of persons of allocations."""
    yield Insert(
        tables.accounts.allocated_person,
        ("region", *PERSON_COLUMNS),
        [
            (working_set.region, *each[:2], int(each.state), *each[3:])
            for each in working_set.allocated.added
        ],
    )
