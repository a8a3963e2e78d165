"""Random lives of accounts: after each step they hold and owe what a model of a page says."""

import dataclasses
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from support.credits import (
    balance,
    book,
    claims,
    confirm,
    credit,
    propose_pay_out,
    reject,
    take_back,
)
from support.databases import Databases, in_turns
from support.settlement_world import AGENCY, REGION, TODAY, World
from support.transfers import OTHER, pay, record_out, request_out

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.transfer.steps import ReceiveTransfer
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.bill import ChargedLine
from yibao_settlement.servicer.transfer import received

STEPS = 30


@dataclass
class Model:
    """What the rules of accounts say, without anything of the engine: all in fen."""

    holds_fen: int = 0
    owes_fen: int = 0
    is_closed: bool = False
    # Amounts by key of credits that stand, and what of each was not taken back.
    keys: dict[str, int] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)

    def credit(self, key: str, fen: int) -> str:
        if key in self.keys:
            return "repeated" if self.keys[key] == fen else "CREDIT_KEY_USED"
        if self.is_closed:
            return "ACCOUNT_CLOSED"
        self.keys[key] = fen
        return "credited"

    def book(self, key: str, fen: int) -> None:
        self.left[key] = fen
        self.holds_fen += fen
        self.meet()

    def meet(self) -> None:
        met = min(self.holds_fen, self.owes_fen)
        self.holds_fen, self.owes_fen = self.holds_fen - met, self.owes_fen - met

    def take_back(self, key: str, fen: int) -> None:
        taken = min(self.holds_fen, fen)
        self.holds_fen, self.owes_fen = self.holds_fen - taken, self.owes_fen + fen - taken
        self.left[key] -= fen
        if not self.left[key]:
            del self.left[key], self.keys[key]


