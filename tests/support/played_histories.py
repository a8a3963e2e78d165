"""A person of the service who does what the model of histories does, and the comparison of both."""

import datetime as dt
import operator
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from support.benefit_world import admit
from support.charges import assert_books_are_right
from support.corrections import correct
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
from support.history_model.ledger import Posting
from support.history_model.operations import (
    Confirm,
    Correct,
    Credit,
    Expire,
    Hold,
    Interim,
    MoveDue,
    OfPerson,
    Operation,
    PassTime,
    Refund,
    Release,
    Reprice,
    Reverse,
    Settle,
    SettleDifference,
)
from support.history_model.world import World as Model
from support.holds import confirm, hold, release
from support.repricings import reprice
from support.settlement_world import HOSPITAL, OTHER_HOSPITAL, REGION, World

from yibao.settlement.v1.settlement_service_pb2 import ReverseSettlementResponse
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.errors import RuleError
from yibao_settlement.application.hold.expire import ExpireHolds
from yibao_settlement.application.settlement.record import Effective, SettlementRecord
from yibao_settlement.application.settlement.refunded import GivenBack
from yibao_settlement.rules.bill import Bill, ChargedLine
from yibao_settlement.rules.difference_order import OrderKind
from yibao_settlement.rules.ledger import PostingKind
from yibao_settlement.rules.refund import AskedReturn, RefundOrder
from yibao_settlement.rules.repricing import RepricedTerm
from yibao_settlement.storage import tables

INSTITUTIONS = {"H1": HOSPITAL, "H2": OTHER_HOSPITAL}
ITEMS = {"01": "A1", "02": "B1", "03": "C1"}
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
            case Reverse():
                command = world.reverse_command(
                    self.settled[operation.settlement_id],
                    institution_id=self._returning(operation),
                    newest_first=self.newest_first,
                )
                answer = ReverseSettlementResponse.FromString(world.run(command))
                return answer.adjusted_count
            case Refund():
                refunded = world.refund(
                    self.settled[operation.settlement_id],
                    *(
                        AskedReturn(number + 1, quantity=f"{Decimal(quantity) / 10_000:f}")
                        for number, quantity in operation.returned.items()
                    ),
                    institution_id=self._returning(operation),
                    expected=expected_of(operation.expected),
                    order=self.refund_order,
                    newest_first=self.newest_first,
                )
                return refunded.adjusted_count
            case Correct():
                return self._correct(operation)
            case Credit():
                world.run(world.credit_command(person, operation.amount_fen))
            case SettleDifference() | MoveDue() | Reprice():
                return self._run_of_agency(operation)
            case _:
                raise AssertionError(f"{operation} is not built")
        return 0

    def _returning(self, operation: Refund | Reverse) -> str | None:
        """Returns the institution that takes back its own bill; None where the agency does."""
        return None if operation.by_agency else self.institution_of[operation.settlement_id]

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
                return reprice(world, *ids, terms=(RepricedTerm.POLICY,)).bill_count
        return 0

    def _correct(self, operation: Correct) -> int:
        settlement_id = self.settled[operation.settlement_id]
        institution_id = self.institution_of[operation.settlement_id]
        answer = correct(
            self.world,
            settlement_id,
            lines_of(operation.bill),
            bill={"account_used": operation.bill.account_used},
            institution_id=institution_id,
            code=self.world.code(self.person) if operation.with_code else None,
            newest_first=self.newest_first,
        )
        self.settled[operation.op_id] = answer.settlement.settlement_id
        self.institution_of[operation.op_id] = institution_id
        return answer.adjusted_count

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
        return _counted(self._posted_after(str(uuid.UUID(int=0))).values())

    def new_postings(self) -> Counter[Posted]:
        """Returns the same of what was posted since it was asked last."""
        found = self._posted_after(self.through_posting_id)
        # Ids rise with time, and one at a time posts.
        self.through_posting_id = max([self.through_posting_id, *found])
        return _counted(found.values())

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


def expected_of(column: Column | None) -> GivenBack | None:
    if column is None:
        return None
    funds = sum(fen for payer, fen in column.paid.items() if payer.account_id.startswith("fund:"))
    others = sum(column.paid.values()) - funds
    return GivenBack(funds, others, column.purses.fen, column.cash_fen)


