"""Settlements under review: what opens a case and what becomes of it, on both databases."""

import datetime as dt
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support.charges import ADMITTED, assert_books_are_right, carrying, charged, put_items, refusal
from support.databases import Databases
from support.settlement_world import (
    ACCOUNT_STEP,
    AGENCY,
    HOSPITAL,
    NOW,
    OTHER_HOSPITAL,
    POLICY_FILE,
    REGION,
    TODAY,
    World,
)

from yibao.settlement.v1.review_pb2 import Review
from yibao.settlement.v1.review_service_pb2 import (
    ConfirmDecisionResponse,
    ProposeDecisionResponse,
    RejectDecisionResponse,
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
    ProposeDecision,
    RejectDecision,
)
from yibao_settlement.application.review.find import find_with_settlements
from yibao_settlement.application.review.listing import Place, ReviewWish
from yibao_settlement.application.settlement.find import find_settlement
from yibao_settlement.rules.bill import Approval, Bill, CatalogueItem, ChargedLine, LineDetails
from yibao_settlement.rules.care_facts import Diagnosis
from yibao_settlement.rules.review import Decision, Finding, ReviewAct, ReviewKind, ReviewState
from yibao_settlement.servicer.review import review_encoder

CHECKER = f"agency/{REGION}/li"
LINES = (ChargedLine(1, "A1", "100.00", "90", 900_000),)


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def same_bill(world: World, visit: str, **changes: Any) -> Bill:
    return carrying(world, visit, *LINES, **changes)


def twice(world: World, **person: Any) -> tuple[str, Settlement, Settlement]:
    """Settles one bill in two visits of a person, who was discharged between them."""
    (person_id,) = world.enrol(**person)
    settled = []
    for _ in range(2):
        visit = world.register(person_id)
        settled.append(world.settle(visit, person_id, bill=same_bill(world, visit)))
    return person_id, settled[0], settled[1]


def kinds(settled: Settlement) -> list[int]:
    return list(settled.review_kinds)


def case_of(settled: Settlement) -> Case:
    return Case(settled.review_id, settled.settlement_id)


def propose(
    world: World, settled: Settlement, decision: Decision, *, caller: str = AGENCY
) -> Review:
    request = world.request("ProposeDecision", caller=caller)
    encode = review_encoder(ProposeDecisionResponse)
    command = ProposeDecision(request, case_of(settled), decision, "one bill twice", encode)
    return ProposeDecisionResponse.FromString(world.run(command)).review


def confirm_command(
    world: World, settled: Settlement, decision: Decision, **changes: Any
) -> ConfirmDecision:
    request = world.request("ConfirmDecision", **{"caller": CHECKER, **changes})
    encode = review_encoder(ConfirmDecisionResponse)
    return ConfirmDecision(request, case_of(settled), decision, encode)


def confirm(world: World, settled: Settlement, decision: Decision, **changes: Any) -> Review:
    answer = world.run(confirm_command(world, settled, decision, **changes))
    return ConfirmDecisionResponse.FromString(answer).review


def reject(world: World, settled: Settlement, *, caller: str = CHECKER) -> Review:
    request = world.request("RejectDecision", caller=caller)
    encode = review_encoder(RejectDecisionResponse)
    answer = world.run(RejectDecision(request, case_of(settled), "look again", encode))
    return RejectDecisionResponse.FromString(answer).review


def test_a_likely_duplicate_of_another_visit_is_paid_and_reviewed(world: World) -> None:
    # Rule T-31.
    _, first, second = twice(world)
    assert not first.review_id
    assert second.review_id
    assert ReviewKind.SAME_BILL in kinds(second)
    assert second.total_fen == first.total_fen
    (review,) = world.queries.reviews(REGION, ReviewWish(), after=None, limit=10)
    assert review.review_id == second.review_id
    finding = review.findings[0]
    assert finding.settlement_ids == (first.settlement_id,)
    kept = find_settlement(world.queries, REGION, second.settlement_id, parse_caller(AGENCY))
    assert kept.review == review.note
    assert_books_are_right(world)


@pytest.mark.parametrize(
    ("lines", "changes"),
    [
        ((LINES[0]._replace(quantity="89", amount_fen=890_000),), {}),
        ((LINES[0]._replace(item_code="B1"),), {}),
        (LINES, {"service_date": TODAY - dt.timedelta(days=1)}),
    ],
    ids=["total", "items", "day"],
)
def test_what_differs_is_no_duplicate(
    world: World, lines: tuple[ChargedLine, ...], changes: dict[str, Any]
) -> None:
    (person,) = world.enrol()
    first, second = world.register(person, start_date=TODAY - dt.timedelta(days=1)), ""
    world.settle(first, person, bill=carrying(world, first, *lines, **changes))
    second = world.register(person, start_date=TODAY)
    assert not world.settle(second, person, bill=same_bill(world, second)).review_id


def test_another_institution_and_another_person_are_told_apart(world: World) -> None:
    person, other = world.enrol(2)
    visit = world.register(person, start_date=TODAY)
    world.settle(visit, person, bill=same_bill(world, visit))
    elsewhere = world.register(person, start_date=TODAY, institution_id=OTHER_HOSPITAL)
    bill = same_bill(world, elsewhere)
    settled = world.settle(elsewhere, person, bill=bill, institution_id=OTHER_HOSPITAL)
    assert not settled.review_id
    visit = world.register(other, start_date=TODAY)
    assert not world.settle(visit, other, bill=same_bill(world, visit)).review_id


