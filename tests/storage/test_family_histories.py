"""Random acts on bills that relatives pay, against plain arithmetic, on both databases.

The oracle keeps each purse and each bill's parts as numbers and knows nothing of postings,
records or standings. No fund pays of these bills, so that each stands for itself.
"""

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from support.charges import assert_books_are_right
from support.corrections import correct
from support.databases import Databases, in_turns
from support.families import agree, bill, giver, parts, purses, settle, stay
from support.holds import confirm, hold, release
from support.settlement_world import World

from yibao_settlement.rules.account import Purses
from yibao_settlement.rules.family import Giver
from yibao_settlement.rules.refund import AskedReturn

LINES = 3
HALF_AN_HOUR = dt.timedelta(minutes=30)


@dataclass
class Part:
    """What a purse paid of a bill: this year's money and that of earlier years."""

    person: str
    current: int
    carried: int

    @property
    def total(self) -> int:
        return self.current + self.carried


@dataclass
class PlainBill:
    """A bill: what each line costs, and who paid, the receiver first."""

    person: str
    lines: list[int]
    parts: list[Part]
    year: int
    asked: int

    @property
    def paid(self) -> int:
        return sum(part.total for part in self.parts)


@dataclass
class Plain:
    """Accounts and bills as numbers."""

    year: int
    purses: dict[str, list[int]] = field(default_factory=dict)
    givers: dict[str, list[Giver]] = field(default_factory=dict)
    bills: dict[str, PlainBill] = field(default_factory=dict)
    used: dict[tuple[str, str, int], int] = field(default_factory=dict)

    def take(self, person: str, fen: int) -> Part:
        current, carried = self.purses[person]
        part = Part(person, min(current, fen), min(max(fen - current, 0), carried))
        self.purses[person] = [current - part.current, carried - part.carried]
        return part

    def settle(self, key: str, person: str, lines: list[int]) -> None:
        left = sum(lines)
        found = PlainBill(person, lines, [self.take(person, left)], self.year, left)
        left -= found.paid
        for each in self.givers.get(person, []):
            most = left
            if each.payment_limit_fen is not None:
                most = min(most, each.payment_limit_fen)
            if each.year_limit_fen is not None:
                used = self.used.get((person, each.giver_id, self.year), 0)
                most = min(most, max(each.year_limit_fen - used, 0))
            part = self.take(each.giver_id, most)
            self.use(found, part, 1)
            found.parts.append(part)
            left -= part.total
        self.bills[key] = found

    def use(self, of: PlainBill, part: Part, sign: int) -> None:
        key = of.person, part.person, of.year
        self.used[key] = self.used.get(key, 0) + sign * part.total

    def back(self, key: str, fen: int) -> None:
        """Gives so much back, the last payer first, of each what it paid last."""
        found = self.bills[key]
        for place in reversed(range(len(found.parts))):
            part = found.parts[place]
            gone = Part(part.person, 0, min(part.carried, fen))
            gone.current = min(part.current, fen - gone.carried)
            fen -= gone.total
            found.parts[place] = Part(
                part.person, part.current - gone.current, part.carried - gone.carried
            )
            purse = self.purses[part.person]
            is_over = found.year < self.year
            purse[0] += 0 if is_over else gone.current
            purse[1] += gone.carried + (gone.current if is_over else 0)
            if place:
                self.use(found, gone, -1)

    def refund(self, key: str, line: int) -> None:
        found = self.bills[key]
        found.lines[line] = 0
        self.back(key, found.paid - min(max(self._stays(found), 0), sum(found.lines), found.paid))

    def _stays(self, found: PlainBill) -> int:
        """The account as it was asked first, less what the person bears less."""
        return self.drawn[id(found)] - (found.asked - sum(found.lines))

    drawn: dict[int, int] = field(default_factory=dict)

    def new_year(self) -> None:
        self.year += 1
        for purse in self.purses.values():
            purse[:] = [0, sum(purse)]


