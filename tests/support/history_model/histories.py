"""Random histories: two institutions, an agency and the clock, on two persons."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from .operations import (
    Close,
    Confirm,
    Correct,
    Credit,
    Expire,
    Hold,
    Interim,
    MoveDue,
    Operation,
    PassTime,
    Refund,
    Release,
    Reprice,
    Reverse,
    Settle,
    SettleDifference,
)
from .regions import INSTITUTIONS, PERSONS, bills, changed_lines
from .returning import refund_shown
from .settlements import Settlement, State
from .world import World

# How often each is asked for, out of all that fit.
WEIGHTS: dict[type[Operation], float] = {
    Settle: 20,
    Interim: 6,
    Hold: 8,
    Confirm: 6,
    Release: 3,
    PassTime: 4,
    Expire: 2,
    Refund: 16,
    Reverse: 8,
    Correct: 7,
    Reprice: 3,
    Credit: 6,
    SettleDifference: 5,
    MoveDue: 4,
    Close: 2,
}


# What an institution alone can do: it attacks.
OF_INSTITUTION = frozenset(
    {Settle, Interim, Hold, Confirm, Release, Refund, Reverse, Correct, PassTime, Credit}
)
MOST_ALIVE = 9


class Maker:
    """Makes operations on a world, each after the one before was run."""

    def __init__(self, seed: int, *, alone: bool = False) -> None:
        """Makes those of a seed; one institution alone where `alone` says so."""
        self.chance = random.Random(f"history {seed}")
        self.alone = alone
        self.years = {person: bills(seed, number) for number, person in enumerate(PERSONS)}
        self.number = 0
        self.by_kind: dict[type[Operation], Callable[[World, str], Operation | None]] = {
            Settle: self._settle,
            Interim: self._interim,
            Hold: self._hold,
            Confirm: self._confirm,
            Release: self._release,
            PassTime: self._pass_time,
            Expire: lambda _, op_id: Expire(op_id=op_id),
            Refund: self._refund,
            Reverse: self._reverse,
            Correct: self._correct,
            Reprice: self._reprice,
            Credit: self._credit,
            SettleDifference: self._settle_difference,
            MoveDue: self._move_due,
            Close: self._close,
        }

    def operations(self, world: World, most: int) -> Iterator[Operation]:
        """Yields up to `most` operations."""
        kinds = [kind for kind in WEIGHTS if not self.alone or kind in OF_INSTITUTION]
        weights = [WEIGHTS[kind] for kind in kinds]
        for _ in range(most):
            kind = self.chance.choices(kinds, weights)[0]
            self.number += 1
            made = self.by_kind[kind](world, f"o{self.number}")
            if made is not None:
                yield made

    def _person(self) -> str:
        return self.chance.choice(PERSONS)

    def _bill(self, world: World, op_id: str) -> dict[str, Any] | None:
        """Returns what is said of the next bill of a person, of whom not too many stand."""
        person = self._person()
        if len(world.books.alive(person)) >= MOST_ALIVE:
            return None
        institution, bill = next(self.years[person], (None, None))
        if bill is None:
            return None
        said = {"op_id": op_id, "person_id": person, "bill": bill}
        return {**said, "institution_id": INSTITUTIONS[0] if self.alone else institution}

    def _settle(self, world: World, op_id: str) -> Operation | None:
        said = self._bill(world, op_id)
        if said is None:
            return None
        if self.chance.random() < 0.3:
            shown = world.trial(Settle(**said))
            said["expected"] = None if shown.refused else shown.answer.column
        return Settle(**said)

    def _interim(self, world: World, op_id: str) -> Operation | None:
        said = self._bill(world, op_id)
        return None if said is None else Interim(**said)

    def _hold(self, world: World, op_id: str) -> Operation | None:
        said = self._bill(world, op_id)
        if said is None:
            return None
        return Hold(**said, seconds=self.chance.randint(1, 40))

    def _one(self, world: World, *states: State) -> Settlement | None:
        found = [each for each in world.books.settlements.values() if each.state in states]
        return self.chance.choice(found) if found else None

    def _confirm(self, world: World, op_id: str) -> Operation | None:
        held = self._one(world, State.HELD, State.HELD, State.EXPIRED)
        return None if held is None else Confirm(op_id=op_id, settlement_id=held.settlement_id)

    def _release(self, world: World, op_id: str) -> Operation | None:
        held = self._one(world, State.HELD)
        return None if held is None else Release(op_id=op_id, settlement_id=held.settlement_id)

    def _pass_time(self, _world: World, op_id: str) -> Operation:
        return PassTime(op_id=op_id, seconds=self.chance.randint(1, 30))

    def _refund(self, world: World, op_id: str) -> Operation | None:
        old = self._one(world, State.SETTLED)
        if old is None or old.bill.is_empty:
            return None
        left = [number for number, line in enumerate(old.bill.lines) if line.quantity]
        chosen = self.chance.sample(left, self.chance.randint(1, len(left)))
        returned = {number: self._quantity(old.bill.lines[number].quantity) for number in chosen}
        asked = Refund(
            op_id=op_id,
            settlement_id=old.settlement_id,
            returned=returned,
            by_agency=not self.alone and self.chance.random() < 0.3,
        )
        confirms = self.chance.random() < 0.3
        if confirms and world.trial(asked).refused == "AMOUNTS_NOT_CONFIRMED":
            return replace(asked, expected=refund_shown(world.books, asked))
        return asked

    def _quantity(self, most: int) -> int:
        if self.chance.random() < 0.02:
            return most + 1
        return most if self.chance.random() < 0.4 else self.chance.randint(1, most)

    def _reverse(self, world: World, op_id: str) -> Operation | None:
        old = self._one(world, State.SETTLED, State.HELD)
        if old is None:
            return None
        return Reverse(
            op_id=op_id,
            settlement_id=old.settlement_id,
            by_agency=not self.alone and self.chance.random() < 0.3,
        )

    def _correct(self, world: World, op_id: str) -> Operation | None:
        old = self._one(world, State.SETTLED)
        if old is None:
            return None
        same = self.chance.random() < 0.25
        return Correct(
            op_id=op_id,
            settlement_id=old.settlement_id,
            bill=old.bill if same else changed_lines(self.chance, old.bill),
            with_code=self.chance.random() < 0.5,
            by_agency=not self.alone and self.chance.random() < 0.3,
        )

    def _reprice(self, world: World, op_id: str) -> Operation | None:
        found = [
            name for name, each in world.books.settlements.items() if each.state is State.SETTLED
        ]
        if not found:
            return None
        return Reprice(
            op_id=op_id,
            settlement_ids=tuple(self.chance.sample(found, min(len(found), 3))),
            terms=self.chance.choice(list(world.region.versions)),
            maker="clerk",
            checker="clerk" if self.chance.random() < 0.05 else "head",
        )

    def _credit(self, _world: World, op_id: str) -> Operation:
        fen = self.chance.choice((self.chance.randint(1, 5_000), self.chance.randint(1, 400_000)))
        return Credit(op_id=op_id, person_id=self._person(), amount_fen=fen)

    def _with_open(self, world: World, account: str) -> str:
        """Returns a person of whom something is open in an account, else anyone."""
        open_of = [each for each in PERSONS if world.books.balances.get(f"{account}:{each}")]
        return self.chance.choice(open_of or PERSONS)

    def _move_due(self, world: World, op_id: str) -> Operation:
        return MoveDue(op_id=op_id, person_id=self._with_open(world, "due"))

    def _settle_difference(self, world: World, op_id: str) -> Operation:
        person = self._with_open(world, "difference")
        owed_fen = world.books.balances.get(f"difference:{person}", 0)
        part = 1.0 if self.chance.random() < 0.5 else self.chance.random() * 1.1
        return SettleDifference(op_id=op_id, person_id=person, amount_fen=int(owed_fen * part))

    def _close(self, _world: World, op_id: str) -> Operation:
        return Close(op_id=op_id, institution_id=self.chance.choice((*INSTITUTIONS, "")))
