"""Random histories of three records over some years, of which two are merged, then all."""

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from support.history_model.bills import Bill
from support.history_model.examples import FACTS
from support.history_model.histories import Maker
from support.history_model.operations import (
    Close,
    Correct,
    Credit,
    Expire,
    Merge,
    MoveDue,
    OfPerson,
    OfSettlement,
    Operation,
    PassTime,
    Release,
    Reprice,
    Reverse,
    SettleDifference,
)
from support.history_model.settlements import State
from support.history_model.world import World as Model
from support.random_histories import random_bill
from support.random_repricings import Switch

RECORDS = ("p1", "p2", "p3")
INSTITUTIONS = ("H1", "H2")
START = dt.datetime(2026, 9, 20, 4, tzinfo=dt.UTC)
DAY_SECONDS = 24 * 3_600
# Longer than what is held lasts.
OUTLASTS_SECONDS = 60
MOST_ALIVE = 12
STEPS_BETWEEN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseYear(Operation):
    """Two operators close a year of the region; the model decides nothing by it."""

    year: int


@dataclass(frozen=True, slots=True)
class Stay:
    """A stay of a record that goes on."""

    visit: str
    institution: str
    admitted: dt.date


class RecordMaker(Maker):
    """Makes operations of persons as they are by then, on the days that pass."""

    def __init__(self, seed: int, model: Model, *, is_dear: bool) -> None:
        """Makes those of a seed."""
        super().__init__(seed)
        self.model = model
        self.is_dear = is_dear
        self.today = START.date()
        self.stays: dict[str, list[Stay]] = {record: [] for record in RECORDS}

    @property
    def persons(self) -> list[str]:
        """The records that stand for somebody."""
        return [each for each in RECORDS if each not in self.model.books.merged]

    def _person(self) -> str:
        # At times one that was merged, who is refused.
        if self.chance.random() < 0.05:
            return self.chance.choice(RECORDS)
        return self.chance.choice(self.persons)

    def _with_open(self, world: Model, account: str) -> str:
        open_of = [each for each in self.persons if world.books.balance_fen(account, each)]
        return self.chance.choice(open_of) if open_of else self._person()

    def merge(self, op_id: str) -> Operation | None:
        """Returns a merge of two persons, of whom the survivor has the open stays of both."""
        if len(self.persons) < 2:
            return None
        retired, survivor = self.chance.sample(self.persons, 2)
        self.stays[survivor] += self.stays.pop(retired)
        return Merge(op_id=op_id, person_id=survivor, retired_id=retired)

    def _bill(self, world: Model, op_id: str) -> dict[str, Any] | None:
        person = self.chance.choice(self.persons)
        if len(world.books.alive(person)) >= MOST_ALIVE:
            return None
        stay = self._stay(person, op_id)
        bill = random_bill(self.chance, stay.visit, is_dear=self.is_dear)
        words = {**bill.words, "date": self.today, "admitted": stay.admitted, "facts": FACTS}
        return {
            "op_id": op_id,
            "person_id": person,
            "institution_id": stay.institution,
            "bill": replace(bill, words=words),
        }

    def _stay(self, person: str, op_id: str) -> Stay:
        """Returns a stay that goes on, or a new one where the person is in none of its own."""
        found = self.stays[person]
        own = [each for each in found if each.visit.startswith(person)]
        if own or (found and self.chance.random() < 0.5):
            return self.chance.choice(found)
        institution = self.chance.choice(INSTITUTIONS)
        stay = Stay(f"{person}.{op_id}", institution, self.today)
        found.append(stay)
        return stay

    def _settle(self, world: Model, op_id: str) -> Operation | None:
        return self._ended(super()._settle(world, op_id))

    def _hold(self, world: Model, op_id: str) -> Operation | None:
        return self._ended(super()._hold(world, op_id))

    def _ended(self, made: Operation | None) -> Operation | None:
        """Lets the stay of a last bill end."""
        if isinstance(made, OfPerson):
            self.stays[made.person_id] = [
                each for each in self.stays[made.person_id] if each.visit != made.bill.visit_id
            ]
        return made


