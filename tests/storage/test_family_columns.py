"""Bills that relatives pay and that cost somebody else by now: random acts, the books each time.

Earlier stays raise what later ones cost, so that reversals out of order, returns, corrections and
restatings leave dues; these are moved, and taken out again. No relative may end with more than
went in, and once every bill is reversed each has what it began with.
"""

import dataclasses
import random

import pytest
from support.benefit_world import admit, benefit_world, stay_bill
from support.charges import assert_books_are_right
from support.corrections import charged, correct
from support.databases import Databases, in_turns
from support.differences import move
from support.families import agree, giver, holding, purses
from support.holds import confirm, hold, release
from support.settlement_world import HOSPITAL, OTHER_HOSPITAL, REGION, TODAY, World

from yibao_common.values.errors import RuleError
from yibao_settlement.application.settlement.reverse import ReverseSettlement
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.rules.restating import OwnDebts

PLACES = (HOSPITAL, OTHER_HOSPITAL)


class Played:
    """Random acts on two persons' bills, of which two relatives pay."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.random = world, random.Random(seed)
        self.begun = {
            holding(world, fen, carried_fen=carried): fen + carried
            for fen, carried in ((90_000, 0), (50_000, 40_000), (700_000, 300_000), (2_000_000, 0))
        }
        self.persons = list(self.begun)[:2]
        self.relatives = list(self.begun)[2:]
        self.standing: dict[str, str] = {}
        self.held: dict[str, str] = {}

    def agree(self) -> None:
        person = self.random.choice(self.persons)
        chosen = self.random.sample(self.relatives, self.random.randrange(3))
        limit = self.random.choice((None, 200_000))
        agree(self.world, person, *[giver(each, payment_limit_fen=limit) for each in chosen])

    def _billed(self, *, is_held: bool) -> None:
        person, place = self.random.choice(self.persons), self.random.choice(PLACES)
        visit = admit(self.world, person, TODAY, institution_id=place)
        self.world.run(self.world.discharge_command(visit, institution_id=place))
        lines = charged(*[("A1", self.random.randrange(1_000, 2_000_000)) for _ in range(3)])
        total_fen = sum(line.amount_fen for line in lines)
        made = stay_bill(self.world, visit, TODAY, 1, account_used=True)
        made = made._replace(lines=lines, total_fen=total_fen, family_used=True)
        if is_held:
            held = hold(self.world, visit, person, bill=made, institution_id=place)
            self.held[held.hold_id] = place
            return
        settled = self.world.settle(visit, person, bill=made, institution_id=place)
        self.standing[settled.settlement_id] = place

    def settle(self) -> None:
        self._billed(is_held=False)

    def hold(self) -> None:
        self._billed(is_held=True)

    def end_hold(self) -> None:
        if self.held:
            key = self.random.choice(sorted(self.held))
            place = self.held.pop(key)
            if self.random.random() < 0.5:
                settled = confirm(self.world, key, institution_id=place).settlement_id
                self.standing[settled] = place
            else:
                release(self.world, key, institution_id=place)

    def reverse(self) -> None:
        if self.standing:
            key = self.random.choice(sorted(self.standing))
            place = self.standing.pop(key)
            debts = self.random.choice((OwnDebts.DIFFERENCE, OwnDebts.RESTATE))
            command = self.world.reverse_command(key, institution_id=place)
            self._with(command, debts)

    def _with(self, command: ReverseSettlement, debts: OwnDebts) -> None:
        """Carries out an act of an institution that may restate its own later bills."""
        command = dataclasses.replace(command, own_debts=debts)
        try:
            self.world.run(command)
        except RuleError as error:
            cash = error.metadata.get("restated_cash_fen")
            if cash is None:
                raise
            self.world.run(dataclasses.replace(command, restated_cash_fen=int(cash)))
        self._look()

    def _look(self) -> None:
        """Notes what stands by now: a restated bill is another settlement."""
        found = {}
        for person in self.persons:
            for record, _ in self.world.queries.bills_of(REGION, person):
                found[record.settlement_id] = record.institution_id
        self.standing = found

    def refund(self) -> None:
        if self.standing:
            key = self.random.choice(sorted(self.standing))
            place = self.standing[key]
            record = self.world.queries.settlement(REGION, key)
            assert record is not None
            left = [line.line_number for line in record.lines if line.amount_fen]
            if left:
                line = AskedReturn(self.random.choice(left))
                own_first = self.random.random() < 0.5
                try:
                    self.world.refund(key, line, institution_id=place, own_first=own_first)
                except RuleError as error:
                    if error.reason.name != "AMOUNTS_NOT_CONFIRMED":
                        raise

    def correct(self) -> None:
        if self.standing:
            key = self.random.choice(sorted(self.standing))
            lines = charged(*[("A1", self.random.randrange(1_000, 900_000)) for _ in range(2)])
            correct(self.world, key, lines, institution_id=self.standing[key])
            self._look()

    def move(self) -> None:
        for person in self.persons:
            try:
                move(self.world, person)
            except (RuleError, AssertionError):
                continue

    def play(self, acts: int) -> None:
        ways = [self.settle] * 4 + [self.reverse] * 2 + [self.refund] * 2 + [self.move] * 2
        ways += [self.correct, self.hold, self.end_hold, self.agree]
        self.agree()
        for _ in range(acts):
            self.random.choice(ways)()
            assert_books_are_right(self.world)
            for relative in self.relatives:
                assert 0 <= purses(self.world, relative).balance_fen <= self.begun[relative]
        for key in list(self.held):
            release(self.world, key, institution_id=self.held[key])
        while True:
            self._look()
            if not self.standing:
                break
            key = sorted(self.standing)[-1]
            self.world.reverse(key, institution_id=self.standing[key])
        assert_books_are_right(self.world)
        for person, fen in self.begun.items():
            assert purses(self.world, person).balance_fen == fen


@pytest.mark.parametrize(("databases", "seed"), in_turns(range(2)), indirect=["databases"])
def test_relatives_end_with_what_they_began_with(databases: Databases, seed: int) -> None:
    Played(benefit_world(databases), seed).play(12)
