"""The checker finds what was slipped in beside the books, and believes no loose audit row."""

import datetime as dt
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from support.databases import Databases, as_owner
from support.settlement_books import booked_world
from support.settlement_world import AGENCY, NOW, REGION, World

from yibao_common.values.ids import new_id
from yibao_settlement.application.account import credit_detail
from yibao_settlement.ledger_check import INVARIANTS, check_ledger
from yibao_settlement.ledger_check.report import CREDITS
from yibao_settlement.storage import tables

Damage = Callable[[sa.Connection], object]
# Where it stands among all that is examined.
KEYED = INVARIANTS.index(CREDITS)


@pytest.fixture
def world(databases: Databases) -> World:
    """Gives books in which an agency reversed a settlement, too."""
    made = booked_world(databases)
    (person,) = made.persons
    visit = made.register(person)
    made.reverse(made.settle(visit, person).settlement_id, institution_id=None)
    # Nothing ended the stay; the person is to be admitted again.
    made.run(made.cancel_command(visit))
    return made


def _credit(connection: sa.Connection, request_id: str | None) -> tuple[str, str]:
    """Gives a person 100 fen, with all that a credit has but its audit.

    Returns the person's account and the posting's id.
    """
    standing = tables.person_standing
    person_id = connection.execute(sa.select(standing.c.person_id)).scalar_one()
    posting_id, account_id = new_id(), f"person:{person_id}"
    of_posting = {"region": REGION, "posting_id": posting_id, "kind": 3}
    for each, amount_fen in (("source:allocation", -100), (account_id, 100)):
        row = {**of_posting, "account_id": each, "amount_fen": amount_fen, "month": 202611}
        connection.execute(sa.insert(tables.entry).values(**row))
    connection.execute(
        sa.insert(tables.posting).values(
            **of_posting, request_id=request_id, post_time=NOW, posted_by=AGENCY
        )
    )
    connection.execute(sa.update(standing).values(balance_fen=standing.c.balance_fen + 100))
    return account_id, posting_id


def _slip_into_the_audit(
    connection: sa.Connection, method: str, detail: dict[str, str], *, request_id: str, subject: str
) -> None:
    event = tables.audit.event
    last = connection.execute(sa.select(sa.func.max(event.c.sequence))).scalar_one()
    connection.execute(
        sa.insert(event).values(
            region=REGION,
            sequence=last + 1,
            record_time=NOW,
            caller=AGENCY,
            method=method,
            subject_ids=subject,
            outcome="OK",
            detail=" ".join(f"{name}={value}" for name, value in sorted(detail.items())),
            request_id=request_id,
            previous_hash=bytes(32),
            hash=bytes(32),
        )
    )
    connection.execute(
        sa.insert(tables.audit.subject).values(region=REGION, subject_id=subject, sequence=last + 1)
    )


def credit_with_a_loose_audit_row(connection: sa.Connection) -> None:
    request_id = new_id()
    account_id, posting_id = _credit(connection, request_id)
    detail = credit_detail(posting_id, account_id, 100, source="allocation")
    _slip_into_the_audit(
        connection, "CreditAccount", detail, request_id=request_id, subject=posting_id
    )


def credit_as_if_the_upgrade_told_of_it(connection: sa.Connection) -> None:
    _, posting_id = _credit(connection, None)
    detail = {"credits": "1", "amount_fen": "100"}
    _slip_into_the_audit(connection, "UpgradeSettlement", detail, request_id="", subject=posting_id)


def cancel_the_visit_of_what_stands(connection: sa.Connection) -> None:
    settlement, visit = tables.settlement.c, tables.visit
    stands = sa.select(settlement.visit_id).where(settlement.reversal_id.is_(None))
    connection.execute(sa.update(visit).where(visit.c.visit_id.in_(stands)).values(cancel_time=NOW))


def _of_agency() -> sa.ColumnElement[bool]:
    return tables.settlement.c.reversed_by == AGENCY


def name_a_foreign_request(connection: sa.Connection) -> None:
    posting = tables.posting
    reversals = sa.select(tables.settlement.c.reversal_id).where(_of_agency())
    connection.execute(
        sa.update(posting).where(posting.c.posting_id.in_(reversals)).values(request_id=new_id())
    )


def name_another_agency(connection: sa.Connection) -> None:
    table = tables.settlement
    connection.execute(sa.update(table).where(_of_agency()).values(reversed_by=f"{AGENCY}2"))


def reverse_as_an_agency_that_never_did(connection: sa.Connection) -> None:
    table = tables.settlement
    connection.execute(
        sa.update(table)
        .where(table.c.reversal_id.is_not(None), sa.not_(_of_agency()))
        .values(reversed_by=AGENCY)
    )


def settle_as_another_insurance(connection: sa.Connection) -> None:
    connection.execute(sa.update(tables.settlement).values(insurance_type="310"))


def change_the_care_of_a_visit(connection: sa.Connection) -> None:
    connection.execute(sa.update(tables.visit).values(care_type="2102"))


def change_the_level_of_a_visit(connection: sa.Connection) -> None:
    connection.execute(sa.update(tables.visit).values(institution_level="6"))


def add_lines_of_no_settlement(connection: sa.Connection) -> None:
    connection.execute(
        sa.insert(tables.settlement_lines).values(
            region=REGION, settlement_id=new_id(), first_line=0, lines="[]"
        )
    )


def tell_of_a_posting_without_entries(connection: sa.Connection) -> None:
    connection.execute(
        sa.insert(tables.posting).values(
            region=REGION, posting_id=new_id(), kind=4, post_time=NOW, posted_by=""
        )
    )


