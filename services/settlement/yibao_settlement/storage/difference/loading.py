"""What a batch reads of differences, under the locks of the persons."""

import sqlalchemy as sa

from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.storage.batch.loading import Wanted
from yibao_settlement.storage.difference.find import difference_balances
from yibao_settlement.storage.difference.order import orders_of
from yibao_settlement.storage.merge import one_person


def read_differences(connection: sa.Connection, working_set: WorkingSet, wanted: Wanted) -> None:
    """Reads the differences of persons and the orders that settle them."""
    region = working_set.region
    survivors = dict(working_set.survivors)
    state = working_set.differences
    for person_id in sorted(wanted.needs.difference_person_ids):
        person_ids = [person_id]
        if working_set.standing(person_id).merged_into is None:
            person_ids = one_person(connection, region, person_id)
            survivors.update(dict.fromkeys(person_ids, person_id))
        state.balances.update(difference_balances(connection, region, person_ids))
        for order in orders_of(connection, region, person_ids):
            state.orders[order.order_id] = order
    working_set.survivors = survivors
