"""What order did wrong is found: the checker decides all bills of a person itself."""

import datetime as dt
import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import sqlalchemy as sa
from support.benefit_world import admit, at, benefit_world, policy_text, stay_bill
from support.databases import Databases, as_owner
from support.holds import hold
from support.settlement_books import kept_windows, kept_years
from support.settlement_world import HOSPITAL, NOW, OTHER_HOSPITAL, REGION, TODAY, World

from yibao_common.values.ids import new_id
from yibao_common.values.money import yuan
from yibao_settlement.application.settlement import adjusting
from yibao_settlement.application.settlement.fold import Fold
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.ledger_check import INVARIANTS, Only, check_ledger
from yibao_settlement.rules.difference import Columns, adjustment_entries
from yibao_settlement.rules.ledger import Entry
from yibao_settlement.storage import tables

DAY = dt.timedelta(days=1)
FUND = "fund:390100"


@pytest.fixture(params=["first", "second"])
def world(databases: Databases, request: pytest.FixtureRequest) -> World:
    """A region of either format, of which each stay changes what the next one costs."""
    if request.param == "first":
        return World(databases.open("yibao_settlement"))
    return benefit_world(databases)


def stays(world: World, person: str, *fen: int) -> list[SettlementRecord]:
    """Settles stays of a person at two hospitals in turn."""
    found = []
    for number, each in enumerate(fen):
        institution = (HOSPITAL, OTHER_HOSPITAL)[number % 2]
        visit = world.register(person, start_date=TODAY, institution_id=institution)
        bill = stay_bill(world, visit, TODAY, each)
        settled = world.settle(visit, person, bill=bill, institution_id=institution)
        record = world.queries.settlement(REGION, settled.settlement_id)
        assert record is not None
        found.append(record)
    return found


def leave(world: World, record: SettlementRecord) -> None:
    world.reverse(record.settlement_id, institution_id=record.institution_id)


def broken(world: World, only: Only | None = None) -> dict[str, set[int]]:
    """Returns the invariants that do not hold, by subject."""
    found: dict[str, set[int]] = {}
    for drift in check_ledger(world.database, only).drifts:
        found.setdefault(drift.subject, set()).add(INVARIANTS.index(drift.invariant))
    return found


def detail_of(world: World, number: int) -> str:
    drifts = check_ledger(world.database).drifts
    (found,) = [each for each in drifts if each.invariant == INVARIANTS[number]]
    return found.detail


def left_as_they_are(
    fold: Fold, records: Iterable[SettlementRecord], _restate: object = None
) -> None:
    """Takes the place of deciding later bills again: they cost what they did."""
    for record in records:
        fold.put(record, record.effective)


def test_a_reversal_that_only_subtracts_is_told_with_what_it_cost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (person,) = world.enrol()
    first, second = stays(world, person, 30_000_000, 30_000_000)
    with monkeypatch.context() as patched:
        patched.setattr(Fold, "decide", left_as_they_are)
        leave(world, first)
    report = check_ledger(world.database)
    (drift,) = [each for each in report.drifts if each.invariant == INVARIANTS[12]]
    assert drift.subject == second.settlement_id
    # As the first one it costs what that had cost.
    assert drift.detail.startswith(f"of person {person} costs ")
    costs, _, booked = drift.detail.partition("behind the bills before it, booked are ")
    assert f"cash {yuan(first.cash_fen)} " in costs
    assert booked.endswith(f"cash {yuan(second.cash_fen)}")
    funds_fen = {each.fund_type: each.amount_fen for each in first.fund_payments}
    more = {
        f"fund:{each.fund_type}": each.amount_fen - funds_fen[each.fund_type]
        for each in second.fund_payments
    }
    assert {name: fen for name, fen in report.overpaid_fen.items() if name in more} == {
        name: fen for name, fen in more.items() if fen
    }
    assert {14, 15} <= broken(world)[person]
    assert f"was paid {yuan(sum(report.overpaid_fen.values()))} too much" in detail_of(world, 14)
    assert broken(world, Only(person_id=person))[second.settlement_id] == {12}


def test_adjustments_measured_from_the_counter_are_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def from_the_counter(before: Columns, after: Columns, **asked: Any) -> tuple[Entry, ...]:
        return adjustment_entries(Columns(before.counter, before.counter), after, **asked)

    (person,) = world.enrol()
    records = stays(world, person, 30_000_000, 20_000_000, 30_000_000)
    monkeypatch.setattr(adjusting, "adjustment_entries", from_the_counter)
    leave(world, records[0])
    assert broken(world) == {}
    leave(world, records[1])
    found = broken(world)
    # What the second one had moved is not taken back with it.
    assert 5 in found[records[1].settlement_id]
    assert {14, 15} <= found[person]