@pytest.mark.parametrize(
    ("damage", "broken"),
    [
        (credit_with_a_loose_audit_row, {10, KEYED}),
        (credit_as_if_the_upgrade_told_of_it, {10, KEYED}),
        (cancel_the_visit_of_what_stands, {4}),
        (name_a_foreign_request, {10}),
        (name_another_agency, {10}),
        (reverse_as_an_agency_that_never_did, {10}),
        (settle_as_another_insurance, {4}),
        (change_the_care_of_a_visit, {4}),
        (change_the_level_of_a_visit, {4}),
        (add_lines_of_no_settlement, {4}),
        (tell_of_a_posting_without_entries, {1}),
    ],
)
def test_each_damage_is_found_and_named(world: World, damage: Damage, broken: set[int]) -> None:
    assert check_ledger(world.database).drifts == []
    with as_owner(world.database) as connection:
        damage(connection)
    drifts = check_ledger(world.database).drifts
    assert {drift.invariant for drift in drifts} == {INVARIANTS[index] for index in broken}


def test_a_reversal_whose_audit_was_taken_away_is_named(world: World) -> None:
    event, subject = tables.audit.event, tables.audit.subject
    with as_owner(world.database) as connection:
        sequence = connection.execute(
            sa.select(event.c.sequence).where(event.c.method == "ReverseSettlement")
        ).scalar_one()
        for table in (event, subject):
            connection.execute(sa.delete(table).where(table.c.sequence == sequence))
        settlement_id = connection.execute(
            sa.select(tables.settlement.c.settlement_id).where(_of_agency())
        ).scalar_one()
    drifts = check_ledger(world.database).drifts
    assert settlement_id in {drift.subject for drift in drifts}
    assert {drift.invariant for drift in drifts} == {INVARIANTS[10]}


def test_what_an_agency_reversed_before_the_audit_began_is_not_missed(
    databases: Databases,
) -> None:
    """Who settled was not kept then, nor what the agency did."""
    world = World(databases.open("yibao_settlement"))
    (person,) = world.enrol()
    settled = world.settle(world.register(person), person)
    world.reverse(settled.settlement_id, institution_id=None)
    with as_owner(world.database) as connection:
        connection.execute(sa.update(tables.settlement).values(settled_by=""))
        for table in (tables.audit.event, tables.audit.subject, tables.audit.head):
            connection.execute(sa.delete(table))
    assert check_ledger(world.database).drifts == []
    world.clock.now += dt.timedelta(seconds=1)
    world.run(world.credit_command(person, 100))
    assert check_ledger(world.database).drifts == []
    later = NOW + dt.timedelta(seconds=1)
    with as_owner(world.database) as connection:
        connection.execute(sa.update(tables.settlement).values(reverse_time=later))
    drifts = check_ledger(world.database).drifts
    assert [drift.invariant for drift in drifts] == [INVARIANTS[10]]


def test_a_request_id_that_came_again_uses_up_a_code_each_time(world: World) -> None:
    """A visit and two bills under one id, each after the answer before was given up."""
    (person,) = world.persons
    request_id = new_id()

    def forget_answers() -> None:
        with as_owner(world.database) as connection:
            connection.execute(sa.delete(tables.answer))

    visit = world.register(person, request_id=request_id)
    for _ in range(2):
        forget_answers()
        world.settle(visit, person, request_id=request_id)
    assert check_ledger(world.database).drifts == []
    used = tables.used_code
    with as_owner(world.database) as connection:
        uses = connection.execute(
            sa.select(used.c.code_id, used.c.used_for_id).where(used.c.request_id == request_id)
        ).all()
        code_id, settled = next(each for each in uses if each.used_for_id != visit)
        connection.execute(sa.delete(used).where(used.c.code_id == code_id))
    (drift,) = check_ledger(world.database).drifts
    assert (drift.invariant, drift.subject) == (INVARIANTS[7], settled)


def test_a_code_tells_what_it_was_used_up_for(world: World) -> None:
    """Two codes for one bill, one for a bill of another request, one for nothing there is."""
    used, settlement = tables.used_code, tables.settlement

    def use(code_id: str, request_id: str, used_for_id: str) -> list[str]:
        of_it = {"code_id": code_id, "request_id": request_id, "used_for_id": used_for_id}
        with as_owner(world.database) as connection:
            another = connection.execute(sa.select(used).limit(1)).mappings().one()
            connection.execute(sa.insert(used).values({**another, **of_it}))
        drifts = check_ledger(world.database).drifts
        with as_owner(world.database) as connection:
            connection.execute(sa.delete(used).where(used.c.code_id == code_id))
        assert {drift.invariant for drift in drifts} == {INVARIANTS[7]}
        return [drift.subject for drift in drifts]

    with world.database.read() as connection:
        query = sa.select(settlement.c.settlement_id, settlement.c.request_id).limit(1)
        settlement_id, request_id = connection.execute(query).one()
    assert use("a" * 16, request_id, settlement_id) == [settlement_id]
    assert use("b" * 16, new_id(), settlement_id) == [f"code {'b' * 16}"]
    assert use("c" * 16, request_id, new_id()) == [f"code {'c' * 16}"]


def test_codes_of_before_their_use_was_kept_are_counted_by_request(world: World) -> None:
    used = tables.used_code
    with as_owner(world.database) as connection:
        connection.execute(sa.update(used).values(used_for_id=None))
    assert check_ledger(world.database).drifts == []
    with as_owner(world.database) as connection:
        connection.execute(sa.delete(used))
    assert {each.invariant for each in check_ledger(world.database).drifts} == {INVARIANTS[7]}
