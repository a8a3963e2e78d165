"""Commands that wait while they are decided, and a process whose clock is behind."""

import dataclasses
import datetime as dt
import threading

from support.settlement_world import FakeClock, World

from yibao_common.commands.request import Request
from yibao_common.values.ids import Ids, new_id
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.work import BatchWork
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.storage.batch.transaction import SettlementTransactions
from yibao_settlement.storage.reference import ReferenceCache

LAST_SECOND = dt.datetime(2026, 11, 30, 15, 59, 59, tzinfo=dt.UTC)
NEXT_DAY = dt.datetime(2026, 11, 30, 16, 0, 1, tzinfo=dt.UTC)


@dataclasses.dataclass(slots=True)
class Waiting:
    """A command that is decided only once somebody says so."""

    of: Command
    begun: threading.Event
    goes_on: threading.Event

    @property
    def request(self) -> Request:
        return self.of.request

    def needs(self) -> Needs:
        return self.of.needs()

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        self.begun.set()
        assert self.goes_on.wait(30)
        return self.of.decide(working_set, ids)


def lagging_worker(world: World) -> BatchWork:
    """Returns work of a process whose clock says the last second of November for good."""
    return BatchWork(
        SettlementTransactions(world.database, ReferenceCache()),
        clock=FakeClock(LAST_SECOND),
        ids=new_id,
    )
