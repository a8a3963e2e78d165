"""A month is credited to everybody once, by rules, page by page, over any interruption (A1)."""

import dataclasses
import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from support.credits import (
    EMPLOYEES,
    MONTH,
    RULES,
    allocations,
    approve_rules,
    balance,
    book,
    carry_on,
    claims,
    confirm,
    contribute,
    credit,
    run_of,
    start,
    submit_rules,
    take_back,
)
from support.databases import Databases, as_owner
from support.settlement_world import AGENCY, REGION, World

from yibao.settlement.v1.allocation_service_pb2 import ImportContributionsResponse
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.allocation import run as running
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.ledger_check.report import CREDITS
from yibao_settlement.rules.allocation import AllocatedState
from yibao_settlement.storage import tables

ACTIVE: dict[str, Any] = {"insurance_type": EMPLOYEES, "person_class": "11"}
RETIRED: dict[str, Any] = {"insurance_type": EMPLOYEES, "person_class": "12"}


@pytest.fixture
def world(databases: Databases) -> World:
    made = World(databases.open("yibao_settlement"))
    approve_rules(made, submit_rules(made).policy_version)
    return made


def refused(reason: Reason) -> "pytest.RaisesExc[RuleError]":
    return pytest.raises(RuleError, check=lambda error: error.reason is reason)


def told(world: World, allocation_id: str) -> dict[str, AllocatedState]:
    found = allocations(world).persons(REGION, allocation_id, (), after=None, limit=1_000)
    return {each.person_id: each.state for each in found}


def test_a_month_that_is_run_twice_credits_once(world: World) -> None:
    (active,), (retired,) = world.enrol(**ACTIVE), world.enrol(**RETIRED)
    (resident,) = world.enrol()
    contribute(world, (active, 800_000))
    first = start(world)
    carry_on(world)
    assert told(world, first.allocation_id) == {
        active: AllocatedState.CREDITED,
        retired: AllocatedState.CREDITED,
    }
    second = start(world)
    assert carry_on(world) == 1
    assert set(told(world, second.allocation_id).values()) == {AllocatedState.ALREADY_CREDITED}
    assert [balance(world, each) for each in (active, retired, resident)] == [16_000, 9_500, 0]
    # Nor by hand, under a request of its own.
    by_hand = world.credit_command(active, 16_000, business_key=str(MONTH))
    world.run(dataclasses.replace(by_hand, insurance_type=EMPLOYEES))
    assert balance(world, active) == 16_000
    assert check_ledger(world.database).drifts == []


def test_whoever_is_not_credited_is_told_why(world: World) -> None:
    (no_base,) = world.enrol(**ACTIVE)
    (no_rule,) = world.enrol(insurance_type=EMPLOYEES, person_class="13")
    (dead, gone) = world.enrol(2, **RETIRED)
    survivor, otherwise = world.enrol(2, **RETIRED)
    (ended,) = world.enrol(**RETIRED, end_date=dt.date(2026, 10, 31))
    last_day = dt.date(2026, 10, 31)
    world.feed(dataclasses.replace(world.insured(dead, **RETIRED), death_date=last_day))
    credit(world, otherwise, 9_400, business_key=str(MONTH))
    run = start(world)
    by_hand = world.credit_command(otherwise, 9_499, business_key=str(MONTH))
    world.run(dataclasses.replace(by_hand, insurance_type=EMPLOYEES))
    page = run_of(world).next_page(run_of(world).going_on(REGION)[0])
    assert page is not None
    # What changes between reading and locking.
    world.feed(world.insured(survivor, **RETIRED))
    world.feed(
        world.insured(gone, merged_into=survivor, credentials=(), enrolments=()),
        world.insured(survivor, **RETIRED),
    )
    world.run(page)
    assert carry_on(world) == 0
    assert told(world, run.allocation_id) == {
        no_base: AllocatedState.NO_BASE,
        no_rule: AllocatedState.NO_RULE,
        dead: AllocatedState.DIED,
        gone: AllocatedState.MERGED,
        survivor: AllocatedState.CREDITED,
        otherwise: AllocatedState.CREDITED_OTHERWISE,
    }
    assert balance(world, ended) == balance(world, no_base) == 0
    # The contribution arrives, and the next run credits it.
    contribute(world, (no_base, 500_000))
    start(world)
    carry_on(world)
    assert balance(world, no_base) == 10_000
    assert check_ledger(world.database).drifts == []