def test_an_adjustment_that_is_missing_is_told_with_what_funds_paid_too_much(world: World) -> None:
    (person,) = world.enrol()
    first, second = stays(world, person, 30_000_000, 30_000_000)
    leave(world, first)
    assert broken(world) == {}
    adjustment = tables.adjustment
    with as_owner(world.database) as connection:
        (posting_id,) = connection.execute(sa.select(adjustment.c.posting_id)).scalars()
        connection.execute(sa.delete(adjustment))
        for table in (tables.entry, tables.posting):
            connection.execute(sa.delete(table).where(table.c.posting_id == posting_id))
    found = broken(world)
    assert found[second.settlement_id] == {12}
    assert {14, 15} <= found[person]


def raise_a_number(connection: sa.Connection, table: sa.Table, names: str) -> None:
    """Raises a number of a row of amounts by one."""
    row = connection.execute(sa.select(table.c[names])).scalars().first()
    amounts = json.loads(row or "{}")
    name = next(each for each in amounts if each.endswith((".paid", ".before", "deductible")))
    raised = json.dumps({**amounts, name: amounts[name] + 1})
    connection.execute(sa.update(table).where(table.c[names] == row).values({names: raised}))


def test_rows_of_years_and_windows_are_those_of_the_order(databases: Databases) -> None:
    world = benefit_world(databases)
    (person,) = world.enrol()
    for day in (dt.date(2026, 12, 30), dt.date(2027, 1, 4)):
        at(world, day)
        visit = admit(world, person, day)
        world.settle(visit, person, bill=stay_bill(world, visit, day, 900_000))
    assert sorted(year for _, year in kept_years(world)) == [2026, 2027]
    assert {"/" in scope for scope in kept_windows(world)} == {False, True}
    assert broken(world) == {}
    rows = (
        (tables.closed_year, "accumulators", f"{person} in 2026"),
        (tables.person_standing, "accumulators", f"{person} in 2027"),
    )
    for table, names, subject in rows:
        with as_owner(world.database) as connection:
            raise_a_number(connection, table, names)
        assert 13 in broken(world)[subject]
    window = tables.benefit_window.c
    for scope in kept_windows(world):
        with as_owner(world.database) as connection:
            altered = sa.func.replace(window.amounts, ":", ":1")
            connection.execute(
                sa.update(tables.benefit_window)
                .where(window.scope == scope)
                .values(amounts="{}" if "/" in scope else altered)
            )
        assert {6, 13} <= broken(world)[f"windows of {scope}"]


def test_windows_of_nobody_are_told(databases: Databases) -> None:
    world = benefit_world(databases)
    world.enrol()
    scopes = (f"{new_id()}/2026-11", new_id(), "nothing")
    with as_owner(world.database) as connection:
        for scope in scopes:
            row = {"region": REGION, "scope": scope, "amounts": '{"390 month:2026-11 a.paid":1}'}
            connection.execute(sa.insert(tables.benefit_window).values(**row))
    assert broken(world) == {f"windows of {scope}": {6} for scope in scopes}


def put_place(world: World, record: SettlementRecord, place: str) -> None:
    settlement = tables.settlement
    with as_owner(world.database) as connection:
        connection.execute(
            sa.update(settlement)
            .where(settlement.c.settlement_id == record.settlement_id)
            .values(former_place=place)
        )


@pytest.mark.parametrize("is_equal", [True, False], ids=["equal", "before"])
def test_a_bill_at_a_place_that_none_left_is_told(world: World, is_equal: bool) -> None:
    (person,) = world.enrol()
    first, second = stays(world, person, 30_000_000, 20_000_000)
    place = first.settlement_id if is_equal else f"00000000{first.settlement_id[8:]}"
    put_place(world, second, place)
    found = broken(world)
    assert 16 in found[second.settlement_id]
    if not is_equal:
        # Decided first, it costs what the first one does.
        assert {12, 16} == found[second.settlement_id]


@pytest.mark.parametrize(
    ("limits", "most"),
    # Of what a step pays and its fees either may take what is left of a limit of both.
    [("[P1.paid]", 2_000_000), ("[P1.paid, P1.covered]", 4_000_000)],
)
def test_a_counter_above_its_limit_is_told(databases: Databases, limits: str, most: int) -> None:
    text = policy_text().replace("limits: [P1.paid]\n", f"limits: {limits}\n")
    world = benefit_world(databases, text=text)
    (person,) = world.enrol()
    stays(world, person, 30_000_000)
    standing = tables.person_standing
    with as_owner(world.database) as connection:
        row = connection.execute(sa.select(standing.c.accumulators)).scalar_one()
        amounts = json.loads(row)
        (name,) = [each for each in amounts if each.endswith(" counter.pool")]
        assert 1_000_000 < amounts[name] <= most
        raised = json.dumps({**amounts, name: most + 1})
        connection.execute(sa.update(standing).values(accumulators=raised))
    assert broken(world)[person] == {17}