def record_operations(seed: int, model: Model, steps: int) -> Iterator[Operation]:
    """Yields operations, each after the one before was run."""
    chance = random.Random(f"records {seed}")  # which histories there are is no secret
    maker = RecordMaker(seed, model, is_dear=chance.random() < 0.4)
    for record in RECORDS:
        fen = chance.choice((100_000, 3_000_000, 30_000_000))
        yield Credit(op_id=f"credit {record}", person_id=record, amount_fen=fen)
    merges = set(chance.sample(range(8, steps - 8), 2))
    switch_at = chance.randrange(10, steps) if chance.random() < 0.4 else steps
    next_year = START.year
    for number, made in enumerate(maker.operations(model, steps)):
        operation = as_played(made, model)
        if operation is not None:
            yield operation
        if number in merges:
            merge = maker.merge(f"merge {number}")
            if merge is not None:
                yield merge
        if number == switch_at:
            yield Switch(op_id="switch")
        if number % STEPS_BETWEEN == STEPS_BETWEEN - 1:
            yield from _passing(chance, maker, number)
            if next_year < maker.today.year and chance.random() < 0.6:
                yield CloseYear(op_id=f"year {next_year}", year=next_year)
                next_year += 1
    yield Expire(op_id="at last")
    while next_year < maker.today.year:
        yield CloseYear(op_id=f"year {next_year}", year=next_year)
        next_year += 1


def _passing(chance: random.Random, maker: RecordMaker, number: int) -> Iterator[Operation]:
    """Yields that a month or more goes by, once what is held has run out; some are closed."""
    yield PassTime(op_id=f"e{number}", seconds=OUTLASTS_SECONDS)
    yield Expire(op_id=f"x{number}")
    days = chance.randint(31, 50)
    maker.today += dt.timedelta(days=days)
    yield PassTime(op_id=f"n{number}", seconds=days * DAY_SECONDS)
    for which, closed in enumerate(chance.choice([[], [], ["H1"], ["H2"], [""], ["H1", "H2"]])):
        yield Close(op_id=f"z{number}.{which}", institution_id=closed)


def as_played(made: Operation, model: Model) -> Operation | None:
    """Returns an operation as both can do it, None for what only the model does."""
    books = model.books
    match made:
        case SettleDifference(person_id=person):
            open_fen = books.balance_fen("difference", person)
            fen = min(made.amount_fen, open_fen) if open_fen > 0 else max(made.amount_fen, open_fen)
            return replace(made, amount_fen=fen) if fen else None
        case MoveDue(person_id=person):
            return made if books.balance_fen("due", person) else None
        case Reprice():
            return _repriced(made, model)
        case Correct(bill=Bill(is_empty=True)) | Close():
            return None
        case Correct():
            # The catalogue of the examples says no shares.
            lines = [
                replace(each, words={"class": each.words["class"]}) for each in made.bill.lines
            ]
            return replace(made, bill=replace(made.bill, lines=tuple(lines)))
        case OfSettlement():
            found = books.settlements.get(made.settlement_id)
            if isinstance(made, Reverse) and found is not None and found.state is State.HELD:
                return Release(op_id=made.op_id, settlement_id=made.settlement_id)
            return made
        case _:
            return made


def _repriced(made: Reprice, model: Model) -> Reprice | None:
    """Returns a repricing of one person's bills by two operators, once there is a second policy."""
    if model.region.in_force == "T":
        return None
    owners = [
        model.books.holder(model.books.settlements[each].person_id) for each in made.settlement_ids
    ]
    ids = [
        each for each, owner in zip(made.settlement_ids, owners, strict=True) if owner == owners[0]
    ]
    return replace(
        made, settlement_ids=tuple(ids), terms=model.region.in_force, maker="a", checker="b"
    )
