"""A person of the service who does what the model of histories does."""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from support.benefit_world import admit
from support.databases import Databases
from support.differences import move
from support.differences import settle as settle_difference
from support.history_model.bills import Bill as ModelBill
from support.history_model.columns import Column
from support.history_model.examples import (
    FOLDER,
    Json,
    operation_of,
)
from support.history_model.operations import (
    Confirm,
    ConfirmOverride,
    Correct,
    Credit,
    Expire,
    Hold,
    Interim,
    MoveDue,
    OfPerson,
    Operation,
    PassTime,
    ProposeOverride,
    Refund,
    Release,
    Reprice,
    Reverse,
    Settle,
    SettleDifference,
    TakeBack,
)
from support.holds import confirm, hold, release
from support.played_returns import NOTHING_TOLD, Taking, Told
from support.repricings import reprice
from support.settlement_world import HOSPITAL, OTHER_HOSPITAL, REGION, World

from yibao.settlement.v1 import refund_service_pb2 as pb
from yibao_common.values.calendar import shanghai_day
from yibao_settlement.application.hold.expire import ExpireHolds
from yibao_settlement.application.settlement.record import Effective, SettlementRecord
from yibao_settlement.rules.bill import Bill, ChargedLine
from yibao_settlement.rules.difference_order import OrderKind
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.rules.refund import RefundOrder
from yibao_settlement.rules.repricing import Liability, RepricedTerm
from yibao_settlement.rules.restating import OwnDebts
from yibao_settlement.storage import tables

INSTITUTIONS = {"H1": HOSPITAL, "H2": OTHER_HOSPITAL}
ITEMS = {"01": "A1", "02": "B1", "03": "C1"}
LIABILITIES = {
    None: Liability.AS_BEFORE,
    True: Liability.THIRD_PARTY,
    False: Liability.NOBODY_ELSE,
}
HOLDS = (Hold, Confirm, Release, PassTime, Expire)
BUILT = (
    *(Settle, Interim, Reverse, Refund, Correct, Credit),
    *(SettleDifference, MoveDue, Reprice, *HOLDS),
)
Posted = tuple[str, tuple[tuple[str, int], ...]]


