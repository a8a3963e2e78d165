"""Three records of the service, which do what the model's do, and are merged as they are."""

from dataclasses import dataclass, field

import sqlalchemy as sa
from support.databases import Databases
from support.history_model.operations import (
    Credit,
    Merge,
    MoveDue,
    OfPerson,
    OfSettlement,
    Operation,
    SettleDifference,
)
from support.played_histories import Played, played_in
from support.settlement_world import REGION

from yibao_settlement.application.hold.expire import ExpireHolds
from yibao_settlement.storage import tables

from .histories import RECORDS, START


@dataclass(slots=True)
class PlayedRecords(Played):
    """Records by their names in the model, and who stands for them by now."""

    persons: dict[str, str] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)

    def names(self) -> dict[str, str]:
        return {person_id: name for name, person_id in self.persons.items()}

    def holder(self, record: str) -> str:
        while record in self.merged:
            record = self.merged[record]
        return record

    def run(self, operation: Operation) -> int:
        match operation:
            case OfPerson():
                self.person = self.persons[operation.person_id]
                self.owners[operation.op_id] = operation.person_id
            case Credit() | MoveDue() | SettleDifference() | Merge():
                self.person = self.persons[operation.person_id]
            case OfSettlement():
                self.person = self.persons[self.holder(self.owners[operation.settlement_id])]
            case _:
                pass
        # In the model whatever comes next ends everybody's holds that have run out.
        standing = [each for name, each in self.persons.items() if name not in self.merged]
        expired = [ExpireHolds.of(REGION, person) for person in standing]
        assert self.world.work(REGION, expired) == [b""] * len(expired)
        if isinstance(operation, Merge):
            return self._merge(operation)
        return Played.run(self, operation)

    def settled_in_place(self, op_id: str, settlement_id: str, *, of: str) -> None:
        Played.settled_in_place(self, op_id, settlement_id, of=of)
        self.owners[op_id] = self.owners[of]

    def _merge(self, operation: Merge) -> int:
        """Tells of a merge as identity's feed does; returns how many bills moved by it."""
        retired = self.persons[operation.retired_id]
        self.world.merge(retired, self.person)
        self.merged[operation.retired_id] = operation.person_id
        moved = tables.adjustment.c
        query = sa.select(sa.func.count()).where(
            moved.cause_id == retired, moved.posting_id.is_not(None)
        )
        with self.world.database.read() as connection:
            return int(connection.execute(query).scalar_one())


def played_records(databases: Databases) -> PlayedRecords:
    """Returns three records of a region whose policy is that of the examples."""
    one = played_in(databases)
    persons = dict(zip(RECORDS, [one.person, *one.world.enrol(len(RECORDS) - 1)], strict=True))
    one.world.clock.now = START
    return PlayedRecords(one.world, one.person, persons=persons)