@dataclass
class Life:
    """A person's account, played beside its model."""

    world: World
    person: str
    random: random.Random
    model: Model = field(default_factory=Model)
    visit: str = ""
    credits: dict[str, str] = field(default_factory=dict)
    orders: dict[str, tuple[str, int]] = field(default_factory=dict)
    paid: dict[str, int] = field(default_factory=dict)
    number: int = 0
    is_dead: bool = False

    def step(self) -> str:
        acts: list[Callable[[], object]] = [
            *(self.credit, self.credit, self.large, self.decide, self.spend, self.spend),
            *(self.correct, self.correct, self.reverse, self.die, self.move),
        ]
        act = self.random.choice(acts)
        act()
        return act.__name__

    def credit(self, *, limit_fen: int | None = None) -> None:
        key = f"K{self.random.randrange(8)}"
        fen = self.random.choice([1_000, 2_500, 4_000])
        said = self.model.credit(key, fen)
        asked: dict[str, Any] = {"business_key": key, "second_above_fen": limit_fen}
        if said not in ("credited", "repeated"):
            with pytest.raises(RuleError) as refusal:
                credit(self.world, self.person, fen, **asked)
            assert refusal.value.reason.name == said
            return
        told = credit(self.world, self.person, fen, **asked)
        assert told.is_repeated is (said == "repeated")
        if told.is_repeated:
            return
        self.credits[key] = told.credit.credit_id
        if told.credit.order_id:
            self.orders[key] = (told.credit.order_id, fen)
        else:
            self.model.book(key, fen)

    def large(self) -> None:
        self.credit(limit_fen=3_000)

    def decide(self) -> None:
        if not self.orders:
            return
        key = self.random.choice(sorted(self.orders))
        order_id, fen = self.orders[key]
        if self.random.random() < 0.3:
            reject(self.world, order_id)
            del self.model.keys[key]
        elif self.model.is_closed:
            with pytest.raises(RuleError, match="closed"):
                confirm(self.world, order_id)
            return
        else:
            confirm(self.world, order_id)
            self.model.book(key, fen)
        del self.orders[key]

    def spend(self) -> None:
        if self.is_dead:
            return
        self.visit = self.visit or self.world.register(self.person)
        self.number += 1
        fen = self.random.choice([700, 1_500, 9_000]) + self.number
        line = ChargedLine(1, "A1", f"{fen // 100}.{fen % 100:02d}", "1", fen)
        bill = self.world.bill(self.visit, lines=(line,), total_fen=fen, account_used=True)
        settled = self.world.settle(self.visit, self.person, bill=bill)
        own_fen = settled.account_fen + settled.cash_fen
        assert settled.account_fen == min(self.model.holds_fen, own_fen)
        self.model.holds_fen -= settled.account_fen
        self.paid[settled.settlement_id] = settled.account_fen

    def reverse(self) -> None:
        # The newest first: what later bills come to is another model's.
        if self.paid:
            settlement_id = max(self.paid)
            self.world.reverse(settlement_id)
            self.model.holds_fen += self.paid.pop(settlement_id)

    def correct(self) -> None:
        if not self.model.left:
            return
        key = self.random.choice(sorted(self.model.left))
        left = self.model.left[key]
        fen = self.random.choice([left, max(left // 3, 1)])
        done = take_back(self.world, self.credits[key], fen)
        assert done.receivable_fen == fen - min(self.model.holds_fen, fen)
        self.model.take_back(key, fen)

    def die(self) -> None:
        if not self.is_dead and self.random.random() < 0.2:
            insured = self.world.insured(self.person)
            self.world.feed(dataclasses.replace(insured, death_date=TODAY))
            self.is_dead = True
        payable = self.model.holds_fen - self.model.owes_fen
        if not self.is_dead:
            return
        if payable <= 0:
            with pytest.raises(RuleError) as refusal:
                propose_pay_out(self.world, self.person, 1)
            assert refusal.value.reason is Reason.PAY_OUT_NOT_OPEN
            return
        confirm(self.world, propose_pay_out(self.world, self.person, payable).order_id)
        self.model.holds_fen = self.model.owes_fen = 0
        self.model.is_closed = True

    def move(self) -> None:
        """Moves the account away, or back, under a number of its own."""
        self.number += 1
        number = f"ZY-{self.number}-{self.person[-8:]}"
        if self.model.is_closed and not self.is_dead:
            request = self.world.request("ReceiveTransfer", caller=AGENCY)
            came = ReceiveTransfer(request, self.person, OTHER, number, 600, None, received)
            self.world.run(came)
            self.model.is_closed = False
            self.model.keys[f"{OTHER}/{number}"] = 600
            self.model.book("moved", 600)
            # Of a transfer that came nothing is corrected here.
            del self.model.left["moved"]
            return
        payable = self.model.holds_fen - self.model.owes_fen
        if self.is_dead or payable <= 0:
            with pytest.raises(RuleError):
                request_out(self.world, self.person, transfer_number=number)
            return
        asked = request_out(self.world, self.person, transfer_number=number)
        record_out(self.world, asked.transfer_id, payable)
        pay(self.world, asked.transfer_id, payable)
        self.model.holds_fen = self.model.owes_fen = 0
        self.model.is_closed = True

    def check(self) -> None:
        model = self.model
        assert balance(self.world, self.person) == model.holds_fen
        assert claims(self.world, self.person) == (model.owes_fen, model.is_closed)
        standing = [
            each
            for each in book(self.world).credits(REGION, self.person, before=None, limit=100)
            if each.holds_key
        ]
        assert {each.business_key: each.amount_fen for each in standing} == model.keys


@pytest.mark.parametrize(("databases", "seed"), in_turns((11, 12)), indirect=["databases"])
def test_accounts_are_as_modelled_after_every_step(databases: Databases, seed: int) -> None:
    world = World(databases.open("yibao_settlement"))
    chance = random.Random(seed)
    lives = [Life(world, person, chance) for person in world.enrol(2)]
    played = []
    for _ in range(STEPS):
        life = chance.choice(lives)
        played.append(life.step())
        life.check()
        # All that it examines takes longer than the step.
        if len(played) % 4 == 0:
            assert check_ledger(world.database).drifts == [], (seed, played)
    assert check_ledger(world.database).drifts == [], (seed, played)
