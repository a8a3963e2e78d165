"""What a counter is told of persons to compare, as stored; the feed tells it."""

from yibao_common.db.rows import Row
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.rules.resolution import Described
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.loading import Read, Wanted

_COLUMNS = ("person_id", "person_name_masked", "gender")


def read_described(wanted: Wanted) -> Read:
    """Reads names, masked, and genders where somebody is told of."""
    holders, subjects = wanted.holders, wanted.needs.described_subjects
    person_ids = {holders[each] for each in subjects if each in holders}
    if person_ids:
        # With the relatives who may pay for them, once these are locked.
        person_ids.update(wanted.person_ids)
    select = wanted.select(tables.person, _COLUMNS, "person_id", person_ids)
    return Read(select, _keep_described)


def _keep_described(working_set: WorkingSet, rows: list[Row]) -> None:
    for person_id, person_name_masked, gender in rows:
        working_set.described[person_id] = Described(person_name_masked or "", gender or 0)
