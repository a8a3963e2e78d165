"""Commands refuse in the order that the contract promises, and change nothing then."""

import dataclasses
import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from support.settlement_world import AGENCY, HOSPITAL, NOW, OTHER_HOSPITAL, REGION, TODAY, World

from yibao_common.values.errors import InvariantError, RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.account import CreditAccount
from yibao_settlement.application.batch.changes import Changes
from yibao_settlement.application.batch.work import carry_out
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.reference import Reference
from yibao_settlement.application.settlement.settle import SettleBill
from yibao_settlement.application.visit.cancel import CancelVisit
from yibao_settlement.rules.account import Standing
from yibao_settlement.rules.bill import Bill, ChargedLine
from yibao_settlement.rules.stay import StandingBill
from yibao_settlement.rules.visit import Visit
from yibao_settlement.servicer import encode

PERSON, VISIT_ID, SETTLEMENT = new_id(), new_id(), new_id()
VISIT = Visit(
    *(VISIT_ID, PERSON, HOSPITAL, "V1", "11", TODAY, dt.date(1950, 1, 1)),
    *("390", "16", (), "2", NOW),
)
MERGED = Standing(PERSON, 0, 0, {}, {}, new_id())
TOO_OLD = RuleError(Reason.CLOCK_SUSPECT, "scanned an hour ago")
BILL = Bill(VISIT_ID, "B1", TODAY, (ChargedLine(1, "A1", "1.00", "1", 100),), 100, False)


def working_set() -> WorkingSet:
    """Returns one in which everything refuses: cancelled, settled and merged."""
    return WorkingSet(
        region=REGION,
        now=NOW,
        reference=Reference(1, {}, {}),
        standings={PERSON: MERGED},
        persons_by_subject={},
        survivors={},
        visits={VISIT_ID: VISIT._replace(cancel_time=NOW)},
        visit_numbers={(HOSPITAL, "V1"): VISIT_ID},
        settled_bills={VISIT_ID: {"B1": StandingBill(SETTLEMENT, TODAY, False)}},
    )


def refuse(command: Any, work: WorkingSet) -> Reason:
    with pytest.raises(RuleError) as refused:
        carry_out(command, work, new_id)
    assert work.changes == Changes()
    assert work.audit.entries == []
    return refused.value.reason


# Each takes away what the reason before it was given for.
Step = tuple[Callable[[WorkingSet], object], Reason]


def stand(work: WorkingSet) -> None:
    work.visits[VISIT_ID] = VISIT


def settle_nothing(work: WorkingSet) -> None:
    work.settled_bills.clear()


def hold_the_account(work: WorkingSet) -> None:
    work.standings[PERSON] = MERGED._replace(merged_into=None)


def test_a_bill_is_refused_for_the_visit_then_the_person_then_the_code() -> None:
    work = working_set()
    foreign = World.request("SettleBill", institution_id=OTHER_HOSPITAL)
    command = SettleBill(foreign, TOO_OLD, BILL, encode.settled)
    assert refuse(command, work) is Reason.VISIT_NOT_FOUND
    command = command._replace(request=World.request("SettleBill"))
    steps: tuple[Step, ...] = (
        (lambda work: None, Reason.VISIT_CANCELLED),
        (stand, Reason.BILL_ALREADY_SETTLED),
        (settle_nothing, Reason.PERSON_MERGED),
        (hold_the_account, Reason.CLOCK_SUSPECT),
    )
    for change, reason in steps:
        change(work)
        assert refuse(command, work) is reason


def test_a_visit_is_not_cancelled_for_another_nor_under_a_settlement() -> None:
    work = working_set()
    stand(work)
    foreign = World.request("CancelVisit", institution_id=OTHER_HOSPITAL)
    command = CancelVisit(foreign, VISIT_ID, encode.cancelled)
    assert refuse(command, work) is Reason.VISIT_NOT_FOUND
    command = dataclasses.replace(command, request=World.request("CancelVisit"))
    assert refuse(command, work) is Reason.VISIT_SETTLED
    settle_nothing(work)
    # That the person was merged keeps nobody from it: nothing is owed.
    carry_out(command, work, new_id)
    assert [each.cancel_time for each in work.changes.changed_visits.values()] == [NOW]
    assert work.visit_numbers == {}


def test_a_cancelled_visit_is_answered_as_it_is_whatever_was_settled_before() -> None:
    work = working_set()
    command = CancelVisit(World.request("CancelVisit"), VISIT_ID, encode.cancelled)
    carry_out(command, work, new_id)
    assert work.changes.changed_visits == {}


def test_a_credit_is_refused_for_its_request_then_the_person_then_the_cover() -> None:
    work = working_set()
    request = World.request("CreditAccount", caller=AGENCY)
    command = CreditAccount(request, PERSON, 500, "allocation", encode.credited)
    work.posted_requests.add(request.request_id)
    steps: tuple[Step, ...] = (
        (lambda work: None, Reason.REQUEST_ID_REUSED),
        (lambda work: work.posted_requests.clear(), Reason.PERSON_MERGED),
        (hold_the_account, Reason.PERSON_NOT_ENROLLED),
    )
    for change, reason in steps:
        change(work)
        assert refuse(command, work) is reason


def test_no_account_falls_below_zero() -> None:
    with pytest.raises(InvariantError, match="would hold -1 fen"):
        working_set().change_person(PERSON, balance_change_fen=-1)


def test_a_standing_keeps_who_took_it_over() -> None:
    work = working_set()
    assert work.change_person(PERSON, balance_change_fen=1).merged_into == MERGED.merged_into
