"""What a batch reads of personal accounts beside standings and bills: nothing for most."""

import sqlalchemy as sa

from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.storage.allocation.batch import read_allocated
from yibao_settlement.storage.batch.loading import Wanted
from yibao_settlement.storage.credit.record import read_claims
from yibao_settlement.storage.transfer.record import read_transfers


def read_credits(connection: sa.Connection, working_set: WorkingSet, wanted: Wanted) -> None:
    """Reads credits, orders, allocations and transfers, under the locks of their persons."""
    read_claims(connection, working_set, wanted)
    read_allocated(connection, working_set, wanted)
    read_transfers(connection, working_set, wanted)