def borne_by(effective: Effective) -> Counter[str]:
    borne = effective.borne
    return Counter({**borne.payers, "account": borne.account_fen, "cash": borne.cash_fen})


def modelled(column: Column) -> Counter[str]:
    return Counter({**column.by_account(), "account": column.purses.fen, "cash": column.cash_fen})


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


def model_postings(model: Model) -> Counter[Posted]:
    return counted(model.books.postings)


def counted(postings: Iterable[Posting]) -> Counter[Posted]:
    """Returns the model's postings as the service's are counted."""
    return _counted((posting.kind, posting.entries) for posting in postings)


def _counted(postings: Iterable[tuple[str, Mapping[str, int]]]) -> Counter[Posted]:
    return Counter(
        (kind, tuple(sorted(entries.items())))
        for kind, entries in postings
        if kind not in ("CREDIT", "CARRY_OVER")
    )


def has_arrears(model: Model) -> bool:
    """Tells whether a payer can come to owe somebody for earlier bills."""
    return any(
        step.get("make_up") or "less" in step
        for terms in model.region.versions.values()
        for _, step in terms.history.steps
    )


def of_bills_together(postings: Counter[Posted]) -> Counter[Posted]:
    """Returns all that bills and returns posted as one posting.

    The service posts arrears with the bill that decided them, and takes them back with it; to
    the model they are adjustments of it.
    """
    merged: Counter[str] = Counter()
    found: Counter[Posted] = Counter()
    for (kind, entries), number in postings.items():
        if kind in ("SETTLEMENT", "REFUND", "REVERSAL", "ADJUSTMENT"):
            for account, fen in entries:
                merged[account] += fen * number
        else:
            found[kind, entries] = number
    together = tuple(sorted((account, fen) for account, fen in merged.items() if fen))
    return found + Counter({("BILLS", together): 1}) if together else found


def assert_alike(played: Played, model: Model) -> None:
    posted, modelled_ones = played.postings(), model_postings(model)
    if posted != modelled_ones and has_arrears(model):
        posted, modelled_ones = of_bills_together(posted), of_bills_together(modelled_ones)
    assert posted == modelled_ones, (posted - modelled_ones, modelled_ones - posted)
    for op_id, settlement in model.books.settlements.items():
        state = settlement.state.value
        if state in ("SETTLED", "HELD"):
            counter, effective = played.columns(op_id, is_held=state == "HELD")
            expected = +modelled(settlement.counter), +modelled(settlement.effective)
            assert (+counter, +effective) == expected, (op_id, counter, effective, *expected)
    assert_books_are_right(played.world)


def built(example: Json) -> list[Operation]:
    """Returns the operations of an example up to the first that is not built yet."""
    found: list[Operation] = []
    for written in example["operations"]:
        operation = operation_of(written)
        if not isinstance(operation, BUILT):
            break
        found.append(operation)
    return found


def run_both(
    played: Played,
    model: Model,
    operation: Operation,
    *,
    are_alike: Callable[[str, str], bool] = operator.eq,
) -> int:
    """Runs an operation on both, which refuse, post and tell the same.

    Compared is what this operation posted; `assert_alike` compares everything. Returns how many
    bills it moved. `are_alike` compares reasons of refusals, which are empty where there was none.
    """
    outcome = model.run(operation)
    refused, moved = "", 0
    try:
        moved = played.run(operation)
    except RuleError as refusal:
        refused = (refusal.faults[0].reason if refusal.faults else refusal.reason).name
    assert are_alike(refused, outcome.refused), (operation, refused, outcome.refused, outcome.why)
    posted, modelled_ones = played.new_postings(), counted(outcome.postings)
    if posted != modelled_ones and has_arrears(model):
        posted, modelled_ones = of_bills_together(posted), of_bills_together(modelled_ones)
    assert posted == modelled_ones, (operation, posted - modelled_ones, modelled_ones - posted)
    assert moved == (0 if outcome.refused else outcome.answer.later_adjusted), operation
    return moved