def test_a_reversed_bill_makes_no_duplicate(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    first = world.settle(visit, person, bill=same_bill(world, visit))
    world.reverse(first.settlement_id)
    world.run(world.cancel_command(visit))
    again = world.register(person)
    assert not world.settle(again, person, bill=same_bill(world, again)).review_id


def test_lines_of_one_bill_that_all_stand_in_another_are_reviewed(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    x_ray = ChargedLine(2, "B1", "80", "1", 8_000)
    first = world.settle(visit, person, bill=same_bill(world, visit))
    more = world.settle(visit, person, bill=carrying(world, visit, *LINES, x_ray))
    assert kinds(more) == [ReviewKind.LINES_AGAIN]
    fewer = world.settle(visit, person, bill=carrying(world, visit, x_ray))
    assert kinds(fewer) == [ReviewKind.LINES_AGAIN]
    review = world.queries.review(REGION, more.review_id)
    assert review is not None
    assert review.findings[0].settlement_ids == (first.settlement_id,)


def test_lines_with_other_ids_are_not_reviewed(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    world.settle(visit, person, bill=carrying(world, visit, charged("L1")))
    other = world.settle(visit, person, bill=carrying(world, visit, charged("L2")))
    assert not other.review_id


@pytest.mark.parametrize(("start_day", "is_reviewed"), [(9, True), (10, False), (11, False)])
def test_stays_that_share_days_are_reviewed(
    world: World, start_day: int, is_reviewed: bool
) -> None:
    # Rule T-31; the day of discharge may be that of another admission.
    (person,) = world.enrol()
    first = world.register(person, institution_id=OTHER_HOSPITAL)
    bill = world.bill(first, service_date=ADMITTED.replace(day=10))
    world.settle(first, person, bill=bill, institution_id=OTHER_HOSPITAL)
    second = world.register(person, start_date=ADMITTED.replace(day=start_day))
    settled = world.settle(second, person)
    assert kinds(settled) == ([ReviewKind.STAYS_OVERLAP] if is_reviewed else [])
    assert bool(settled.review_id) is is_reviewed


def outpatients(databases: Databases) -> World:
    """Returns a world whose policy pays outpatient care as it does a stay."""
    policy_file = POLICY_FILE.read_bytes() + ACCOUNT_STEP
    return World(
        databases.open("yibao_settlement"),
        policy_file=policy_file.replace(b'["2*"]', b'["2*", "1*"]'),
    )


def outpatient_bill(world: World, person: str, start_date: dt.date, yuan: int) -> Settlement:
    visit = world.register(person, care_type="11", start_date=start_date)
    line = ChargedLine(1, "A1", str(yuan), "1", yuan * 100)
    return world.settle(visit, person, bill=carrying(world, visit, line, service_date=start_date))


def test_the_21st_outpatient_visit_of_a_month_is_reviewed(databases: Databases) -> None:
    # Rule T-12 and case D3: the 20th is settled; a reversed one does not count.
    world = outpatients(databases)
    (person,) = world.enrol()
    # Of another month.
    outpatient_bill(world, person, dt.date(2026, 10, 31), 1)
    settled = [
        outpatient_bill(world, person, ADMITTED + dt.timedelta(days=at % 19), 10 + at)
        for at in range(20)
    ]
    assert not any(each.review_id for each in settled)
    world.reverse(settled[3].settlement_id)
    assert not outpatient_bill(world, person, TODAY, 50).review_id
    reviewed = outpatient_bill(world, person, TODAY, 51)
    assert kinds(reviewed) == [ReviewKind.VISIT_COUNT]
    review = world.queries.review(REGION, reviewed.review_id)
    assert review is not None
    assert review.findings[0].visit_count == 21
    # Another bill of the same visit is no visit more.
    visit = reviewed.visit_id
    assert not world.settle(visit, person, bill=world.bill(visit)).review_id
    assert_books_are_right(world)


@pytest.mark.parametrize(
    ("person_class", "code", "approval", "is_reviewed"),
    [
        ("13", "XC1", Approval.NONE, True),
        ("13", "XC1", Approval.NOT_APPROVED, True),
        ("13", "XC1", Approval.APPROVED, False),
        ("13", "003401000230600", Approval.NONE, False),
        ("13", "A1", Approval.NONE, False),
        ("16", "XC1", Approval.NONE, False),
    ],
)
def test_drugs_outside_the_catalogue_of_a_retired_cadre_need_an_approval(
    databases: Databases, person_class: str, code: str, approval: Approval, is_reviewed: bool
) -> None:
    # Rule T-14.
    policy_file = (POLICY_FILE.read_bytes() + ACCOUNT_STEP).replace(
        b'person_class: "16"', b'person_class: ["16", "13"]'
    )
    world = World(databases.open("yibao_settlement"), policy_file=policy_file)
    for each in ("XC1", "003401000230600"):
        put_items(world, CatalogueItem(each, "丙类", "03", None, "", dt.date(2014, 1, 1), None))
    (person,) = world.enrol(person_class=person_class)
    visit = world.register(person)
    line = ChargedLine(7, code, "50", "1", 5_000, LineDetails(approval=approval))
    settled = world.settle(visit, person, bill=carrying(world, visit, *LINES, line))
    assert bool(settled.review_id) is is_reviewed
    if is_reviewed:
        review = world.queries.review(REGION, settled.review_id)
        assert review is not None
        assert review.findings == (Finding(ReviewKind.UNAPPROVED_DRUG, line_numbers=(2,)),)


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