class Played:
    """The same acts on a world and on the oracle."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.random = world, random.Random(seed)
        self.plain = Plain(world.clock.now.year)
        self.persons = world.enrol(5)
        self.holds: dict[str, str] = {}
        for person in self.persons:
            self.plain.purses[person] = [0, 0]
            self.credit(person, self.random.randrange(20_000))

    def credit(self, person: str, fen: int) -> None:
        if fen:
            self.world.run(self.world.credit_command(person, fen))
            self.plain.purses[person][0] += fen

    def agree(self) -> None:
        receiver = self.random.choice(self.persons)
        others = [each for each in self.persons if each != receiver]
        chosen = self.random.sample(others, self.random.randrange(4))
        limits = (None, 500, 3_000, 9_000)
        found = [
            giver(
                each,
                payment_limit_fen=self.random.choice(limits),
                year_limit_fen=self.random.choice(limits),
            )
            for each in chosen
        ]
        agree(self.world, receiver, *found)
        self.plain.givers[receiver] = found

    def lines(self) -> list[int]:
        return [self.random.randrange(1, 5_000) for _ in range(LINES)]

    def _kept(self, key: str) -> None:
        found = self.plain.bills[key]
        self.plain.drawn[id(found)] = found.paid

    def settle(self) -> None:
        person, lines = self.random.choice(self.persons), self.lines()
        key = settle(self.world, person, *[("A1", fen) for fen in lines])
        self.plain.settle(key, person, lines)
        self._kept(key)

    def hold(self) -> None:
        person, lines = self.random.choice(self.persons), self.lines()
        visit = stay(self.world, person)
        made = bill(self.world, visit, *[("A1", fen) for fen in lines])
        key = hold(self.world, visit, person, bill=made).hold_id
        self.plain.settle(key, person, lines)
        self._kept(key)
        self.holds[key] = person

    def end_hold(self) -> None:
        if not self.holds:
            return
        key = self.random.choice(sorted(self.holds))
        del self.holds[key]
        if self.random.random() < 0.5:
            settled = confirm(self.world, key).settlement_id
            self.plain.bills[settled] = self.plain.bills.pop(key)
        else:
            release(self.world, key)
            self.plain.back(key, self.plain.bills[key].paid)
            del self.plain.bills[key]

    def expire(self) -> None:
        self.world.clock.now += HALF_AN_HOUR
        persons = set(self.holds.values())
        for key in self.holds:
            self.plain.back(key, self.plain.bills[key].paid)
            del self.plain.bills[key]
        self.holds = {}
        for person in sorted(persons):
            self.credit(person, 1)

    def _settled(self) -> str | None:
        keys = sorted(self.plain.bills.keys() - self.holds.keys())
        return self.random.choice(keys) if keys else None

    def reverse(self) -> None:
        key = self._settled()
        if key is not None:
            self.world.reverse(key)
            self.plain.back(key, self.plain.bills[key].paid)
            del self.plain.bills[key]

    def refund(self) -> None:
        key = self._settled()
        left = (
            [] if key is None else [at for at, fen in enumerate(self.plain.bills[key].lines) if fen]
        )
        if key is not None and left:
            line = self.random.choice(left)
            self.world.refund(key, AskedReturn(line + 1))
            self.plain.refund(key, line)

    def correct(self) -> None:
        key = self._settled()
        if key is None:
            return
        lines = self.lines()
        charged = bill(self.world, "", *[("A1", fen) for fen in lines]).lines
        told = correct(self.world, key, charged)
        old = self.plain.bills.pop(key)
        paid = [replace(part) for part in old.parts]
        self.plain.bills["gone"] = old
        self.plain.back("gone", old.paid)
        del self.plain.bills["gone"]
        left, is_over = sum(lines), old.year < self.plain.year
        new = PlainBill(old.person, lines, [], self.plain.year, left)
        for part in paid:
            if is_over:
                part = Part(part.person, 0, part.total)
            fen = min(part.total, left)
            current = min(part.current, fen)
            taken = Part(part.person, current, fen - current)
            purse = self.plain.purses[part.person]
            purse[:] = [purse[0] - taken.current, purse[1] - taken.carried]
            if new.parts:
                self.plain.use(new, taken, 1)
            new.parts.append(taken)
            left -= fen
        settled = told.settlement.settlement_id
        self.plain.bills[settled] = new
        self._kept(settled)

    def new_year(self) -> None:
        if self.plain.year < 2028:
            self.expire()
            self.world.clock.now = dt.datetime(self.plain.year + 1, 1, 5, 4, tzinfo=dt.UTC)
            self.plain.new_year()

    def play(self, acts: int) -> None:
        ways: list[Callable[[], None]] = (
            [self.agree] * 3 + [self.settle] * 5 + [self.refund] * 3 + [self.reverse] * 2
        )
        ways += [self.hold, self.hold, self.end_hold, self.end_hold, self.correct, self.correct]
        ways += [self.expire, lambda: self.credit(self.random.choice(self.persons), 3_000)]
        self.agree()
        for act in range(acts):
            if act == acts // 2:
                self.new_year()
            self.random.choice(ways)()
            self.check()

    def check(self) -> None:
        for person in self.persons:
            held = [self.plain.bills[key] for key, whose in self.holds.items() if whose == person]
            # What is held is in the account: the own money, and what relatives gave.
            current = sum(each.paid - each.parts[0].carried for each in held)
            carried = sum(each.parts[0].carried for each in held)
            plain = self.plain.purses[person]
            expected = Purses(plain[0] + current, plain[1] + carried)
            assert purses(self.world, person) == expected, person
        for key, found in self.plain.bills.items():
            if key not in self.holds:
                told = [(part.person, part.total) for part in found.parts[1:] if part.total]
                assert parts(self.world, key) == told
        assert_books_are_right(self.world)


@pytest.mark.parametrize(("databases", "seed"), in_turns(range(2)), indirect=["databases"])
def test_random_acts_leave_what_plain_arithmetic_says(databases: Databases, seed: int) -> None:
    Played(World(databases.open("yibao_settlement")), seed).play(24)
