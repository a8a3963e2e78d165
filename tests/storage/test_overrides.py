"""In a region of the newest first an agency takes earlier bills back by two operators."""

from dataclasses import replace
from typing import Any

import pytest
from support.benefit_world import benefit_world
from support.charges import assert_books_are_right
from support.corrections import (
    amounts_of,
    charged,
    correct_command,
    record_of,
    settle,
    trial_of,
    tried,
)
from support.databases import Databases
from support.holds import hold
from support.overridden import EACH_WAY, all_three, refusal, three
from support.overrides import confirm, propose, propose_command, refund, reversal
from support.reviews import CHECKER
from support.settlement_world import AGENCY, HOSPITAL, OTHER_HOSPITAL, REGION, TODAY, World

from yibao.settlement.v1 import refund_service_pb2 as pb
from yibao_common.commands.request import Request
from yibao_common.values.caller import parse_caller
from yibao_common.values.reasons import Reason
from yibao_settlement.application.settlement.newest_first import MOST_NAMED
from yibao_settlement.rules.difference import Cause
from yibao_settlement.rules.refund import AskedReturn

BOUND: dict[str, Any] = {"newest_first": True, "institution_id": None}


@pytest.fixture(params=["first", "second"])
def world(databases: Databases, request: pytest.FixtureRequest) -> World:
    """A region of either format, of which each stay changes what the next one costs."""
    if request.param == "first":
        return World(databases.open("yibao_settlement"))
    return benefit_world(databases)


def plain(world: World, early: str, way: int, **changes: Any) -> Any:
    """Returns the command by which a settlement is taken back without an override."""
    if way == 0:
        return world.reverse_command(early, **changes)
    if way == 1:
        return world.refund_command(early, AskedReturn(1), AskedReturn(2), **changes)
    lines = charged(("C1", 4_000_000))
    return correct_command(world, early, lines, **changes)


@EACH_WAY
def test_an_agency_is_refused_and_told_all_later_bills(world: World, way: int) -> None:
    _, early, elsewhere, late = three(world)
    told = refusal(world, plain(world, early, way, **BOUND))
    assert told.reason is Reason.LATER_SETTLEMENTS_EXIST
    ids = [each for each in (late, elsewhere) if each in told.metadata["settlement_ids"]]
    assert told.metadata == {
        "settlement_ids": ",".join(ids),
        "institution_ids": ",".join(record_of(world, each).institution_id for each in ids),
        "places": ",".join(record_of(world, each).place for each in ids),
        "later_count": str(len(ids)),
    }
    assert elsewhere in ids
    assert record_of(world, early).reversal is None
    assert record_of(world, early).refunds == ()


def test_trials_are_refused_as_well(world: World) -> None:
    _, early, *_ = three(world)
    trial = Request.trial(parse_caller(AGENCY), method="TrialReversal", region=REGION)
    for command in (
        world.reverse_command(early, request=trial, newest_first=True),
        plain(world, early, 1, request=trial, newest_first=True),
        trial_of(plain(world, early, 2, **BOUND)),
    ):
        assert refusal(world, command).reason is Reason.LATER_SETTLEMENTS_EXIST