def test_entries_that_nothing_owes_are_told(world: World) -> None:
    (person,) = world.enrol()
    (record,) = stays(world, person, 900_000)
    with as_owner(world.database) as connection:
        for account_id, fen in (("fund:999999", -1), (f"payable:{HOSPITAL}9", 1)):
            entry = {"region": REGION, "account_id": account_id, "amount_fen": fen, "kind": 1}
            posting_id, entry["month"] = record.settlement_id, 202611
            connection.execute(sa.insert(tables.entry).values(**entry, posting_id=posting_id))
    assert broken(world) == {"fund:999999": {5}, f"payable:{HOSPITAL}9": {5}}


def test_a_difference_that_went_to_an_account_is_told(world: World) -> None:
    (person,) = world.enrol()
    first, _ = stays(world, person, 30_000_000, 30_000_000)
    leave(world, first)
    entry = tables.entry
    with as_owner(world.database) as connection:
        connection.execute(
            sa.update(entry)
            .where(entry.c.account_id == f"difference:{person}")
            .values(account_id=f"due:{person}")
        )
    assert broken(world)[person] == {11, 15}


def test_bills_whose_policy_is_not_stored_are_not_examined(world: World) -> None:
    (person,) = world.enrol()
    stays(world, person, 900_000, 900_001)
    assert check_ledger(world.database).unexamined == 0
    with as_owner(world.database) as connection:
        connection.execute(sa.delete(tables.policy))
    report = check_ledger(world.database)
    assert report.unexamined == 2
    assert {each.invariant for each in report.drifts} == {INVARIANTS[8]}


def nothing(_: World, __: SettlementRecord) -> None:
    pass


def hold_another(world: World, record: SettlementRecord) -> None:
    visit = world.register(record.person_id, start_date=TODAY)
    hold(world, visit, record.person_id)


@pytest.mark.parametrize(
    "change", [nothing, leave, hold_another], ids=["settled", "reversed", "held"]
)
def test_persons_of_a_day_are_examined_alone(
    world: World, change: Callable[[World, SettlementRecord], None]
) -> None:
    earlier, later = world.enrol(2)
    (first,) = stays(world, earlier, 900_000)
    assert isinstance(world.clock.now, dt.datetime)
    world.clock.now += DAY
    records = stays(world, later, 900_000, 800_000)
    if change is not nothing:
        world.clock.now += DAY
        change(world, records[0])
    progress: list[int] = []
    since = Only(since=world.clock.now)
    report = check_ledger(world.database, since, progress=progress.append)
    assert (report.persons, report.settlements, report.drifts) == (1, 2, [])
    assert progress == [2]
    assert set(report.invariants) < set(INVARIANTS)
    assert check_ledger(world.database, Only(since=NOW)).persons == 2
    assert check_ledger(world.database, Only(since=NOW + 9 * DAY)).persons == 0
    put_place(world, first, new_id())
    assert broken(world, Only(person_id=later)) == broken(world, since) == {}
    assert first.settlement_id in broken(world, Only(person_id=earlier))


def test_merged_records_are_examined_as_one_person(world: World) -> None:
    retired, survivor = world.enrol(2)
    stays(world, retired, 30_000_000)
    (later,) = stays(world, survivor, 30_000_000)
    world.merge(retired, survivor)
    for person in (retired, survivor):
        only = check_ledger(world.database, Only(person_id=person))
        assert (only.persons, only.settlements, only.drifts) == (2, 2, [])
    # As if the merge had left the bills of both as they were.
    with as_owner(world.database) as connection:
        connection.execute(sa.delete(tables.adjustment))
    found = check_ledger(world.database).drifts
    (left,) = [each for each in found if each.invariant == INVARIANTS[12]]
    assert left.subject == later.settlement_id
    assert f"of person {survivor} " in left.detail


def test_what_an_account_had_paid_too_much_and_went_to_cash_is_told(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    def as_cash(
        before: Columns, after: Columns, *, person_id: str, **asked: Any
    ) -> tuple[Entry, ...]:
        moved = dict(adjustment_entries(before, after, person_id=person_id, **asked))
        difference = f"difference:{person_id}"
        moved[difference] = moved.get(difference, 0) + moved.pop(f"due:{person_id}", 0)
        return tuple(Entry(account_id, fen) for account_id, fen in moved.items() if fen)

    world = benefit_world(databases)
    (person,) = world.enrol()
    world.run(world.credit_command(person, 1_000_000))
    (first,) = stays(world, person, 30_000_000)
    visit = world.register(person, start_date=TODAY)
    bill = stay_bill(world, visit, TODAY, 30_000_000, account_used=True)
    second = world.settle(visit, person, bill=bill)
    with monkeypatch.context() as patched:
        patched.setattr(adjusting, "adjustment_entries", as_cash)
        leave(world, first)
    now = world.queries.settlement(REGION, second.settlement_id)
    assert now is not None
    assert now.effective.account_fen < now.account_fen
    told = broken(world)
    assert 5 in told[second.settlement_id]
    assert {11, 15} <= told[person]
