"""Overrides are confirmed by another operator, once, as they were read, and put on record."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from support.benefit_world import benefit_world
from support.charges import assert_books_are_right
from support.corrections import record_of
from support.crashing import POINTS, CrashingTransactions
from support.databases import Databases, as_owner
from support.holds import hold
from support.overridden import EACH_WAY, all_three, refusal, three
from support.overrides import confirm, confirm_command, propose, propose_command, reversal
from support.reviews import CHECKER
from support.settlement_world import AGENCY, REGION, TODAY, World

from yibao.settlement.v1 import refund_service_pb2 as pb
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.work import BatchWork
from yibao_settlement.ledger_check import INVARIANTS, check_ledger
from yibao_settlement.rules.override import OverrideState
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.transaction import SettlementTransactions
from yibao_settlement.storage.reference import ReferenceCache


@pytest.fixture(params=["first", "second"])
def world(databases: Databases, request: pytest.FixtureRequest) -> World:
    """A region of either format, of which each stay changes what the next one costs."""
    if request.param == "first":
        return World(databases.open("yibao_settlement"))
    return benefit_world(databases)


class PowerFailureError(Exception):
    """The process is gone."""


@EACH_WAY
def test_repeats_change_nothing_and_wherever_it_is_cut_off_it_has_one_effect(
    world: World, way: int
) -> None:
    _, early, *_ = three(world)
    proposing = propose_command(world, all_three(early)[way])
    first = world.run(proposing)
    assert world.run(proposing) == first
    told = pb.ProposeOverrideResponse.FromString(first).override
    confirming = confirm_command(world, told)
    for point in POINTS:
        crashing = CrashingTransactions(
            SettlementTransactions(world.database, ReferenceCache()), point, PowerFailureError()
        )
        with pytest.raises(PowerFailureError):
            BatchWork(crashing, clock=world.clock, ids=new_id)(REGION, [confirming])
        if point != "committed":
            assert stored(world) == [(OverrideState.PROPOSED, None)]
        assert_books_are_right(world)
    done = world.run(confirming)
    assert world.run(confirming) == done
    assert stored(world) == [(OverrideState.CARRIED_OUT, CHECKER)]
    again = refusal(world, confirm_command(world, told))
    assert (again.reason, again.metadata) == (Reason.OVERRIDE_STATE, {"state": "CARRIED_OUT"})
    assert_books_are_right(world)


def test_of_several_operators_at_once_one_confirms(world: World) -> None:
    _, early, *_ = three(world)
    told = propose(world, reversal(early))
    workers = [world.new_worker() for _ in range(4)]

    def confirming(number: int) -> object:
        (outcome,) = workers[number](REGION, [confirm_command(world, told)])
        return outcome if isinstance(outcome, bytes) else outcome.reason

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(confirming, range(4)))
    assert sum(isinstance(each, bytes) for each in outcomes) == 1
    assert outcomes.count(Reason.OVERRIDE_STATE) == 3
    assert_books_are_right(world)


def stored(world: World) -> list[tuple[int, str | None]]:
    override = tables.override.c
    with world.database.read() as connection:
        rows = connection.execute(sa.select(override.state, override.checker)).all()
    return [(row[0], row[1]) for row in rows]


def test_the_maker_does_not_confirm_nor_what_was_not_read(world: World) -> None:
    _, early, *_ = three(world)
    told = propose(world, reversal(early))
    own = refusal(world, confirm_command(world, told, caller=AGENCY))
    assert own.reason is Reason.SAME_MAKER_AND_CHECKER
    amounts = pb.Override.FromString(told.SerializeToString()).amounts
    amounts.cash_fen += 1
    for changes in (
        {"amounts": amounts},
        {"adjusted_fund_change_fen": told.adjusted_fund_change_fen + 1},
        {"adjusted_count": told.adjusted_count + 1},
        {"held_count": 1},
    ):
        other = refusal(world, confirm_command(world, told, **changes))
        assert (other.reason, other.metadata) == (Reason.OVERRIDE_STATE, {"state": "PROPOSED"})
    with pytest.raises(RuleError) as caught:
        confirm_command(world, pb.Override(override_id=new_id()))
    assert caught.value.reason is Reason.OVERRIDE_NOT_FOUND
    assert record_of(world, early).reversal is None


def test_what_comes_to_other_sums_by_now_is_proposed_anew(world: World) -> None:
    person, early, *_ = three(world)
    told = propose(world, reversal(early))
    visit = world.register(person, start_date=TODAY)
    hold(world, visit, person, bill=world.bill(visit))
    assert refusal(world, confirm_command(world, told)).reason is Reason.OVERRIDE_STATE
    confirm(world, propose(world, reversal(early)))
    gone = refusal(world, confirm_command(world, told))
    assert gone.reason is Reason.SETTLEMENT_REVERSED
    assert_books_are_right(world)


@pytest.mark.parametrize(
    "changed",
    [
        {"maker": CHECKER},
        {"checker": AGENCY},
        {"taken_back_id": None},
        {"reason": "another one"},
        {"state": int(OverrideState.PROPOSED)},
        {"kind": 2},
    ],
    ids=str,
)
def test_the_checker_finds_what_two_operators_did_not_do(
    world: World, changed: dict[str, Any]
) -> None:
    _, early, *_ = three(world)
    confirm(world, propose(world, reversal(early)))
    assert_books_are_right(world)
    with as_owner(world.database) as connection:
        connection.execute(sa.update(tables.override).values(**changed))
    found = {INVARIANTS.index(each.invariant) for each in check_ledger(world.database).drifts}
    assert found == {21}


def test_the_audit_tells_who_proposed_and_who_confirmed(world: World) -> None:
    _, early, *_ = three(world)
    told = propose(world, reversal(early))
    confirm(world, told)
    event, subject = tables.audit.event.c, tables.audit.subject.c
    with world.database.read() as connection:
        rows = connection.execute(
            sa.select(event.method, event.caller)
            .join_from(
                tables.audit.event,
                tables.audit.subject,
                sa.and_(subject.region == event.region, subject.sequence == event.sequence),
            )
            .where(subject.subject_id == told.override_id)
            .order_by(event.sequence)
        ).all()
    assert [tuple(row) for row in rows] == [
        ("ProposeOverride", AGENCY),
        ("ConfirmOverride", CHECKER),
    ]