@dataclass(slots=True)
class Played:
    """A person of the service who does what the model's person does."""

    world: World
    person: str
    visits: dict[str, str] = field(default_factory=dict)
    settled: dict[str, str] = field(default_factory=dict)
    held: dict[str, str] = field(default_factory=dict)
    institution_of: dict[str, str] = field(default_factory=dict)
    # Orders that settled differences, to the operations.
    orders: dict[str, str] = field(default_factory=dict)
    refund_order: RefundOrder = RefundOrder.ACCOUNT_FIRST
    newest_first: bool = False
    own_debts: OwnDebts = OwnDebts.DIFFERENCE
    # As they were told when they were proposed, by the operation.
    overrides: dict[str, pb.Override] = field(default_factory=dict)
    # What the answer to the last operation told.
    told: Told = NOTHING_TOLD
    # The last posting that was compared.
    through_posting_id: str = str(uuid.UUID(int=0))

    @property
    def day(self) -> dt.date:
        """On which the person is admitted, discharged and billed."""
        return shanghai_day(self.world.clock.now)

    def names(self) -> dict[str, str]:
        """Returns the names in the model of everybody whose bills there are."""
        return {self.person: "p1"}

    def run(self, operation: Operation) -> int:
        """Does what the model does; returns how many later bills are told as moved."""
        world, person = self.world, self.person
        match operation:
            case OfPerson():
                institution = INSTITUTIONS[operation.institution_id]
                visit = str(operation.bill.words["visit"])
                if visit not in self.visits:
                    self.visits[visit] = admit(world, person, self.day, institution_id=institution)
                visit_id = self.visits[visit]
                if isinstance(operation, (Settle, Hold)):
                    told = {"end_date": self.day, "institution_id": institution}
                    world.run(world.discharge_command(visit_id, **told))
                bill = bill_of(operation.bill, visit_id, operation, self.day)
                asked: dict[str, Any] = {"bill": bill, "institution_id": institution}
                if isinstance(operation, Hold):
                    valid_for = dt.timedelta(seconds=operation.seconds)
                    one = hold(world, visit_id, person, valid_for=valid_for, **asked)
                    self.held[operation.op_id] = one.hold_id
                else:
                    settlement = world.settle(visit_id, person, **asked)
                    self.settled[operation.op_id] = settlement.settlement_id
                self.institution_of[operation.op_id] = institution
            case Confirm() | Release() | PassTime() | Expire():
                return self._run_of_holds(operation)
            case TakeBack() | ProposeOverride() | ConfirmOverride():
                return Taking(self).run(operation)
            case Credit():
                world.run(world.credit_command(person, operation.amount_fen))
            case SettleDifference() | MoveDue() | Reprice():
                return self._run_of_agency(operation)
            case _:
                raise AssertionError(f"{operation} is not built")
        return 0

    def _run_of_agency(self, operation: SettleDifference | MoveDue | Reprice) -> int:
        world, person = self.world, self.person
        match operation:
            case SettleDifference():
                kind = OrderKind.PAY_OUT if operation.amount_fen > 0 else OrderKind.COLLECT
                order = settle_difference(world, person, kind, abs(operation.amount_fen))
                self.orders[order.order_id] = operation.op_id
            case MoveDue():
                move(world, person)
            case Reprice():
                ids = [self.settled[each] for each in operation.settlement_ids]
                terms = (RepricedTerm.POLICY,) if operation.terms else ()
                liability = LIABILITIES[operation.is_liable]
                return reprice(world, *ids, terms=terms, liability=liability).bill_count
        return 0

    def charged(self, bill: ModelBill) -> tuple[ChargedLine, ...]:
        """Returns the lines of a bill as an institution charges them."""
        return lines_of(bill)

    def settled_in_place(self, op_id: str, settlement_id: str, *, of: str) -> None:
        """Keeps which settlement an operation of the model put in the place of another one."""
        self.settled[op_id] = settlement_id
        self.institution_of[op_id] = self.institution_of[of]

    def _run_of_holds(self, operation: Confirm | Release | PassTime | Expire) -> int:
        world, person = self.world, self.person
        match operation:
            case Confirm(settlement_id=of):
                asked = {"institution_id": self.institution_of[of]}
                self.settled[of] = confirm(world, self.held[of], **asked).settlement_id
            case Release(settlement_id=of):
                asked = {"institution_id": self.institution_of[of]}
                return release(world, self.held[of], **asked).adjusted_count
            case _:
                # The model ends what ran out before whatever comes next.
                assert world.work(REGION, [ExpireHolds.of(REGION, person)]) == [b""]
                if isinstance(operation, PassTime):
                    world.clock.now += dt.timedelta(seconds=operation.seconds)
        return 0

    def postings(self) -> Counter[Posted]:
        """Returns how often each posting was made, by kind and entries in the model's names."""
        return counted_postings(self._posted_after(str(uuid.UUID(int=0))).values())

    def new_postings(self) -> Counter[Posted]:
        """Returns the same of what was posted since it was asked last."""
        found = self._posted_after(self.through_posting_id)
        # Ids rise with time, and one at a time posts.
        self.through_posting_id = max([self.through_posting_id, *found])
        return counted_postings(found.values())

    def _posted_after(self, posting_id: str) -> dict[str, tuple[str, dict[str, int]]]:
        """Returns the kind and the entries of each posting with a greater id."""
        institutions = {real: name for name, real in INSTITUTIONS.items()}
        names = {**self.names(), **institutions, **self.orders}
        entry = tables.entry.c
        found: dict[str, tuple[str, dict[str, int]]] = {}
        columns = (entry.posting_id, entry.kind, entry.account_id, entry.amount_fen)
        with self.world.database.read() as connection:
            for row in connection.execute(sa.select(*columns).where(entry.posting_id > posting_id)):
                kind, _, of = row.account_id.partition(":")
                # The model has one purse for money of all years.
                name = f"{'person' if kind == 'carried' else kind}:{names.get(of, of)}"
                posted: tuple[str, dict[str, int]] = (PostingKind(row.kind).name, {})
                entries = found.setdefault(row.posting_id, posted)[1]
                entries[name] = entries.get(name, 0) + row.amount_fen
        return found

    def columns(self, op_id: str, *, is_held: bool = False) -> tuple[Counter[str], Counter[str]]:
        """Returns what a settlement or a hold cost whom, and what it costs by now."""
        reads = self.world.queries
        if is_held:
            one = reads.hold(REGION, self.held[op_id])
            assert one is not None
            record: SettlementRecord | None = one.record
        else:
            record = reads.settlement(REGION, self.settled[op_id])
        assert record is not None
        # The model's counter owes no arrears: they are of what the bill costs by now.
        return borne_by(record.counter._replace(arrears=())), borne_by(record.effective)


def borne_by(effective: Effective) -> Counter[str]:
    borne = effective.borne
    return Counter({**borne.payers, "account": borne.account_fen, "cash": borne.cash_fen})


def modelled(column: Column) -> Counter[str]:
    return Counter({**column.by_account(), "account": column.purses.fen, "cash": column.cash_fen})


def counted_postings(postings: Iterable[tuple[str, Mapping[str, int]]]) -> Counter[Posted]:
    """Returns how often each was made, by kind and entries; money put in or carried over apart."""
    return Counter(
        (kind, tuple(sorted(entries.items())))
        for kind, entries in postings
        if kind not in ("CREDIT", "CARRY_OVER")
    )


def lines_of(bill: ModelBill) -> tuple[ChargedLine, ...]:
    return tuple(
        ChargedLine(
            number,
            ITEMS[str(line.words["class"])],
            f"{Decimal(line.price_micro) / 1_000_000:f}",
            f"{Decimal(line.quantity) / 10_000:f}",
            line.amount_fen,
        )
        for number, line in enumerate(bill.lines, 1)
    )


def bill_of(bill: ModelBill, visit_id: str, operation: OfPerson, day: dt.date) -> Bill:
    return Bill(
        visit_id,
        operation.op_id,
        day,
        lines_of(bill),
        bill.amount_fen,
        bill.account_used,
        is_interim=isinstance(operation, Interim),
    )


def played_in(databases: Databases) -> Played:
    """Returns a person of a region whose policy is that of the examples."""
    policy = (FOLDER / "policy.yaml").read_text(encoding="utf-8")
    policy = policy.replace('"999000"', f'"{REGION}"').replace('"310"', '"390"', 1)
    world = World(databases.open("yibao_settlement"), policy_file=policy.encode())
    (person,) = world.enrol()
    return Played(world, person)


def built(example: Json) -> list[Operation]:
    """Returns the operations of an example up to the first that is not built yet."""
    found: list[Operation] = []
    for written in example["operations"]:
        operation = operation_of(written)
        if not isinstance(operation, BUILT):
            break
        found.append(operation)
    return found