@pytest.mark.parametrize("dies_after", ["the page was read", "the page was booked"])
def test_a_run_that_is_killed_goes_on_behind_its_last_page(
    world: World, monkeypatch: pytest.MonkeyPatch, dies_after: str
) -> None:
    persons = world.enrol(7, **RETIRED)
    monkeypatch.setattr(running, "PAGE", 2)
    allocation = start(world)
    run = run_of(world)
    (going_on,) = run.going_on(REGION)
    page = run.next_page(going_on)
    assert page is not None
    world.run(page)
    page = run.next_page(going_on)
    assert page is not None
    if dies_after == "the page was booked":
        world.run(page)
    # Another process, which knows nothing of what the first one had read.
    assert carry_on(world) == (2 if dies_after == "the page was booked" else 3)
    # The first one was not dead: what it still books changes nothing.
    world.run(page)
    found = allocations(world).find(REGION, allocation.allocation_id)
    assert (found.allocation.finish_time is not None, found.waiting_count) == (True, 0)
    assert [(each.person_count, each.amount_fen) for each in found.sums] == [(7, 66_500)]
    assert [balance(world, each) for each in persons] == [9_500] * 7
    assert check_ledger(world.database).drifts == []


def test_a_run_tells_how_far_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.enrol(5, **RETIRED)
    monkeypatch.setattr(running, "PAGE", 2)
    begun = start(world)
    assert (begun.person_count, begun.waiting_count) == (0, 5)
    run = run_of(world)
    page = run.next_page(run.going_on(REGION)[0])
    assert page is not None
    world.run(page)
    half = allocations(world).find(REGION, begun.allocation_id)
    assert (sum(each.person_count for each in half.sums), half.waiting_count) == (2, 3)


def test_one_run_of_a_month_goes_on_at_a_time(world: World) -> None:
    world.enrol(**RETIRED)
    begun = start(world)
    with refused(Reason.ALLOCATION_RUNNING) as refusal:
        start(world)
    assert refusal.value.metadata == {"allocation_id": begun.allocation_id}
    start(world, month=202610)
    carry_on(world)
    start(world)


def test_a_request_that_is_repeated_begins_no_other_run(world: World) -> None:
    world.enrol(**RETIRED)
    request_id = new_id()
    begun = start(world, request_id=request_id)
    carry_on(world)
    assert start(world, request_id=request_id) == begun
    assert carry_on(world) == 0


@pytest.mark.parametrize(("limit_fen", "waits"), [(9_500, False), (9_499, True)])
def test_a_large_allocation_waits_for_a_second_person(
    world: World, limit_fen: int, waits: bool
) -> None:
    (person,) = world.enrol(**RETIRED)
    run = start(world)
    carry_on(world, second_above_fen=limit_fen)
    state = AllocatedState.WAITING if waits else AllocatedState.CREDITED
    assert told(world, run.allocation_id) == {person: state}
    if waits:
        assert balance(world, person) == 0
        (order,) = book(world).orders(REGION, None, after=None, limit=9)
        with refused(Reason.SAME_MAKER_AND_CHECKER):
            confirm(world, order.order_id, caller=AGENCY)
        confirm(world, order.order_id)
    assert balance(world, person) == 9_500
    assert check_ledger(world.database).drifts == []


def test_a_corrected_month_is_credited_anew_by_the_next_run(world: World) -> None:
    (person,) = world.enrol(**ACTIVE)
    contribute(world, (person, 900_000))
    run = start(world)
    carry_on(world)
    (row,) = allocations(world).persons(REGION, run.allocation_id, (), after=None, limit=9)
    assert row.credit_id is not None
    answer = ImportContributionsResponse.FromString(contribute(world, (person, 800_000)))
    assert (answer.added_count, answer.changed_count, answer.unchanged_count) == (0, 1, 0)
    start(world)
    carry_on(world)
    assert balance(world, person) == 18_000
    take_back(world, row.credit_id, 18_000)
    start(world)
    carry_on(world)
    assert (balance(world, person), claims(world, person).receivable_fen) == (16_000, 0)
    assert check_ledger(world.database).drifts == []


