"""What becomes of settlements under review, on both databases."""

import datetime as dt
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support.charges import ADMITTED, assert_books_are_right, refusal
from support.databases import Databases
from support.reviews import (
    CHECKER,
    confirm,
    confirm_command,
    propose,
    reject,
    same_bill,
    twice,
)
from support.settlement_world import (
    AGENCY,
    HOSPITAL,
    NOW,
    OTHER_HOSPITAL,
    REGION,
    TODAY,
    World,
)

from yibao.settlement.v1.review_service_pb2 import (
    ConfirmDecisionResponse,
)
from yibao.settlement.v1.settlement_pb2 import Settlement
from yibao.settlement.v1.settlement_service_pb2 import SettleBillResponse
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.review.decide import (
    Case,
    ConfirmDecision,
)
from yibao_settlement.application.review.find import find_with_settlements
from yibao_settlement.application.review.listing import Place, ReviewWish
from yibao_settlement.application.settlement.find import find_settlement
from yibao_settlement.rules.care_facts import Diagnosis
from yibao_settlement.rules.review import Decision, Finding, ReviewAct, ReviewKind, ReviewState
from yibao_settlement.servicer.review import review_encoder


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def test_a_decision_to_reverse_is_carried_out_by_another_operator(world: World) -> None:
    person, first, second = twice(world)
    proposed = propose(world, second, Decision.REVERSE)
    assert (ReviewState(proposed.state), proposed.maker) == (ReviewState.PROPOSED, AGENCY)
    error = refusal(lambda: confirm(world, second, Decision.REVERSE, caller=AGENCY))
    assert error.reason is Reason.SAME_MAKER_AND_CHECKER
    error = refusal(lambda: confirm(world, second, Decision.CONFIRM))
    assert error.reason is Reason.REVIEW_STATE
    request_id = new_id()
    decided = confirm(world, second, Decision.REVERSE, request_id=request_id)
    assert (ReviewState(decided.state), decided.checker) == (ReviewState.REVERSED, CHECKER)
    assert confirm(world, second, Decision.REVERSE, request_id=request_id) == decided
    error = refusal(lambda: confirm(world, second, Decision.REVERSE))
    assert (error.reason, error.metadata["state"]) == (Reason.REVIEW_STATE, "REVERSED")
    kept = find_settlement(world.queries, REGION, second.settlement_id, parse_caller(AGENCY))
    assert kept.reversal is not None
    assert (kept.reversal.reversal_id, kept.reversal.reason, kept.reversal.reversed_by) == (
        decided.reversal_id,
        "one bill twice",
        CHECKER,
    )
    found = find_with_settlements(world.queries, REGION, second.review_id, parse_caller(AGENCY))
    assert [(each.act, each.caller) for each in found.events] == [
        (ReviewAct.OPENED, f"institution/{HOSPITAL}"),
        (ReviewAct.PROPOSED, AGENCY),
        (ReviewAct.CONFIRMED, CHECKER),
    ]
    assert [each.settlement_id for each in found.settlements] == [
        second.settlement_id,
        first.settlement_id,
    ]
    standing = world.queries.standing(REGION, person)
    assert standing is not None
    before = {each.name: each.value for each in second.year_before}
    assert {name: standing.accumulators[name] for name in before} == before
    # The ledger checker finds the reversal in the audit too.
    assert_books_are_right(world)
    # Its lines are free again.
    again = world.settle(second.visit_id, person, bill=same_bill(world, second.visit_id))
    assert again.fund_total_fen == second.fund_total_fen


def test_a_decision_that_the_bill_stands_changes_no_money(world: World) -> None:
    _, _, second = twice(world)
    propose(world, second, Decision.CONFIRM)
    assert ReviewState(confirm(world, second, Decision.CONFIRM).state) is ReviewState.CONFIRMED
    kept = find_settlement(world.queries, REGION, second.settlement_id, parse_caller(AGENCY))
    assert kept.reversal is None
    assert world.queries.waiting_reviews(REGION) == 0
    # The institution may still reverse what stands; the decision stays on record.
    world.reverse(second.settlement_id)
    review = world.queries.review(REGION, second.review_id)
    assert review is not None
    assert review.state is ReviewState.CONFIRMED
    assert_books_are_right(world)


def test_a_proposal_is_sent_back_by_another_operator(world: World) -> None:
    _, _, second = twice(world)
    error = refusal(lambda: reject(world, second))
    assert error.reason is Reason.REVIEW_STATE
    propose(world, second, Decision.REVERSE)
    error = refusal(lambda: propose(world, second, Decision.CONFIRM))
    assert error.reason is Reason.REVIEW_STATE
    error = refusal(lambda: reject(world, second, caller=AGENCY))
    assert error.reason is Reason.SAME_MAKER_AND_CHECKER
    sent_back = reject(world, second)
    assert (ReviewState(sent_back.state), sent_back.maker) == (ReviewState.OPEN, "")
    assert propose(world, second, Decision.CONFIRM, caller=CHECKER).maker == CHECKER


def test_a_reversal_by_the_institution_leaves_nothing_to_decide(world: World) -> None:
    _, _, second = twice(world)
    propose(world, second, Decision.REVERSE)
    world.reverse(second.settlement_id)
    error = refusal(lambda: confirm(world, second, Decision.REVERSE))
    assert (error.reason, error.metadata["state"]) == (Reason.REVIEW_STATE, "WITHDRAWN")
    review = world.queries.review(REGION, second.review_id)
    assert review is not None
    assert (review.state, review.decision) == (ReviewState.WITHDRAWN, None)
    assert_books_are_right(world)


