"""Repairs and overrides that are not wanted are withdrawn, and those that wait are listed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from support import overrides, repairs
from support.charges import assert_books_are_right
from support.databases import Databases
from support.overridden import three
from support.reviews import CHECKER
from support.settlement_world import AGENCY, REGION, TODAY, World

from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.override import OverrideState
from yibao_settlement.rules.repair import RepairState
from yibao_settlement.storage import tables


class Kind(NamedTuple):
    """How proposals of a kind are made, ended and listed."""

    propose: Callable[[World], Any]
    confirm_command: Callable[[World, Any], Any]
    withdraw: Callable[..., Any]
    withdraw_command: Callable[..., Any]
    states: type[RepairState] | type[OverrideState]
    state_reason: Reason
    not_found: Reason
    table: sa.Table
    id_name: str

    def listed(self, world: World, state: Any, *, after: str | None = None, limit: int = 9) -> Any:
        """Returns ids of proposals in a state."""
        read = world.queries.repairs if self.states is RepairState else world.queries.overrides
        found: Any = read(REGION, state, after=after, limit=limit)
        return [getattr(each, self.id_name) for each in found]


def propose_override(world: World) -> Any:
    _, early, *_ = three(world)
    return overrides.propose(world, overrides.reversal(early))


def propose_repair(world: World) -> Any:
    """Proposes to repair a person whose windows hold nothing of the bill."""
    (person,) = world.enrol()
    visit = world.register(person, start_date=TODAY)
    world.settle(visit, person)
    standing = tables.person_standing
    with world.database.write() as connection:
        connection.execute(
            sa.update(standing).where(standing.c.person_id == person).values(accumulators="{}")
        )
    return repairs.propose(world, person)


REPAIR = Kind(
    propose_repair,
    lambda world, told: repairs.confirm_command(world.queries, told),
    repairs.withdraw,
    repairs.withdraw_command,
    RepairState,
    Reason.REPAIR_STATE,
    Reason.REPAIR_NOT_FOUND,
    tables.repair,
    "repair_id",
)
OVERRIDE = Kind(
    propose_override,
    overrides.confirm_command,
    overrides.withdraw,
    overrides.withdraw_command,
    OverrideState,
    Reason.OVERRIDE_STATE,
    Reason.OVERRIDE_NOT_FOUND,
    tables.override,
    "override_id",
)
BOTH = pytest.mark.parametrize("kind", [REPAIR, OVERRIDE], ids=["repair", "override"])


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def refusal(world: World, command: Any) -> tuple[Reason, Any]:
    with pytest.raises(RuleError) as caught:
        world.run(command)
    return caught.value.reason, caught.value.metadata


@pytest.mark.parametrize("caller", [AGENCY, CHECKER])
@BOTH
def test_who_proposed_or_another_operator_withdraws_and_nothing_comes_of_it(
    world: World, kind: Kind, caller: str
) -> None:
    told = kind.propose(world)
    with world.database.read() as connection:
        entries = connection.execute(sa.select(sa.func.count()).select_from(tables.entry)).scalar()
    done = kind.withdraw(world, told, caller=caller)
    assert (done.state, done.checker) == (int(kind.states.WITHDRAWN), caller)
    assert done.HasField("close_time")
    with world.database.read() as connection:
        now = connection.execute(sa.select(sa.func.count()).select_from(tables.entry)).scalar()
    assert now == entries
    withdrawn = (kind.state_reason, {"state": "WITHDRAWN"})
    assert refusal(world, kind.confirm_command(world, told)) == withdrawn
    assert refusal(world, kind.withdraw_command(world, told)) == withdrawn
    if kind is OVERRIDE:
        # What is to be repaired is still wrong.
        assert_books_are_right(world)
    event = tables.audit.event.c
    with world.database.read() as connection:
        rows = connection.execute(sa.select(event.method, event.caller).order_by(event.sequence))
        audited = [tuple(row) for row in rows]
    assert audited[-1] == (f"Withdraw{kind.states.__name__.removesuffix('State')}", caller)


@BOTH
def test_what_is_carried_out_is_not_withdrawn(world: World, kind: Kind) -> None:
    told = kind.propose(world)
    world.run(kind.confirm_command(world, told))
    carried_out = (kind.state_reason, {"state": "CARRIED_OUT"})
    assert refusal(world, kind.withdraw_command(world, told)) == carried_out
    assert_books_are_right(world)


@BOTH
def test_what_is_not_there_is_not_withdrawn(world: World, kind: Kind) -> None:
    told = kind.propose(world)
    setattr(told, kind.id_name, new_id())
    with pytest.raises(RuleError) as caught:
        kind.withdraw_command(world, told)
    assert caught.value.reason is kind.not_found


@BOTH
def test_a_repeat_withdraws_nothing_again(world: World, kind: Kind) -> None:
    command = kind.withdraw_command(world, kind.propose(world))
    assert world.run(command) == world.run(command)


@BOTH
def test_of_a_confirmation_and_a_withdrawal_at_once_one_is_carried_out(
    world: World, kind: Kind
) -> None:
    told = kind.propose(world)
    workers = [world.new_worker() for _ in range(4)]
    commands = [
        kind.withdraw_command(world, told) if number % 2 else kind.confirm_command(world, told)
        for number in range(4)
    ]

    def outcome_of(number: int) -> object:
        (outcome,) = workers[number](REGION, [commands[number]])
        return outcome if isinstance(outcome, bytes) else outcome.reason

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(outcome_of, range(4)))
    assert sum(isinstance(each, bytes) for each in outcomes) == 1
    assert outcomes.count(kind.state_reason) == 3


@BOTH
def test_proposals_are_listed_by_state_the_first_one_at_the_head(world: World, kind: Kind) -> None:
    told = [kind.propose(world) for _ in range(3)]
    ids = [getattr(each, kind.id_name) for each in told]
    kind.withdraw(world, told[1])
    assert kind.listed(world, None) == ids
    assert kind.listed(world, kind.states.PROPOSED) == [ids[0], ids[2]]
    assert kind.listed(world, kind.states.WITHDRAWN) == [ids[1]]
    assert kind.listed(world, kind.states.CARRIED_OUT) == []
    assert kind.listed(world, None, limit=2) == ids[:2]
    assert kind.listed(world, None, after=ids[1]) == ids[2:]
