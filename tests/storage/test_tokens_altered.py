"""The checker finds what is wrong with tokens, and batches without tokens read nothing of them."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from support.databases import Databases, as_owner
from support.holds import confirm, hold
from support.sent import statements_sent
from support.settlement_world import OTHER_HOSPITAL, REGION, TODAY, World
from support.tokens import REGISTER, resolve, resolve_command, token_of

from yibao_common.values.ids import new_id
from yibao_settlement.ledger_check import INVARIANTS, check_ledger
from yibao_settlement.storage import tables

use, used = tables.token_use, tables.used_code
OF_CODES, OF_TOKENS, OF_AUDIT = INVARIANTS[7], INVARIANTS[24], INVARIANTS[10]


@pytest.fixture
def world(databases: Databases) -> World:
    """Somebody whose visit, bill and hold were by tokens, and a token that was not used."""
    world = World(databases.open("yibao_settlement"))
    (person,) = world.enrol()
    world.register(
        person, code=resolve(world, person, audience=REGISTER), care_type="11", start_date=TODAY
    )
    visit = world.register(person)
    world.settle(visit, person, code=resolve(world, person))
    held = hold(world, visit, person, code=resolve(world, person))
    confirm(world, held.hold_id)
    resolve(world, person)
    assert check_ledger(world.database).drifts == []
    return world


def lose_the_uses(connection: sa.Connection) -> None:
    connection.execute(sa.delete(use))


def lose_the_codes(connection: sa.Connection) -> None:
    connection.execute(sa.delete(used))


def lose_the_tokens(connection: sa.Connection) -> None:
    connection.execute(sa.delete(tables.credential_token))


def use_for_nothing(connection: sa.Connection) -> None:
    connection.execute(sa.update(use).values(used_for_id=new_id()))


def use_elsewhere(connection: sa.Connection) -> None:
    connection.execute(sa.update(use).values(institution_id=OTHER_HOSPITAL))


def use_by_another_request(connection: sa.Connection) -> None:
    connection.execute(sa.update(use).values(request_id=new_id()))


def use_twice(connection: sa.Connection) -> None:
    """A second token for every bill, of codes that were resolved."""
    for row in connection.execute(sa.select(use)).mappings().all():
        connection.execute(sa.insert(use).values({**row, "resolution_id": new_id()}))


def forget_the_audit(connection: sa.Connection) -> None:
    connection.execute(sa.delete(tables.audit.subject))


@pytest.mark.parametrize(
    ("damage", "broken"),
    [
        # Bills without a code; and codes that the audit tells of, whose tokens were not used.
        (lose_the_uses, {OF_CODES}),
        # The code of the stay was shown itself, of which nothing is proven.
        (lose_the_codes, {OF_TOKENS}),
        # They are taken away in time.
        (lose_the_tokens, set()),
        (use_for_nothing, {OF_CODES, OF_TOKENS}),
        (use_elsewhere, {OF_TOKENS}),
        (use_by_another_request, {OF_CODES, OF_TOKENS}),
        (use_twice, {OF_CODES, OF_TOKENS}),
        (forget_the_audit, {OF_CODES, OF_TOKENS, OF_AUDIT}),
    ],
    ids=lambda each: getattr(each, "__name__", None),
)
def test_every_kind_of_damage_is_found(
    world: World, damage: Callable[[sa.Connection], None], broken: set[str]
) -> None:
    with as_owner(world.database) as connection:
        damage(connection)
    assert {drift.invariant for drift in check_ledger(world.database).drifts} == broken


def test_a_batch_without_tokens_sends_no_statement_about_them(databases: Databases) -> None:
    world = World(databases.open("yibao_settlement"))
    (person,) = world.enrol()
    visit = world.register(person)
    token = resolve(world, person)
    names = ("credential_token", "token_use", "person_name_masked")
    with statements_sent(world.database) as sent:
        world.settle(visit, person)
        world.register(person, care_type="11", start_date=TODAY)
        hold(world, visit, person)
    assert [each for each in sent if any(name in each for name in names)] == []
    token = resolve(world, person)
    with statements_sent(world.database) as sent:
        world.settle(visit, person, code=token)
    assert any("token_use" in each for each in sent)


def test_tokens_are_found_by_their_key_while_the_table_is_small(
    postgres_databases: Databases,
) -> None:
    """Without statistics PostgreSQL takes any index that begins with the region for it."""
    world = World(postgres_databases.open("yibao_settlement"))
    persons = world.enrol(20)
    visits = {person: world.register(person) for person in persons}
    commands = [resolve_command(world, person) for person in persons]
    world.work(REGION, commands)
    bills = [
        world.settle_command(visits[person], person, code=token_of(command))
        for person, command in zip(persons, commands, strict=True)
    ]
    assert all(isinstance(outcome, bytes) for outcome in world.work(REGION, bills))
    keys = {"credential_token": "token_hash", "token_use": "resolution_id"}
    with world.database.write() as connection:
        for table, key in keys.items():
            names = connection.exec_driver_sql(
                "SELECT name FROM pg_prepared_statements WHERE statement LIKE %s",
                (f"SELECT found.%{table}%",),
            ).scalars()
            found = names.all()
            assert found, table
            for name in found:
                explained = connection.exec_driver_sql(f"EXPLAIN EXECUTE {name} ('{{}}', '1')")
                plan = "\n".join(explained.scalars())
                assert key in plan.split("Index Cond:")[1].splitlines()[0], plan
