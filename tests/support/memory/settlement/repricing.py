"""Repricings in memory."""

import dataclasses
from collections.abc import Collection

from yibao_settlement.application.repricing.orders import RepricingRows
from yibao_settlement.rules.repricing import (
    PersonState,
    Progress,
    RepricedPerson,
    Repricing,
    Scope,
    Sums,
)


@dataclasses.dataclass
class MemoryRepricings(RepricingRows):
    """Repricings of one region by id, and how far each came with its persons."""

    rows: dict[str, Repricing] = dataclasses.field(default_factory=dict)
    persons_by_id: dict[str, list[RepricedPerson]] = dataclasses.field(default_factory=dict)
    # Who the bills are of that any scope means, and how many there are.
    billed: tuple[list[str], int] = ([], 0)

    def lock(self, repricing_id: str) -> Repricing | None:
        return self.rows.get(repricing_id)

    def find(self, repricing_id: str) -> Repricing | None:
        return self.rows.get(repricing_id)

    def page(self, *, before: str | None, limit: int) -> list[Repricing]:
        found = [
            each for each in sorted(self.rows, reverse=True) if before is None or each < before
        ]
        return [self.rows[each] for each in found[:limit]]

    def persons_of(self, scope: Scope, *, most_bills: int) -> tuple[list[str], int]:
        person_ids, bills = self.billed
        return person_ids, min(bills, most_bills)

    def insert(self, repricing: Repricing, person_ids: Collection[str]) -> None:
        self.rows[repricing.repricing_id] = repricing
        self.persons_by_id[repricing.repricing_id] = [
            RepricedPerson(repricing.repricing_id, each) for each in person_ids
        ]

    def update(self, repricing: Repricing) -> None:
        assert repricing.repricing_id in self.rows
        self.rows[repricing.repricing_id] = repricing

    def progress(self, repricing_id: str) -> Progress:
        persons = self.persons_by_id[repricing_id]
        counts = {state: [each.state for each in persons].count(state) for state in PersonState}
        moving = (PersonState.SIMULATED, PersonState.CARRIED_OUT)
        sums = [each.sums for each in persons if each.state in moving]
        return Progress(counts, Sums(*(sum(each) for each in zip(*sums, strict=True))))

    def persons(
        self,
        repricing_id: str,
        states: Collection[PersonState],
        *,
        after: str | None,
        limit: int,
    ) -> list[RepricedPerson]:
        found = [
            each
            for each in sorted(self.persons_by_id[repricing_id], key=lambda each: each.person_id)
            if each.state in states and (after is None or each.person_id > after)
        ]
        return found[:limit]
