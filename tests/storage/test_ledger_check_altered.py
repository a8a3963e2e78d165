"""A record that was altered is named by the checker, and hides nothing behind it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from support.databases import Databases, as_owner
from support.settlement_books import booked_world
from support.settlement_world import HOSPITAL, NOW, OTHER_HOSPITAL, REGION, World

from yibao_common.commands.audit import AuditEntry
from yibao_common.db.audit_chain import record_audit
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import InvariantError, RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.settlement.find import find_explained, find_settlement
from yibao_settlement.ledger_check import INVARIANTS, check_ledger
from yibao_settlement.storage import tables


@pytest.fixture
def world(databases: Databases) -> World:
    return booked_world(databases)


Record = dict[str, Any]
Lines = list[list[Any]]


def _set(**changes: Any) -> Callable[[Record], None]:
    return lambda record: record.update(changes)


def _first(name: str, at: int, value: Any) -> Callable[[Record], None]:
    """Alters one value of a list, or of the first list in it."""

    def alter(record: Record) -> None:
        values = record[name]
        (values[0] if isinstance(values[0], list) else values)[at] = value

    return alter


def _of_facts(**changes: Any) -> Callable[[Record], None]:
    return lambda record: record["facts"].update(changes)


def _alter_records(connection: sa.Connection, alter: Callable[[Record], None]) -> None:
    table = tables.settlement
    for row in connection.execute(sa.select(table)).all():
        record = json.loads(row.record)
        alter(record)
        connection.execute(
            sa.update(table)
            .where(table.c.settlement_id == row.settlement_id)
            .values(record=json.dumps(record))
        )


def _alter_lines(connection: sa.Connection, at: int, value: object) -> None:
    table = tables.settlement
    for row in connection.execute(sa.select(table)).all():
        lines: Lines = json.loads(row.first_lines)
        lines[0][at] = value
        connection.execute(
            sa.update(table)
            .where(table.c.settlement_id == row.settlement_id)
            .values(first_lines=json.dumps(lines))
        )


def _broken(world: World) -> dict[str, set[int]]:
    """Returns the invariants that do not hold, by subject."""
    found: dict[str, set[int]] = {}
    for drift in check_ledger(world.database).drifts:
        found.setdefault(drift.subject, set()).add(INVARIANTS.index(drift.invariant))
    return found


def _raise_the_balance(connection: sa.Connection) -> None:
    table = tables.person_standing
    connection.execute(sa.update(table).values(balance_fen=table.c.balance_fen + 1))


def _settlement_ids(world: World) -> list[str]:
    with world.database.read() as connection:
        return list(connection.execute(sa.select(tables.settlement.c.settlement_id)).scalars())


# What has the types of a record, and could never have been settled.
_IMPOSSIBLE = [
    _set(balance_before_fen=-1),
    _set(account_used=True, balance_before_fen=2**70),
    _set(accumulations={"deductible": -(10**9)}),
    _of_facts(care_type="no such type"),
]
# What has not even the types.
_SHAPELESS = [
    _set(year_before=[]),
    _set(year_before={"deductible": "1"}),
    _set(accumulations=["deductible"]),
    _set(accumulations={"deductible": "1"}),
    _set(balance_before_fen="1"),
    _set(account_used=1),
    _set(facts=[]),
    _set(entries=[["fund:390100"]]),
    _set(trace=7),
    _first("amounts", 0, "0"),
    _first("entries", 1, "1"),
    _first("fund_payments", 3, "1"),
    _of_facts(age="66"),
    _of_facts(entitlement_groups=[1]),
]
_LINES = [(3, "900000"), (3, 900000.0), (0, None), (8, "0"), (9, 100)]


@pytest.mark.parametrize("alter", [*_IMPOSSIBLE, *_SHAPELESS])
def test_an_altered_record_is_named_and_hides_nothing(
    world: World, alter: Callable[[Record], None]
) -> None:
    with as_owner(world.database) as connection:
        _alter_records(connection, alter)
        _raise_the_balance(connection)
    broken = _broken(world)
    for settlement_id in _settlement_ids(world):
        assert broken[settlement_id] <= {4, 6, 8, 12}
    assert 2 in broken[world.persons[0]]


@pytest.mark.parametrize(("at", "value"), _LINES)
def test_an_altered_line_is_named_and_hides_nothing(world: World, at: int, value: object) -> None:
    with as_owner(world.database) as connection:
        _alter_lines(connection, at, value)
        _raise_the_balance(connection)
    broken = _broken(world)
    assert [broken[each] for each in _settlement_ids(world)] == [{4}, {4}]
    assert 2 in broken[world.persons[0]]


@pytest.mark.parametrize(("at", "value"), [(5, 900_001), (5, -1), (10, "many"), (9, "-1")])
def test_a_line_that_was_never_charged_is_named(world: World, at: int, value: object) -> None:
    """Over the limit are parts of the amount; prices and quantities are decimals."""
    with as_owner(world.database) as connection:
        _alter_lines(connection, at, value)
    for faults in map(_broken(world).get, _settlement_ids(world)):
        assert faults is not None
        assert 4 in faults


@pytest.mark.parametrize("stored", ["", "[]", "{", '{"deductible": "1"}', "7"])
def test_a_year_that_cannot_be_read_is_named(world: World, stored: str) -> None:
    with as_owner(world.database) as connection:
        connection.execute(sa.update(tables.person_standing).values(accumulators=stored))
    assert _broken(world) == {f"{world.persons[0]} in 2026": {6}}


_NOTHING = {"credits": "0", "amount_fen": "0"}


@pytest.mark.parametrize(
    "details", [[{}], [{"credits": "many", "amount_fen": "1"}], [_NOTHING, _NOTHING]]
)
def test_a_row_of_the_upgrade_that_is_garbled_or_a_second_is_named(
    world: World, details: list[dict[str, str]]
) -> None:
    with as_owner(world.database) as connection:
        for detail in details:
            entry = AuditEntry(REGION, NOW, "", "UpgradeSettlement", (), "OK", detail, "")
            record_audit(connection, tables.audit, entry)
        _raise_the_balance(connection)
    assert _broken(world) == {"credits without a request": {10}, world.persons[0]: {2}}


@pytest.mark.parametrize("alter", [*_IMPOSSIBLE[:2], _IMPOSSIBLE[3], *_SHAPELESS])
def test_explaining_what_was_altered_is_refused(
    world: World, alter: Callable[[Record], None]
) -> None:
    with as_owner(world.database) as connection:
        _alter_records(connection, alter)
    _refuses_to_explain(world)


def test_explaining_with_another_policy_is_refused(world: World) -> None:
    with as_owner(world.database) as connection:
        connection.execute(sa.update(tables.settlement).values(policy_version="f" * 64))
    _refuses_to_explain(world)


def _refuses_to_explain(world: World) -> None:
    caller = parse_caller(f"institution/{HOSPITAL}")
    for settlement_id in _settlement_ids(world):
        with pytest.raises(RuleError) as refused:
            find_explained(world.queries, REGION, settlement_id, caller)
        assert refused.value.reason is Reason.TRACE_MISMATCH


@pytest.mark.parametrize("alter", _SHAPELESS)
def test_what_is_not_as_written_is_never_told(
    world: World, alter: Callable[[Record], None]
) -> None:
    with as_owner(world.database) as connection:
        _alter_records(connection, alter)
    caller = parse_caller(f"institution/{HOSPITAL}")
    for settlement_id in _settlement_ids(world):
        with pytest.raises(InvariantError, match=settlement_id):
            find_settlement(world.queries, REGION, settlement_id, caller)


def test_who_may_not_see_a_settlement_learns_nothing_of_its_record(world: World) -> None:
    """Another institution is answered as of an id that there is not, altered or whole."""
    stranger = parse_caller(f"institution/{OTHER_HOSPITAL}")
    settled = _settlement_ids(world)
    for record in (None, "{}"):
        if record is not None:
            with as_owner(world.database) as connection:
                connection.execute(sa.update(tables.settlement).values(record=record))
        for find in (find_explained, find_settlement):
            for settlement_id in settled:
                with pytest.raises(RuleError) as refused:
                    find(world.queries, REGION, settlement_id, stranger)
                assert refused.value.reason is Reason.SETTLEMENT_NOT_FOUND
    _refuses_to_explain(world)
