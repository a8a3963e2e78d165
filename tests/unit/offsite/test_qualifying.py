"""What application decides of qualifications, without a database."""

import datetime as dt

import pytest
from support.qualifying import PAPERS, REGION, Desk, insured

from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.qualification.qualification import CarryState, QualificationState


def test_a_person_whom_identity_does_not_know_is_refused() -> None:
    desk = Desk.in_memory()
    with pytest.RaisesExc(RuleError, check=lambda error: error.reason is Reason.PERSON_NOT_FOUND):
        desk.apply(new_id())


def test_a_qualification_is_applied_for_approved_carried_and_ended() -> None:
    desk, person_id = Desk.in_memory(), new_id()
    desk.know(insured(person_id))
    found = desk.apply(person_id, papers=PAPERS[:1])
    assert found.missing_paper_codes == ("diagnosis_proof",)
    desk.hand_in(found.qualification_id, PAPERS[1])
    assert desk.decide(found.qualification_id).carry_state is CarryState.WAITING
    (task,) = desk.errands.due(REGION, limit=10)
    desk.errands.carried(task, "d1")
    assert desk.errands.due(REGION, limit=10) == []
    ended = desk.end(found.qualification_id, dt.date(2026, 3, 31))
    assert (ended.state, ended.carry_state) == (QualificationState.ENDED, CarryState.WAITING)