def test_of_many_later_bills_the_newest_are_named(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_NAMED >= 20
    (person,) = world.enrol()
    early = settle(world, person, ("A1", 600_000))
    for _ in range(2):
        visit = world.register(person, start_date=TODAY)
        hold(world, visit, person, bill=world.bill(visit))
    everything = refusal(world, plain(world, early, 0, **BOUND)).metadata
    newest, *others = everything["settlement_ids"].split(",")
    assert (len(others), everything["later_count"]) == (1, "2")
    name = "yibao_settlement.application.settlement.newest_first.MOST_NAMED"
    monkeypatch.setattr(name, 1)
    told = refusal(world, plain(world, early, 0, **BOUND))
    assert (told.metadata["settlement_ids"], told.metadata["later_count"]) == (newest, "2")
    own = refusal(world, plain(world, early, 0, newest_first=True))
    assert own.metadata == {"settlement_ids": newest, "elsewhere_count": "0"}


@EACH_WAY
def test_another_operator_carries_out_what_was_proposed(world: World, way: int) -> None:
    _, early, *later = three(world)
    before = [record_of(world, each).effective for each in later]
    told = propose(world, all_three(early)[way])
    assert (told.maker, told.reason) == (AGENCY, "the court said so")
    assert told.adjusted_count == len(told.later_bills) >= 1
    assert [each.place for each in told.later_bills] == sorted(
        (each.place for each in told.later_bills), reverse=True
    )
    assert [record_of(world, each).effective for each in later] == before
    assert_books_are_right(world)

    done = confirm(world, told)
    assert_books_are_right(world)
    answer = getattr(done, ("reversed", "refunded", "corrected")[way])
    assert done.WhichOneof("done") == ("reversed", "refunded", "corrected")[way]
    assert answer.adjusted_count == told.adjusted_count
    assert answer.adjusted_fund_change_fen == told.adjusted_fund_change_fen
    override = done.override
    assert (override.state, override.checker) == (pb.OVERRIDE_STATE_CARRIED_OUT, CHECKER)
    record = record_of(world, early)
    cause = (Cause.REVERSAL, Cause.REFUND, Cause.CORRECTION)[way]
    if way == 1:
        assert record.refunds[-1].refund_id == override.taken_back_id
        assert record.refunds[-1].reason == "the court said so"
        assert told.amounts == answer.refund.amounts
    else:
        assert record.reversal is not None
        assert record.reversal.reversal_id == override.taken_back_id
        assert (record.reversal.reversed_by, record.reversal.reason) == (
            CHECKER,
            "the court said so",
        )
    moved = {each.settlement_id: each for each in told.later_bills}
    for settlement_id, was in zip(later, before, strict=True):
        by_now = record_of(world, settlement_id)
        if settlement_id in moved:
            change_fen = by_now.effective.fund_total_fen - was.fund_total_fen
            assert change_fen == moved[settlement_id].fund_change_fen
            assert by_now.adjustment is not None
            assert (by_now.adjustment.cause, by_now.adjustment.cause_id) == (
                cause,
                override.taken_back_id,
            )
        else:
            assert by_now.effective.borne == was.borne


@EACH_WAY
def test_it_moves_what_the_command_itself_would(databases: Databases, way: int) -> None:
    """Without newest_first the agency does the same in one step, to the fen."""
    moved = []
    for is_bound in (True, False):
        world = benefit_world(databases)
        _, early, *later = three(world)
        if is_bound:
            confirm(world, propose(world, all_three(early)[way]))
        else:
            command = plain(world, early, way, institution_id=None)
            if way == 2:
                _correct(world, command)
            else:
                world.run(command)
        moved.append([record_of(world, each).effective.borne for each in later])
    assert moved[0] == moved[1]


def _correct(world: World, command: Any) -> None:
    world.run(replace(command, expected=amounts_of(tried(world, command).amounts)))


def test_what_nothing_keeps_needs_no_override(world: World) -> None:
    _, early, *_, late = three(world)
    # Another region is not bound; behind the last bill nothing stands.
    free = propose_command(world, reversal(early), newest_first=False)
    for command in (free, propose_command(world, reversal(late))):
        assert refusal(world, command).reason is Reason.NOTHING_TO_OVERRIDE
    world.reverse(late, **BOUND)
    assert_books_are_right(world)


def test_a_later_hold_is_told_and_stays_as_it_was_quoted(world: World) -> None:
    (person,) = world.enrol()
    early = settle(world, person, ("A1", 600_000))
    visit = world.register(person, start_date=TODAY, institution_id=OTHER_HOSPITAL)
    bill = world.bill(visit)
    held = hold(world, visit, person, bill=bill, institution_id=OTHER_HOSPITAL)
    told = refusal(world, plain(world, early, 0, **BOUND))
    assert told.metadata["settlement_ids"] == held.hold_id
    proposed = propose(world, reversal(early))
    (later,) = proposed.later_bills
    assert (later.settlement_id, later.institution_id, later.is_held, later.fund_change_fen) == (
        held.hold_id,
        OTHER_HOSPITAL,
        True,
        0,
    )
    assert (proposed.adjusted_count, proposed.held_count) == (0, 1)
    confirm(world, proposed)
    assert_books_are_right(world)


def test_other_faults_of_the_act_are_told_first(world: World) -> None:
    _, early, *_ = three(world)
    unknown = refund(early, 9)
    assert refusal(world, propose_command(world, unknown)).reason is Reason.LINE_NOT_FOUND
    world.reverse(early)
    gone = propose_command(world, reversal(early))
    assert refusal(world, gone).reason is Reason.SETTLEMENT_REVERSED


def test_an_institution_is_bound_as_before(world: World) -> None:
    _, early, elsewhere, _ = three(world)
    told = refusal(world, plain(world, early, 0, newest_first=True, institution_id=HOSPITAL))
    assert "institution_ids" not in told.metadata
    assert elsewhere not in told.metadata["settlement_ids"]