def test_who_retires_in_june_has_both_rules_in_one_year(world: World) -> None:
    june = dt.date(2026, 6, 1)
    before = world.period(**ACTIVE, end_date=june - dt.timedelta(days=1))
    (person,) = world.enrol()
    world.feed(world.insured(person, enrolments=(before, world.period(**RETIRED, start_date=june))))
    contribute(world, (person, 800_000), month=202605)
    contribute(world, (person, 800_000), month=202606)
    for month in (202605, 202606):
        start(world, month=month)
        carry_on(world)
    found = book(world).credits(REGION, person, before=None, limit=9)
    assert sorted(each.amount_fen for each in found) == [9_500, 16_000]


def test_rules_decide_from_their_month_on_once_another_operator_approved_them(
    world: World,
) -> None:
    (person,) = world.enrol(**RETIRED)
    more = RULES.replace(b"9_500", b"9_700")
    draft = submit_rules(world, more, start_month=MONTH)
    with refused(Reason.SAME_MAKER_AND_CHECKER):
        approve_rules(world, draft.policy_version, caller=AGENCY)
    with refused(Reason.CREDIT_POLICY_STATE):
        submit_rules(world, more, start_month=202601)
    with refused(Reason.CREDIT_POLICY_NOT_FOUND):
        approve_rules(world, "0" * 64)
    start(world, month=202610)
    carry_on(world)
    approve_rules(world, draft.policy_version)
    with refused(Reason.CREDIT_POLICY_STATE):
        approve_rules(world, draft.policy_version)
    start(world)
    carry_on(world)
    assert balance(world, person) == 9_500 + 9_700


def test_a_month_without_rules_or_ahead_is_not_begun(world: World) -> None:
    with refused(Reason.CREDIT_POLICY_NOT_FOUND):
        start(world, month=202512)
    for month in (202612, 202613):
        with pytest.raises(RuleError, match=str(month)):
            start(world, month=month)


def test_contributions_of_nobody_and_twice_of_somebody_are_refused(world: World) -> None:
    (person,) = world.enrol(**ACTIVE)
    with refused(Reason.PERSON_NOT_ENROLLED):
        contribute(world, (person, 1), (new_id(), 1))
    with pytest.raises(RuleError, match="another row") as repeated:
        contribute(world, (person, 1), (person, 2))
    assert repeated.value.reason is Reason.ROW_REPEATED


def test_a_report_that_was_altered_is_found(world: World) -> None:
    world.enrol(**RETIRED)
    start(world)
    carry_on(world)
    with as_owner(world.database) as connection:
        connection.execute(sa.update(tables.accounts.allocated_person).values(amount_fen=9_501))
    assert {each.invariant for each in check_ledger(world.database).drifts} == {CREDITS}


def test_a_report_that_tells_of_the_credit_of_somebody_else_is_found(world: World) -> None:
    first, second = sorted(world.enrol(2, **RETIRED))
    start(world)
    carry_on(world)
    person = tables.accounts.allocated_person
    with as_owner(world.database) as connection:
        told = sa.select(person.c.credit_id).where(person.c.person_id == first)
        other_id = connection.execute(told).scalar_one()
        is_second = person.c.person_id == second
        connection.execute(sa.update(person).where(is_second).values(credit_id=other_id))
    (drift,) = check_ledger(world.database).drifts
    assert (drift.invariant, drift.subject) == (CREDITS, second)


def test_the_credit_of_a_merged_record_is_that_of_who_stands_in_its_place(world: World) -> None:
    (merged,) = world.enrol(**RETIRED)
    (survivor,) = world.enrol()
    start(world)
    carry_on(world)
    world.feed(
        world.insured(merged, merged_into=survivor, credentials=(), enrolments=()),
        world.insured(survivor, **RETIRED),
    )
    again = start(world).allocation_id
    carry_on(world)
    assert told(world, again)[survivor] is AllocatedState.ALREADY_CREDITED
    assert check_ledger(world.database).drifts == []
