"""Who may see what is refused or read before anything else is looked at."""

import datetime as dt

import pytest
from support.memory.settlement.reading import MemoryReads
from support.settlement_world import HOSPITAL, NOW, OTHER_HOSPITAL, REGION, TODAY

from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.account import FoundAccount, find_account
from yibao_settlement.application.credential import Viewer
from yibao_settlement.application.credit.state import AccountClaims
from yibao_settlement.application.difference.find import find_difference
from yibao_settlement.application.reading import TrialInputs
from yibao_settlement.application.reference import Reference
from yibao_settlement.application.settlement.find import find_settlement
from yibao_settlement.application.settlement.history import History
from yibao_settlement.application.settlement.trial import trial
from yibao_settlement.application.visit.find import find_visit
from yibao_settlement.rules.account import Standing
from yibao_settlement.rules.bill import Bill, ChargedLine
from yibao_settlement.rules.visit import Visit

PERSON = "0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c3e"
VISIT = Visit(
    "0190b5c4-7d3a-7f60-8a51-000000000001",
    PERSON,
    HOSPITAL,
    "V1",
    "11",
    TODAY,
    dt.date(1950, 1, 1),
    "390",
    "16",
    (),
    "2",
    NOW,
)
BILL = Bill(VISIT.visit_id, "B1", TODAY, (ChargedLine(1, "A1", "1.00", "1", 100),), 100, False)
ANYBODY = Viewer(None)
MERGED = Standing(PERSON, 0, 0, {}, {}, "0190b5c4-7d3a-7f60-8a51-000000000009")
NOTHING = Reference(1, {}, {})


def inputs(visit: Visit, standing: Standing | None = None) -> TrialInputs:
    history = History(visit.person_id, lambda _: {}, {}, lambda: ())
    return TrialInputs(visit, standing, [], history, NOTHING)


CANCELLED = VISIT._replace(cancel_time=NOW)


@pytest.mark.parametrize(
    ("found", "institution_id", "reason"),
    [
        (None, HOSPITAL, Reason.VISIT_NOT_FOUND),
        (inputs(CANCELLED, MERGED), OTHER_HOSPITAL, Reason.VISIT_NOT_FOUND),
        (inputs(CANCELLED, MERGED), HOSPITAL, Reason.VISIT_CANCELLED),
        (inputs(VISIT, MERGED), HOSPITAL, Reason.PERSON_MERGED),
        (inputs(VISIT), HOSPITAL, Reason.INSTITUTION_NOT_DESIGNATED),
    ],
)
def test_a_trial_is_refused_in_the_promised_order(
    found: TrialInputs | None, institution_id: str, reason: Reason
) -> None:
    reads = MemoryReads(trials={} if found is None else {VISIT.visit_id: found})
    with pytest.raises(RuleError) as refused:
        trial(reads, REGION, BILL, institution_id=institution_id, now=NOW)
    assert refused.value.reason is reason


def test_a_visit_is_shown_to_its_institution_and_to_agencies() -> None:
    reads = MemoryReads(visits_by_id={VISIT.visit_id: VISIT})
    for path in (f"institution/{HOSPITAL}", f"agency/{REGION}/wang"):
        assert find_visit(reads, REGION, VISIT.visit_id, parse_caller(path)) == VISIT
    with pytest.raises(RuleError, match="VISIT_NOT_FOUND"):
        find_visit(reads, REGION, VISIT.visit_id, parse_caller(f"terminal/{OTHER_HOSPITAL}/T1"))


def test_a_settlement_that_is_not_there_is_not_found() -> None:
    caller = parse_caller(f"agency/{REGION}/wang")
    with pytest.raises(RuleError, match="SETTLEMENT_NOT_FOUND"):
        find_settlement(MemoryReads(), REGION, PERSON, caller)


def test_an_account_is_found_unless_nothing_is_booked_or_it_was_taken_over() -> None:
    standing = MERGED._replace(merged_into=None, account_year=NOW.year)
    reads = MemoryReads(standings={PERSON: standing})
    assert find_account(reads, REGION, PERSON, ANYBODY, now=NOW) == FoundAccount(
        standing, 0, AccountClaims()
    )
    with pytest.raises(RuleError, match="ACCOUNT_NOT_FOUND"):
        find_account(MemoryReads(), REGION, PERSON, ANYBODY, now=NOW)
    merged = MemoryReads(standings={PERSON: MERGED})
    with pytest.raises(RuleError, match="PERSON_MERGED"):
        find_account(merged, REGION, PERSON, ANYBODY, now=NOW)


def test_what_lies_between_funds_and_a_person_is_told_as_an_account_is() -> None:
    standing = MERGED._replace(merged_into=None, account_year=NOW.year)
    found = find_difference(MemoryReads(standings={PERSON: standing}), REGION, PERSON)
    assert (found.difference_fen, found.due_fen, list(found.rows)) == (0, 0, [])
    with pytest.raises(RuleError, match="ACCOUNT_NOT_FOUND"):
        find_difference(MemoryReads(), REGION, PERSON)
    with pytest.raises(RuleError, match="PERSON_MERGED"):
        find_difference(MemoryReads(standings={PERSON: MERGED}), REGION, PERSON)
