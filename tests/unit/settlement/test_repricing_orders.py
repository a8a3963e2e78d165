"""Repricings as operators propose and confirm them, in memory."""

import pytest
from support.memory.settlement.work import MemoryWork, request
from support.settlement_world import NOW, FakeClock

from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.repricing.orders import (
    MOST_BILLS,
    ConfirmRepricing,
    RepriceSettlements,
    Repricings,
    ToldRepricing,
)
from yibao_settlement.rules.repricing import (
    Liability,
    PersonState,
    RepricedTerm,
    RepricingState,
    Scope,
    Sums,
)

ORDER = (RepricedTerm.ENROLMENT, RepricedTerm.POLICY)


@pytest.fixture
def work() -> MemoryWork:
    work = MemoryWork()
    work.repricings.billed = (["p1", "p2"], 3)
    return work


def repricings(work: MemoryWork) -> Repricings:
    return Repricings(work, clock=FakeClock(NOW), ids=new_id)


def encode(told: ToldRepricing) -> bytes:
    return told.repricing.repricing_id.encode()


def propose(work: MemoryWork) -> str:
    command = RepriceSettlements(
        request("RepriceSettlements", new_id()),
        Scope(settlement_ids=("s1",)),
        ORDER,
        Liability.AS_BEFORE,
        "because",
    )
    return repricings(work).propose(command, encode).decode()


def simulated(work: MemoryWork, repricing_id: str, *fens: int) -> None:
    """Notes what each person's bills come to."""
    rows = work.repricings.persons_by_id
    rows[repricing_id] = [
        each._replace(state=PersonState.SIMULATED, sums=Sums(1, fen, -fen, 0))
        for each, fen in zip(rows[repricing_id], fens, strict=True)
    ]


def confirm(work: MemoryWork, repricing_id: str, fen: int, *, operator: str = "checker") -> None:
    asked = request("ConfirmRepricing", new_id(), operator=operator)
    repricings(work).confirm(ConfirmRepricing(asked, repricing_id, fen, -fen), encode)


def refusal(work: MemoryWork, *asked: object, **more: str) -> RuleError:
    with pytest.raises(RuleError) as caught:
        confirm(work, *asked, **more)  # type: ignore[arg-type]
    return caught.value


def test_a_repricing_names_what_is_asked_and_whom_it_concerns(work: MemoryWork) -> None:
    repricing_id = propose(work)
    told = repricings(work).find("999019", repricing_id)
    assert told.repricing.terms == (RepricedTerm.POLICY, RepricedTerm.ENROLMENT)
    assert told.progress.count(PersonState.WAITING) == 2
    assert not told.progress.is_simulated
    (entry,) = work.work.audit.entries
    assert entry.detail["persons"] == "2"


def test_too_many_bills_are_refused_and_none_is_nothing(work: MemoryWork) -> None:
    work.repricings.billed = (["p1"], MOST_BILLS + 1)
    with pytest.raises(RuleError) as many:
        propose(work)
    assert many.value.reason is Reason.FIELD_OUT_OF_RANGE
    work.repricings.billed = ([], 0)
    with pytest.raises(RuleError) as none:
        propose(work)
    assert none.value.reason is Reason.NOTHING_TO_REPRICE
    assert work.repricings.rows == {}


def test_what_was_read_is_confirmed_by_another_one(work: MemoryWork) -> None:
    repricing_id = propose(work)
    assert refusal(work, repricing_id, 0).reason is Reason.REPRICING_STATE
    simulated(work, repricing_id, 300, -100)
    assert refusal(work, repricing_id, 300).reason is Reason.REPRICING_STATE
    own = refusal(work, repricing_id, 200, operator="maker")
    assert own.reason is Reason.SAME_MAKER_AND_CHECKER
    confirm(work, repricing_id, 200)
    confirmed = work.repricings.rows[repricing_id]
    assert confirmed.state is RepricingState.CONFIRMED
    assert confirmed.request_id
    assert refusal(work, repricing_id, 200).metadata == {"state": "CONFIRMED"}


def test_what_is_confirmed_is_not_withdrawn(work: MemoryWork) -> None:
    repricing_id = propose(work)
    simulated(work, repricing_id, 0, 0)
    confirm(work, repricing_id, 0)
    with pytest.raises(RuleError) as late:
        repricings(work).withdraw(request("WithdrawRepricing", new_id()), repricing_id, encode)
    assert late.value.metadata == {"state": "CONFIRMED"}
    for unknown in (new_id(),):
        with pytest.raises(RuleError) as caught:
            repricings(work).find("999019", unknown)
        assert caught.value.reason is Reason.REPRICING_NOT_FOUND


def test_persons_are_listed_by_state(work: MemoryWork) -> None:
    repricing_id = propose(work)
    rows = work.repricings.persons_by_id[repricing_id]
    rows[1] = rows[1]._replace(state=PersonState.REFUSED, reason="PERSON_MERGED")
    reads = repricings(work)
    every = reads.persons("999019", repricing_id, [], after=None, limit=9)
    assert [each.person_id for each in every] == ["p1", "p2"]
    refused = reads.persons("999019", repricing_id, [PersonState.REFUSED], after=None, limit=9)
    assert [each.reason for each in refused] == ["PERSON_MERGED"]