def test_an_unknown_case_is_not_found(world: World) -> None:
    _, first, second = twice(world)
    encode = review_encoder(ConfirmDecisionResponse)
    for case in (Case(new_id(), second.settlement_id), Case(second.review_id, first.settlement_id)):
        request = world.request("ConfirmDecision", caller=CHECKER)
        command = ConfirmDecision(request, case, Decision.CONFIRM, encode)
        with pytest.raises(RuleError) as caught:
            world.run(command)
        assert caught.value.reason is Reason.REVIEW_NOT_FOUND


def test_an_institution_sees_its_own_cases_without_those_of_others(world: World) -> None:
    (person,) = world.enrol()
    first = world.register(person, institution_id=OTHER_HOSPITAL)
    bill = world.bill(first, service_date=ADMITTED.replace(day=10))
    world.settle(first, person, bill=bill, institution_id=OTHER_HOSPITAL)
    second = world.register(person, start_date=ADMITTED.replace(day=5))
    settled = world.settle(second, person)
    own = parse_caller(f"institution/{HOSPITAL}")
    found = find_with_settlements(world.queries, REGION, settled.review_id, own)
    assert found.review.findings == (Finding(ReviewKind.STAYS_OVERLAP),)
    assert [each.settlement_id for each in found.settlements] == [settled.settlement_id]
    assert not found.events
    other = parse_caller(f"institution/{OTHER_HOSPITAL}")
    error = refusal(lambda: find_with_settlements(world.queries, REGION, settled.review_id, other))
    assert error.reason is Reason.REVIEW_NOT_FOUND


def test_cases_are_listed_by_what_is_asked_for(world: World) -> None:
    person, _, second = twice(world)
    other, _, third = twice(world)
    propose(world, third, Decision.CONFIRM)

    def listed(**wish: Any) -> list[str]:
        found = world.queries.reviews(REGION, ReviewWish(**wish), after=None, limit=10)
        return [each.review_id for each in found]

    assert listed() == sorted([second.review_id, third.review_id])
    assert listed(state=ReviewState.OPEN) == [second.review_id]
    assert listed(kind=ReviewKind.VISIT_COUNT) == []
    assert listed(kind=ReviewKind.SAME_BILL, person_id=other) == [third.review_id]
    assert listed(person_id=person, institution_id=OTHER_HOSPITAL) == []
    assert listed(opened_since=NOW + dt.timedelta(seconds=1)) == []
    assert listed(opened_before=NOW) == []
    first = world.queries.reviews(REGION, ReviewWish(), after=None, limit=1)[0]
    place = Place(first.open_time, first.review_id)
    (rest,) = world.queries.reviews(REGION, ReviewWish(), after=place, limit=10)
    assert {first.review_id, rest.review_id} == {second.review_id, third.review_id}


def two_visits(world: World) -> tuple[str, list[str]]:
    """Returns a person with an e-certificate and a card, and two visits of one day."""
    person = new_id()
    world.feed(world.insured(person, credentials=(world.ecert(person), world.card(person))))
    visits = []
    for _ in range(2):
        visit = world.register(person, start_date=TODAY)
        diagnosis = Diagnosis("I10.x00", "高血压", is_main=True)
        world.run(world.discharge_command(visit, diagnoses=(diagnosis,)))
        visits.append(visit)
    return person, visits


def settlements_in(outcomes: Sequence[bytes | RuleError]) -> list[Settlement]:
    return [
        SettleBillResponse.FromString(each).settlement
        for each in outcomes
        if isinstance(each, bytes)
    ]


@pytest.mark.parametrize("at_once", [True, False])
def test_two_bills_of_two_visits_open_one_case(world: World, at_once: bool) -> None:
    person, visits = two_visits(world)
    commands = [
        world.settle_command(
            visit,
            person,
            bill=same_bill(world, visit),
            # Codes of two credentials: neither supersedes the other.
            code=world.code(person, is_cards=bool(at)),
        )
        for at, visit in enumerate(visits)
    ]
    if at_once:
        workers = [world.new_worker() for _ in commands]
        with ThreadPoolExecutor(2) as threads:
            outcomes = list(
                threads.map(lambda at: workers[at](REGION, [commands[at]])[0], range(2))
            )
    else:
        outcomes = world.work(REGION, commands)
    settled = settlements_in(outcomes)
    assert sorted(bool(each.review_id) for each in settled) == [False, True]
    assert world.queries.waiting_reviews(REGION) == 1
    assert_books_are_right(world)


def test_a_case_is_decided_once_whoever_comes_first(world: World) -> None:
    _, _, second = twice(world)
    propose(world, second, Decision.REVERSE)
    commands: list[Command] = [
        confirm_command(world, second, Decision.REVERSE),
        confirm_command(world, second, Decision.REVERSE, caller=f"agency/{REGION}/zhao"),
        world.reverse_command(second.settlement_id),
    ]
    workers = [world.new_worker() for _ in commands]
    with ThreadPoolExecutor(3) as threads:
        outcomes = list(threads.map(lambda at: workers[at](REGION, [commands[at]])[0], range(3)))
    refused = [each.reason for each in outcomes if isinstance(each, RuleError)]
    assert len(refused) == 2
    assert set(refused) <= {Reason.REVIEW_STATE, Reason.SETTLEMENT_REVERSED}
    assert world.queries.waiting_reviews(REGION) == 0
    assert_books_are_right(world)
