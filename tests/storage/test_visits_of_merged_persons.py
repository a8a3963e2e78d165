"""A merge strands no visit: bills of the retired person's visits settle for the survivor."""

import contextlib
import dataclasses
import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.charges import charged, listed, of_uploaded, upload
from support.databases import Databases
from support.settlement_world import AGENCY, HOSPITAL, NOW, REGION, TODAY, World

from yibao.settlement.v1.settlement_service_pb2 import SettleBillResponse
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError, TransientError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.settlement.trial import trial
from yibao_settlement.application.visit.find import find_open_stays
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.account import Standing
from yibao_settlement.rules.care_facts import CareFacts, Diagnosis

FACTS = CareFacts(diagnoses=(Diagnosis("I10.x00", "特发性高血压", True),))
DAY = dt.timedelta(days=1)


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def standing(world: World, person_id: str) -> Standing:
    found = world.queries.standing(REGION, person_id)
    assert found is not None
    return found


@pytest.mark.parametrize("merges", [1, 2])
def test_a_bill_of_the_retired_persons_visit_settles_for_the_survivor(
    world: World, merges: int
) -> None:
    retired, *survivors = world.enrol(1 + merges)
    world.run(world.credit_command(retired, 100_000))
    visit = world.register(retired)
    holder = retired
    for survivor in survivors:
        world.merge(holder, survivor)
        holder = survivor
    bill = world.bill(visit, account_used=True)
    tried = trial(world.queries, REGION, bill, institution_id=HOSPITAL, now=NOW).record
    settled = world.settle(visit, holder, bill=bill)
    assert settled.fund_total_fen == tried.fund_total_fen > 0
    record = world.queries.settlement(REGION, settled.settlement_id)
    assert record is not None
    assert (record.person_id, record.visit_id) == (holder, visit)
    assert record.account_fen == tried.account_fen == 100_000
    assert standing(world, holder).balance_fen == 0
    # The visit is on record as it was made.
    stored = world.queries.visit(REGION, visit)
    assert stored is not None
    assert stored.person_id == retired
    assert check_ledger(world.database).drifts == []
    world.reverse(settled.settlement_id)
    after = standing(world, holder)
    assert (after.balance_fen, after.accumulators) == (100_000, {})
    assert check_ledger(world.database).drifts == []


def test_a_stay_over_a_merge_costs_what_it_costs_without(world: World) -> None:
    """T-29: one deductible, one count, brackets that run on."""
    alone, retired, survivor = world.enrol(3)
    funds = []
    for person, holder in ((alone, alone), (retired, survivor)):
        visit = world.register(person, facts=FACTS)
        interim = world.bill(visit, is_interim=True, service_date=TODAY - DAY)
        first = world.settle(visit, person, bill=interim)
        if holder != person:
            world.merge(person, holder)
        world.run(world.discharge_command(visit))
        last = world.settle(visit, holder, bill=world.bill(visit))
        funds.append((first.fund_total_fen, last.fund_total_fen))
    assert funds[0] == funds[1]
    assert standing(world, survivor).accumulators == standing(world, alone).accumulators
    assert check_ledger(world.database).drifts == []


def test_a_reversed_bill_of_before_the_merge_is_settled_anew(world: World) -> None:
    retired, survivor = world.enrol(2)
    visit = world.register(retired)
    bill = world.bill(visit)
    wrong = world.settle(visit, retired, bill=bill)
    world.merge(retired, survivor)
    world.reverse(wrong.settlement_id)
    again = world.settle(visit, survivor, bill=bill)
    assert again.fund_total_fen == wrong.fund_total_fen
    assert check_ledger(world.database).drifts == []


def test_lines_are_uploaded_to_the_visit_and_settled(world: World) -> None:
    retired, survivor = world.enrol(2)
    visit = world.register(retired)
    world.merge(retired, survivor)
    (result,) = upload(world, visit, charged("L1"))
    (line,) = listed(world, visit)
    # What it will be is told by the survivor's cover: the retired has none any more.
    assert result is not None
    assert not isinstance(result, RuleError)
    assert line.result == result
    assert result.eligible_fen == 10_000
    settled = world.settle(visit, survivor, bill=of_uploaded(world, visit, 10_000))
    assert settled.total_fen == 10_000
    assert check_ledger(world.database).drifts == []


