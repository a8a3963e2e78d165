"""Puts together what carries out the commands of the settlement service."""

from yibao_common.db.batcher import Batcher
from yibao_common.db.database import Database
from yibao_common.process.logs import Log
from yibao_common.process.metrics import BatchMetrics, Metrics
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.batch.work import BatchWork
from yibao_settlement.config import SettlementConfig
from yibao_settlement.housekeeping import review_telling
from yibao_settlement.storage.batch.transaction import SettlementTransactions
from yibao_settlement.storage.reference import ReferenceCache

# Before more later bills a command has a batch of its own, for which others do not wait.
_MOST_LATER = 100


def make_batcher(
    database: Database,
    reference: ReferenceCache,
    config: SettlementConfig,
    *,
    clock: Clock | None,
    ids: Ids,
    metrics: Metrics,
    log: Log,
) -> Batcher[Command, bytes]:
    """Returns the batcher of a service; `clock` stands for that of the database."""
    work, alone = (
        BatchWork(
            SettlementTransactions(database, reference, most_later=most_later),
            clock=clock,
            ids=ids,
            tell=review_telling(metrics, log=log),
        )
        for most_later in (_MOST_LATER, None)
    )
    batch = config.batch
    return Batcher(
        work,
        alone=alone,
        party_of=lambda command: command.request.caller.party,
        regions=config.identity.regions,
        max_size=batch.max_size,
        linger_seconds=batch.linger_ms / 1000,
        max_queue=batch.max_queue,
        observer=BatchMetrics(metrics, "settlement"),
    )
