"""What is added up of a policy that is tried on settled bills."""

import dataclasses
from collections.abc import Sequence

import pytest
from support import benefit_text
from support.benefit_doubts_text import CLEAR
from support.memory.settlement.history import ManyIds
from support.policies import FACTS
from support.settlement_world import POLICY_FILE, TODAY
from support.statements import VISIT, settled, visit_of

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application import simulation
from yibao_settlement.application.settlement.benefit import decide_again
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.settlement.terms import BenefitTerms
from yibao_settlement.application.simulation import Period, Simulation
from yibao_settlement.files.policy.file import load_policy
from yibao_settlement.rules.benefit.bill import Given
from yibao_settlement.rules.benefit.facts import Facts
from yibao_settlement.rules.bill import LineParticulars
from yibao_settlement.rules.policy.split import OwnCost, PricedLine
from yibao_settlement.rules.simulation import (
    LARGEST,
    Borne,
    SimulatedBill,
    Tally,
    Undecided,
    age_group,
)
from yibao_settlement.rules.visit import Visit


def bill(number: int, person: str, *, before: int, after: int, age: int = 40) -> SimulatedBill:
    """Returns a bill of 1,000 fen of which the person bore and bears so much."""
    return SimulatedBill(
        f"s{number}",
        person,
        "3",
        age,
        1_000,
        Borne({"310100": 1_000 - before}, before),
        Borne({"310100": 900 - after, "hospital": 100}, after),
    )


def tally(*bills: SimulatedBill) -> Tally:
    found = Tally()
    for each in bills:
        found.add(each)
    found.close()
    return found


def test_a_person_gains_or_loses_over_all_bills() -> None:
    found = tally(
        bill(1, "a", before=300, after=400),
        bill(2, "a", before=300, after=150),
        bill(3, "b", before=300, after=301),
        bill(4, "c", before=300, after=299),
        bill(5, "c", before=300, after=301),
    )
    assert (found.winners.persons, found.winners.sum_fen) == (1, 50)
    assert (found.losers.persons, found.losers.sum_fen) == (1, 1)
    assert found.unmoved_persons == 1
    assert found.by_fund == {"310100": [3_500, 4_500 - 1_451], "hospital": [0, 500]}
    assert (found.all.personal_before_fen, found.all.personal_after_fen) == (1_500, 1_451)
    assert (found.all.fund_before_fen, found.all.fund_after_fen) == (3_500, 5_000 - 1_451)


def test_only_the_largest_differences_are_kept() -> None:
    bills = [bill(number, "a", before=500, after=500 + number) for number in range(LARGEST + 5)]
    found = tally(*reversed(bills), bill(99, "a", before=700, after=1))
    told = found.largest()
    assert [each.settlement_id for each in told[:2]] == ["s99", f"s{LARGEST + 4}"]
    assert [each.size_fen for each in told[1:]] == list(range(LARGEST + 4, 5, -1))


@pytest.mark.parametrize(
    ("age", "group"),
    [(0, "0-17"), (17, "0-17"), (18, "18-44"), (59, "45-59"), (60, "60-74"), (75, "75+")],
)
def test_ages_are_of_groups_that_begin_with_their_first_year(age: int, group: str) -> None:
    found = tally(bill(1, "a", before=1, after=1, age=age))
    assert [age_group(first) for first in found.by_age] == [group]


def test_refused_bills_are_in_no_sum_and_the_first_of_a_reason_is_named() -> None:
    found = Tally()
    for number in (1, 2):
        found.refuse(f"s{number}", Reason.POLICY_NO_MATCHING_ROW)
    found.refuse("s3", Reason.FACT_MISSING)
    found.close()
    assert found.undecided() == {
        Reason.POLICY_NO_MATCHING_ROW: Undecided(2, "s1"),
        Reason.FACT_MISSING: Undecided(1, "s3"),
    }
    assert (found.all.bills, found.unmoved_persons) == (0, 0)


POLICY = benefit_text.load(benefit_text.GOOD)
PERIOD = Period("310", POLICY.start_date, POLICY.start_date)


def test_bills_are_read_in_pages_up_to_the_most_there_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(simulation, "MOST_BILLS", 501)
    history = ManyIds(501)
    begun = Simulation(history, "999019", POLICY, PERIOD)
    assert [begun.advance(), begun.advance(), begun.advance()] == [True, True, False]
    assert (history.pages, history.most, begun.done, begun.total) == ([250, 250, 1], 502, 501, 501)
    with pytest.raises(RuleError) as raised:
        Simulation(ManyIds(502), "999019", POLICY, PERIOD)
    assert raised.value.reason is Reason.FIELD_OUT_OF_RANGE
    assert raised.value.faults[0].field == "end_date"


def test_without_bills_a_simulation_ends_at_once() -> None:
    assert Simulation(ManyIds(0), "999019", POLICY, PERIOD).advance() is False


FACTS_1 = dataclasses.replace(FACTS, person_class="16")


class OneBill(ManyIds):
    """A history of one settlement that stands."""

    def __init__(self, record: SettlementRecord, visit: Visit) -> None:
        super().__init__(1)
        self._found = (record, visit)

    def read(self, region: str, ids: Sequence[str]) -> list[tuple[SettlementRecord, Visit]]:
        return [self._found]


def test_a_bill_of_the_second_format_is_decided_on_what_it_was() -> None:
    """With its groups, its facts and what others had paid; what is owed counts as paid."""
    given = '  - given: {id: G1, fund_types: ["610100"], base: [eligible]}\n  - deductible:'
    text = CLEAR.replace("base: [D1.rest]", "base: [D1.rest, eligible.implant]")
    policy = benefit_text.load(text.replace("  - deductible:", given, 1))
    facts = Facts(care_type="2101", person_class="11", age=40, institution="H1")
    lines = (
        PricedLine(1, "A", "01", 2_000_000, 0, None),
        PricedLine(2, "I", "01", 500_000, 0, None),
        PricedLine(3, "O", "01", 70_000, 0, None),
    )
    first, _ = settled(load_policy(POLICY_FILE.read_bytes(), name="p"), *lines, facts=FACTS_1)
    particulars = (None, None, LineParticulars("3", None, OwnCost.OUTSIDE_COVER, 0, "", 0, None))
    terms = BenefitTerms(facts, VISIT, TODAY, (Given("610100", 1_000),), ("", "implant", ""))
    record = first._replace(particulars=particulars, benefit=terms, service_date=policy.start_date)
    outcome = decide_again(policy, record)
    decided = record._replace(
        fund_payments=outcome.fund_payments,
        fund_total_fen=outcome.fund_total_fen,
        account_fen=outcome.account_fen,
        cash_fen=outcome.cash_fen,
        benefit=outcome.terms._replace(arrears=(("P1", 7),)),
    )
    visit = visit_of(FACTS_1)._replace(start_date=policy.start_date)
    begun = Simulation(OneBill(decided, visit), "999019", policy, PERIOD)
    assert begun.advance() is False
    found = begun.tally
    assert found.undecided() == {}
    assert found.by_fund["given"] == [1_000, 1_000]
    (fund, (before, after)) = next(item for item in found.by_fund.items() if item[0] != "given")
    assert (fund, before - after) == ("310100", 7)
    assert found.all.personal_after_fen - found.all.personal_before_fen == 7