def test_an_agency_finds_the_open_stays_of_both_records(world: World) -> None:
    retired, survivor, other = world.enrol(3)
    visits = [world.register(each) for each in (retired, survivor, other)]
    agency = parse_caller(AGENCY)
    world.merge(retired, survivor)
    for person in (retired, survivor):
        found = find_open_stays(world.queries, REGION, person, agency)
        assert sorted(each.visit_id for each in found) == sorted(visits[:2])
    # Neither is in the way of the other, nor can anybody be admitted a third time.
    (outcome,) = world.work(REGION, [world.visit_command(survivor)])
    assert isinstance(outcome, RuleError)
    assert outcome.reason is Reason.STAY_OPEN_ELSEWHERE


def test_another_persons_code_settles_nothing(world: World) -> None:
    retired, survivor, other = world.enrol(3)
    visit = world.register(retired)
    world.merge(retired, survivor)
    for person in (retired, other):
        (outcome,) = world.work(REGION, [world.settle_command(visit, person)])
        assert isinstance(outcome, RuleError)
        assert outcome.reason in (Reason.NOT_CARDHOLDER, Reason.ECERT_NOT_ACTIVATED)


def test_what_the_retired_had_is_settled_after_the_survivors_death(world: World) -> None:
    """I-31: nobody is left who could show a code."""
    retired, survivor = world.enrol(2)
    visit = world.register(retired)
    world.merge(retired, survivor)
    world.feed(dataclasses.replace(world.insured(survivor), death_date=TODAY, credentials=()))
    settled = world.settle(visit, survivor, code=None)
    record = world.queries.settlement(REGION, settled.settlement_id)
    assert record is not None
    assert record.person_id == survivor
    assert check_ledger(world.database).drifts == []


def test_bills_of_both_records_in_one_batch_chain(world: World) -> None:
    retired, survivor = world.enrol(2)
    of_retired, of_survivor = world.register(retired), world.register(survivor)
    world.merge(retired, survivor)
    world.run(world.credit_command(survivor, 100_000))
    commands = [
        world.settle_command(visit, survivor, bill=world.bill(visit, account_used=True))
        for visit in (of_retired, of_survivor)
    ]
    outcomes = world.work(REGION, commands)
    assert all(isinstance(each, bytes) for each in outcomes)
    accounts = [
        SettleBillResponse.FromString(each).settlement.account_fen
        for each in outcomes
        if isinstance(each, bytes)
    ]
    assert accounts == [100_000, 0]
    assert check_ledger(world.database).drifts == []


def test_bills_while_the_persons_are_merged_are_booked_once_and_right(
    databases: Databases,
) -> None:
    world = World(databases.open("yibao_settlement"))
    for _ in range(5):
        retired, survivor = world.enrol(2)
        visits = [world.register(each) for each in (retired, survivor)]
        commands = [
            world.settle_command(visits[0], retired),
            world.settle_command(visits[0], survivor),
            world.settle_command(visits[1], survivor),
        ]

        def carry_out(command: Command) -> object:
            work = world.new_worker()
            while True:
                # As the batcher does: a lock moved on, or two waited for each other.
                with contextlib.suppress(TransientError):
                    return work(REGION, [command])[0]

        with ThreadPoolExecutor(4) as threads:
            settled = [threads.submit(carry_out, each) for each in commands]
            threads.submit(world.merge, retired, survivor).result()
            outcomes = [each.result() for each in settled]
        # Whose code it was decides, and whether the merge had come by then.
        assert isinstance(outcomes[2], bytes)
        for outcome in outcomes:
            if isinstance(outcome, RuleError):
                assert outcome.reason in (
                    Reason.NOT_CARDHOLDER,
                    Reason.PERSON_MERGED,
                    Reason.ECERT_NOT_ACTIVATED,
                    Reason.QR_SUPERSEDED,
                )
        assert standing(world, retired).accumulators == {}
    assert check_ledger(world.database).drifts == []


def test_a_merge_that_a_restore_undid_refuses_bills_as_before(world: World) -> None:
    retired, survivor = world.enrol(2)
    visit = world.register(retired)
    world.merge(retired, survivor)
    world.feed(world.insured(retired), world.insured(survivor))
    (outcome,) = world.work(REGION, [world.settle_command(visit, retired)])
    assert isinstance(outcome, RuleError)
    assert outcome.reason is Reason.PERSON_MERGED
