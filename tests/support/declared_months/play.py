"""Random months of two hospitals and their agency, played on the service and on the oracle."""

import datetime as dt
import random
from collections import Counter
from functools import partial

from support.declared_months.books import MonthBooks, month_number
from support.declared_months.desk import Desk
from support.declared_months.oracle import Key, Oracle
from support.refusals import reason_of
from support.settlement_world import AGENCY, HOSPITAL, OTHER_HOSPITAL, World

from yibao.settlement.v1.declaration_pb2 import Deduction
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.declaration.month import MonthOf, MonthSums
from yibao_settlement.rules.declaration.order import DeductionType, DepositMoveKind
from yibao_settlement.rules.refund import AskedReturn

HOSPITALS = (HOSPITAL, OTHER_HOSPITAL)
RATIO_PPM = 37_777
MONTH = dt.timedelta(days=31)


class Play:
    """Who acts as chance has it; `done` counts what was."""

    def __init__(self, world: World, seed: int) -> None:
        self.books = MonthBooks(world, oracle=Oracle(RATIO_PPM))
        self.oracle = self.books.oracle
        self.desk = Desk(world, ratio_ppm=RATIO_PPM)
        self.done: Counter[str] = Counter()
        self._chance = random.Random(seed)
        self._persons = world.enrol(3)
        for person in self._persons:
            world.run(world.credit_command(person, 300_000))
        # How many lines are left of what stands.
        self._lines: dict[str, int] = {}
        # What is given back by now, and what may be: the deduction and its declaration.
        self._given_back: list[tuple[str, Deduction]] = []
        self._released: dict[str, tuple[str, str, int]] = {}

    def step(self) -> None:
        """Does one thing."""
        clock = self.books.world.clock
        clock.now += dt.timedelta(seconds=self._chance.randrange(1, 40_000))
        choices = (
            *[self._settle] * 6,
            *[self._take_back] * 3,
            *[self._declare] * 3,
            *[self._accept] * 3,
            *[self._deduct] * 3,
            *[self._pay] * 2,
            *[self._move] * 2,
            *(self._end, self._give_back, self._pay_release, self._pass_month),
        )
        self._chance.choice(choices)()

    def end(self) -> None:
        """Lets the months go by and has all of them declared."""
        self._pass_month()
        for key in sorted({each.key for each in self.oracle.acts}):
            if key[1] < month_number(self.books.world.clock.now):
                self._declare_key(key)

    def _settle(self) -> None:
        fen = [self._chance.randrange(1, 500_000) for _ in range(self._chance.randrange(1, 4))]
        made = self.books.visit(
            *fen,
            person=self._chance.choice(self._persons),
            institution_id=self._chance.choice(HOSPITALS),
            care_type=self._chance.choice(("11", "11", "2101")),
        )
        self._lines[made] = len(fen)
        self.done["settled"] += 1

    def _take_back(self) -> None:
        if not self._lines:
            return
        gone, kind = self._chance.choice(sorted(self._lines)), self._chance.random()
        left = self._lines[gone]
        by = {"caller": AGENCY} if self._chance.random() < 0.3 else {}
        if kind < 0.4 and left:
            self.books.refund(gone, AskedReturn(line_number=left), **by)
            self._lines[gone] -= 1
        elif kind < 0.6:
            made = self.books.correct(gone, ("A1", self._chance.randrange(1, 400_000)), **by)
            del self._lines[gone]
            self._lines[made] = 1
        else:
            self.books.reverse(gone, **by)
            del self._lines[gone]
        self.done["taken back"] += 1

    def _pass_month(self) -> None:
        self.books.world.clock.now += MONTH
        self.done["months"] += 1

    def _declare(self) -> None:
        keys = sorted({each.key for each in self.oracle.acts})
        if keys:
            self._declare_key(self._chance.choice(keys))

    def _declare_key(self, key: Key) -> None:
        sums, funds = MonthSums(*self.oracle.sums(key)), self.oracle.funds(key)
        wrong = sums._replace(total_fen=sums.total_fen + 1)

        def declare(own: MonthSums) -> str:
            return self.desk.declare(MonthOf(*key), own, funds).declaration_id

        if key[1] >= month_number(self.books.world.clock.now):
            assert reason_of(lambda: declare(sums)) is Reason.PERIOD_NOT_OVER
        elif self.oracle.standing(key) is not None:
            assert reason_of(lambda: declare(sums)) is Reason.DECLARATION_EXISTS
        else:
            assert reason_of(lambda: declare(wrong)) is Reason.DECLARATION_SUMS_DIFFER
            self.oracle.declare(declare(sums), key)
            self.done["declared"] += 1
            self.done["negative"] += sums.fund_total_fen < 0

    def _accept(self) -> None:
        for name in self._some("DECLARED"):
            self.desk.accept(name)
            self.oracle.declared[name].state = "ACCEPTED"

    def _end(self) -> None:
        for name in self._some("DECLARED", "ACCEPTED"):
            of = self.oracle.declared[name]
            if of.state == "DECLARED" and self._chance.random() < 0.5:
                self.desk.withdraw(name, of.key[0])
                of.state = "WITHDRAWN"
                self.done["withdrawn"] += 1
            elif of.deducted or of.offset:
                assert reason_of(partial(self.desk.reject, name)) is Reason.DEDUCTION_WAITS
            else:
                self.desk.reject(name)
                of.state = "REJECTED"
                self.done["rejected"] += 1

    def _deduct(self) -> None:
        for name in self._some("ACCEPTED"):
            of = self.oracle.declared[name]
            funds = [payer for payer in sorted(of.declared) if payer.isdigit()]
            if not funds:
                return
            fund, kind = self._chance.choice(funds), self._chance.choice(list(DeductionType))
            left = self.oracle.left_to_deduct(name, fund, 0)
            refused = reason_of(partial(self.desk.propose_deduction, name, fund, left + 1))
            assert refused is Reason.DEDUCTION_EXCEEDS
            if not left:
                return
            fen = min(left, self._chance.randrange(1, 60_000))
            waiting = self.desk.propose_deduction(name, fund, fen, kind=kind)
            paying = reason_of(partial(self.desk.propose_payment, name))
            assert paying is Reason.DEDUCTION_WAITS
            if self._chance.random() < 0.2:
                self.desk.withdraw_deduction(waiting)
                return
            done = self.desk.confirm_deduction(waiting)
            self.oracle.deduct(name, int(kind), fund, fen)
            self.done[f"deducted {kind.name}"] += 1
            if kind is not DeductionType.RESERVE:
                self._given_back.append((of.key[0], done))

    def _give_back(self) -> None:
        for name in self._some("ACCEPTED"):
            institution = self.oracle.declared[name].key[0]
            for each in self._given_back:
                if each[0] == institution:
                    of = each[1]
                    self.desk.deduct(name, revoked_id=of.deduction_id)
                    self.oracle.deduct(name, of.deduction_type, of.fund_type, -of.amount_fen)
                    self._given_back.remove(each)
                    self.done["given back"] += 1
                    return

    def _pay(self) -> None:
        """Pays some accepted months of a hospital together, those owed back among them."""
        institution = self._chance.choice(HOSPITALS)
        names = [
            name
            for name, of in self.oracle.declared.items()
            if of.state == "ACCEPTED" and of.key[0] == institution
        ]
        names = self._chance.sample(names, min(len(names), self._chance.randrange(1, 4)))
        if not names:
            return
        due = self.oracle.due(*names)
        if due < 0:
            refused = reason_of(lambda: self.desk.propose_payment(*names))
            assert refused is Reason.PAYMENT_NEGATIVE
            self.done["not payable"] += 1
            return
        proposed = self.desk.propose_payment(*names)
        if self._chance.random() < 0.2:
            self.desk.withdraw_payment(proposed)
            return
        assert proposed.amount_fen == due
        told = self.desk.confirm_payment(proposed)
        self.oracle.order(*names)
        assert self.desk.report(told, f"B{told.payment_id}").amount_fen == due
        self.oracle.pay(institution, due)
        for name in names:
            self.oracle.declared[name].state = "PAID"
            self.done["paid"] += 1

    def _move(self) -> None:
        withheld = [
            (name, fund, fen)
            for name, of in self.oracle.declared.items()
            for fund, fen in of.withheld.items()
            if fen
        ]
        if not withheld:
            return
        name, fund, left = self._chance.choice(withheld)
        more = reason_of(lambda: self.desk.propose_move(name, fund, left + 1))
        assert more is Reason.DEPOSIT_EXCEEDED
        fen, forfeits = self._chance.randrange(1, left + 1), self._chance.random() < 0.4
        kind = DepositMoveKind.FORFEIT if forfeits else DepositMoveKind.RELEASE
        moved = self.desk.move(name, fund, fen, kind=kind)
        self.oracle.release(name, fund, fen, forfeits=forfeits)
        if not forfeits:
            institution = self.oracle.declared[name].key[0]
            self._released[moved.move_id] = (institution, fund, fen)
        self.done[kind.name] += 1

    def _pay_release(self) -> None:
        for move_id, (institution, _, fen) in self._released.items():
            assert self.desk.pay(release_ids=(move_id,)).amount_fen == fen
            self.oracle.pay(institution, fen)
            del self._released[move_id]
            self.done["release paid"] += 1
            return

    def _some(self, *states: str) -> list[str]:
        """Returns one declaration in one of some states, or none."""
        names = [name for name, of in self.oracle.declared.items() if of.state in states]
        return [self._chance.choice(names)] if names else []
