"""Rules of qualifications: papers, days, checkers, states, and what identity is told."""

import dataclasses
import datetime as dt
from typing import Any

import pytest

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.qualification.applying import apply_for, check_renewal, hand_in
from yibao_offsite.rules.qualification.carrying import (
    Carrying,
    CarryStep,
    KnownDisease,
    next_step,
    wait_after,
)
from yibao_offsite.rules.qualification.deciding import (
    approve,
    end,
    last_day_of,
    reject,
    retry,
    return_for,
    withdraw,
)
from yibao_offsite.rules.qualification.listed import (
    AskedPaper,
    DiseaseList,
    DiseaseLists,
    ListedDisease,
    national_code,
)
from yibao_offsite.rules.qualification.qualification import (
    STEPS,
    Application,
    CarryState,
    HandedPaper,
    Qualification,
    QualificationState,
    Step,
    check_room,
)

TODAY = dt.date(2026, 3, 1)
NOW = dt.datetime(2026, 3, 1, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
HOSPITAL, OTHER_HOSPITAL = "H50010000001", "H50010000002"
MAKER, CHECKER = "agency/500100/wang", "agency/500100/li"
FORM, PROOF = "application_form", "diagnosis_proof"
BOTH = (HandedPaper(FORM), HandedPaper(PROOF, b"x" * 32))
LISTED = ListedDisease(
    "M03900",
    "高血压",
    "M03900",
    True,
    12,
    60,
    (AskedPaper(FORM, "申请表"), AskedPaper(PROOF, "诊断证明")),
    frozenset({HOSPITAL}),
)


def application(**fields: object) -> Application:
    told = Application("p", "M03900", HOSPITAL, (HOSPITAL,), "I10.x00", "三次血压", BOTH)
    return dataclasses.replace(told, **fields)  # type: ignore[arg-type]


def applied(listed: ListedDisease = LISTED, **fields: Any) -> Qualification:
    return apply_for(
        application(**fields),
        listed=listed,
        region="500100",
        qualification_id="q1",
        maker=MAKER,
        now=NOW,
        today=TODAY,
    )


def approved(**fields: object) -> Qualification:
    found = approve(
        applied(), listed=LISTED, end_date=None, checker=CHECKER, now=NOW, explanation=""
    )
    return dataclasses.replace(found, **fields)  # type: ignore[arg-type]


def refused(reason: Reason) -> pytest.RaisesExc[RuleError]:
    return pytest.RaisesExc(RuleError, check=lambda error: error.reason is reason)


@pytest.mark.parametrize(
    ("papers", "missing", "state"),
    [
        (BOTH, (), QualificationState.APPLIED),
        (BOTH[:1], (PROOF,), QualificationState.RETURNED),
        ((), (FORM, PROOF), QualificationState.RETURNED),
    ],
)
def test_all_missing_papers_are_told_at_once(
    papers: tuple[HandedPaper, ...], missing: tuple[str, ...], state: QualificationState
) -> None:
    found = applied(papers=papers)
    assert (found.missing_paper_codes, found.state) == (missing, state)


@pytest.mark.parametrize(
    "fields",
    [
        {"start_date": TODAY - DAY},
        {"start_date": dt.date(2027, 3, 2)},
        {"papers": (*BOTH, HandedPaper(FORM))},
        {"papers": (HandedPaper("passport"),)},
        {"papers": (HandedPaper(FORM, b"short"),)},
        {"treating_institution_ids": (HOSPITAL, HOSPITAL)},
    ],
)
def test_what_is_out_of_range_is_refused(fields: dict[str, Any]) -> None:
    with refused(Reason.FIELD_OUT_OF_RANGE):
        applied(**fields)


@pytest.mark.parametrize("start", [TODAY, dt.date(2027, 3, 1)])
def test_it_begins_today_or_up_to_a_year_ahead(start: dt.date) -> None:
    assert applied(start_date=start).start_date == start


def test_another_hospital_than_the_list_names_finds_no_disease() -> None:
    with refused(Reason.INSTITUTION_NOT_ENTITLED):
        applied(institution_id=OTHER_HOSPITAL)
    anywhere = dataclasses.replace(LISTED, institution_ids=frozenset())
    assert applied(anywhere, institution_id=OTHER_HOSPITAL).institution_id == OTHER_HOSPITAL


def test_papers_come_until_none_is_missing() -> None:
    returned = applied(papers=())
    half = hand_in(returned, BOTH[1:], listed=LISTED, maker="agency/500100/zhao")
    assert (half.state, half.missing_paper_codes) == (QualificationState.RETURNED, (FORM,))
    whole = hand_in(half, BOTH[:1], listed=LISTED, maker="agency/500100/qian")
    assert whole.state is QualificationState.APPLIED
    assert (whole.maker, whole.last_maker) == (MAKER, "agency/500100/qian")


def test_a_paper_that_was_returned_is_missing_until_it_comes_again() -> None:
    returned = return_for(applied(), [PROOF], listed=LISTED, checker=CHECKER, explanation="看不清")
    assert returned.missing_paper_codes == (PROOF,)
    still = hand_in(returned, BOTH[:1], listed=LISTED, maker=MAKER)
    assert still.missing_paper_codes == (PROOF,)
    newer = HandedPaper(PROOF, b"y" * 32)
    whole = hand_in(still, [newer], listed=LISTED, maker=MAKER)
    assert whole.state is QualificationState.APPLIED
    assert newer in whole.papers
    assert len(whole.papers) == 2


@pytest.mark.parametrize("checker", [MAKER, "agency/500100/qian"])
def test_who_applied_or_brought_papers_last_decides_nothing(checker: str) -> None:
    found = dataclasses.replace(applied(), last_maker="agency/500100/qian")
    with refused(Reason.SAME_MAKER_AND_CHECKER):
        approve(found, listed=LISTED, end_date=None, checker=checker, now=NOW, explanation="")
    with refused(Reason.SAME_MAKER_AND_CHECKER):
        reject(found, checker=checker, now=NOW, explanation="no")
    with refused(Reason.SAME_MAKER_AND_CHECKER):
        return_for(found, [FORM], listed=LISTED, checker=checker, explanation="no")


def test_what_is_not_approved_needs_words_and_a_return_needs_papers() -> None:
    with refused(Reason.FIELD_REQUIRED):
        reject(applied(), checker=CHECKER, now=NOW, explanation="")
    with refused(Reason.FIELD_REQUIRED):
        return_for(applied(), [], listed=LISTED, checker=CHECKER, explanation="why")
    with refused(Reason.FIELD_OUT_OF_RANGE):
        return_for(applied(), ["passport"], listed=LISTED, checker=CHECKER, explanation="why")


@pytest.mark.parametrize(
    ("start", "months", "last"),
    [
        (dt.date(2026, 3, 1), 12, dt.date(2027, 2, 28)),
        (dt.date(2027, 3, 1), 12, dt.date(2028, 2, 29)),
        (dt.date(2026, 8, 31), 6, dt.date(2027, 2, 27)),
        (dt.date(2028, 2, 29), 12, dt.date(2029, 2, 27)),
        (dt.date(2026, 1, 1), 24, dt.date(2027, 12, 31)),
        (dt.date(2026, 1, 1), None, None),
    ],
)
def test_it_holds_for_as_many_months_as_the_list_says(
    start: dt.date, months: int | None, last: dt.date | None
) -> None:
    assert last_day_of(start, dataclasses.replace(LISTED, valid_months=months)) == last


@pytest.mark.parametrize(
    ("end_date", "is_taken"),
    [
        (dt.date(2027, 2, 28), True),
        (dt.date(2027, 3, 1), False),
        (TODAY, True),
        (TODAY - DAY, False),
    ],
)
def test_a_checker_shortens_it_and_does_not_lengthen_it(end_date: dt.date, is_taken: bool) -> None:
    def decide() -> Qualification:
        return approve(
            applied(), listed=LISTED, end_date=end_date, checker=CHECKER, now=NOW, explanation=""
        )

    if is_taken:
        assert decide().end_date == end_date
    else:
        with refused(Reason.FIELD_OUT_OF_RANGE):
            decide()


@pytest.mark.parametrize(
    ("today", "is_open"),
    [
        (dt.date(2026, 12, 29), False),
        (dt.date(2026, 12, 30), True),
        (dt.date(2027, 2, 28), True),
        (dt.date(2027, 3, 1), False),
    ],
)
def test_it_is_renewed_from_sixty_days_before_its_end_on(today: dt.date, is_open: bool) -> None:
    if is_open:
        check_renewal(approved(), LISTED, today=today)
    else:
        with refused(Reason.RENEWAL_NOT_OPEN):
            check_renewal(approved(), LISTED, today=today)


def test_what_has_no_end_is_not_renewed() -> None:
    with refused(Reason.RENEWAL_NOT_OPEN):
        check_renewal(approved(end_date=None), LISTED, today=TODAY)


@pytest.mark.parametrize(
    ("end_date", "is_taken"),
    [
        (TODAY - 2 * DAY, False),
        (TODAY - DAY, True),
        (dt.date(2027, 2, 28), True),
        (dt.date(2027, 3, 1), False),
    ],
)
def test_it_is_ended_from_the_day_before_its_first_to_its_last(
    end_date: dt.date, is_taken: bool
) -> None:
    if is_taken:
        ended = end(approved(), end_date=end_date, explanation="x")
        assert (ended.state, ended.end_date) == (QualificationState.ENDED, end_date)
        assert ended.carry_state is CarryState.WAITING
    else:
        with refused(Reason.FIELD_OUT_OF_RANGE):
            end(approved(), end_date=end_date, explanation="x")


def take(found: Qualification, step: Step) -> None:
    """Takes a step of a qualification in any state."""
    match step:
        case Step.HAND_IN:
            hand_in(found, BOTH[:1], listed=LISTED, maker=MAKER)
        case Step.WITHDRAW:
            withdraw(found, explanation="")
        case Step.APPROVE:
            approve(found, listed=LISTED, end_date=None, checker=CHECKER, now=NOW, explanation="")
        case Step.REJECT:
            reject(found, checker=CHECKER, now=NOW, explanation="x")
        case Step.RETURN:
            return_for(found, [FORM], listed=LISTED, checker=CHECKER, explanation="x")
        case Step.RENEW:
            check_renewal(found, LISTED, today=dt.date(2027, 2, 1))
        case Step.END:
            end(found, end_date=TODAY, explanation="x")


@pytest.mark.parametrize("state", QualificationState)
@pytest.mark.parametrize("step", Step)
def test_a_step_is_taken_from_its_states_alone(step: Step, state: QualificationState) -> None:
    found = approved(state=state)
    if state in STEPS[step]:
        take(found, step)
    else:
        with refused(Reason.QUALIFICATION_STATE):
            take(found, step)


@pytest.mark.parametrize("carry_state", CarryState)
def test_only_what_identity_refused_is_tried_again(carry_state: CarryState) -> None:
    found = approved(carry_state=carry_state)
    if carry_state is CarryState.REFUSED:
        assert retry(found).carry_state is CarryState.WAITING
    else:
        with refused(Reason.QUALIFICATION_STATE):
            retry(found)


@pytest.mark.parametrize(
    ("other", "is_free"),
    [
        ({}, False),
        ({"state": QualificationState.RETURNED}, False),
        ({"state": QualificationState.REJECTED}, True),
        ({"state": QualificationState.WITHDRAWN}, True),
        ({"disease_code": "M01600"}, True),
        ({"end_date": TODAY}, False),
        ({"start_date": TODAY - 9 * DAY, "end_date": TODAY - DAY}, True),
        ({"state": QualificationState.ENDED, "end_date": TODAY}, False),
        ({"state": QualificationState.ENDED, "end_date": TODAY - DAY}, True),
    ],
)
def test_a_disease_is_qualified_for_once_on_a_day(other: dict[str, object], is_free: bool) -> None:
    others = [approved(**{"qualification_id": "q0", **other})]
    if is_free:
        check_room(applied(), others)
    else:
        with refused(Reason.QUALIFICATION_EXISTS):
            check_room(applied(), others)


@pytest.mark.parametrize(
    ("code", "national"),
    [
        ("M03900", "M03900"),
        ("M03905", "M03900"),
        ("M00201", "M00200"),
        ("M07801", "M07801"),
        # Renal failure without dialysis is not dialysis.
        ("M07800", ""),
        ("X1", "M01600"),
        ("M99900", ""),
        ("M0", ""),
    ],
)
def test_a_code_of_the_region_stands_for_a_national_one(code: str, national: str) -> None:
    known = ["M03900", "M01600", "M00200", "M07801"]
    assert national_code(code, national=known, mapping={"X1": "M01600"}) == national


def test_a_list_counts_from_its_first_day_until_the_next_one() -> None:
    national, first, second = (
        DiseaseList(start, {}) for start in (None, dt.date(2026, 1, 1), dt.date(2027, 1, 1))
    )
    lists = DiseaseLists(national, [("500100", second), ("500100", first)])
    assert lists.of("500100", dt.date(2025, 12, 31)) is national
    assert lists.of("500100", dt.date(2026, 1, 1)) is first
    assert lists.of("500100", dt.date(2026, 12, 31)) is first
    assert lists.of("500100", dt.date(2027, 1, 1)) is second
    assert lists.of("500200", dt.date(2027, 1, 1)) is national


END = dt.date(2027, 2, 28)
VOID = TODAY - DAY


def known(id: str, start: dt.date = TODAY, last: dt.date | None = END) -> KnownDisease:
    return KnownDisease(id, "M03900", start, last)


@pytest.mark.parametrize(
    ("own", "at_identity", "step"),
    [
        ({}, [], Carrying(CarryStep.REGISTER)),
        ({}, [known("d1")], Carrying(CarryStep.NOTHING, "d1")),
        ({}, [known("d1", last=None)], Carrying(CarryStep.END, "d1")),
        ({}, [known("d1", start=TODAY - DAY)], Carrying(CarryStep.REGISTER)),
        # What was taken back before is not raised again.
        ({}, [known("d1", last=VOID)], Carrying(CarryStep.REGISTER)),
        ({"end_date": None}, [known("d1")], Carrying(CarryStep.REFUSED, "d1")),
        ({"end_date": TODAY, "disease_registration_id": "d1"}, [known("d1")],
         Carrying(CarryStep.END, "d1")),
        ({"end_date": VOID}, [], Carrying(CarryStep.NOTHING)),
        ({"end_date": VOID, "disease_registration_id": "d1"}, [known("d1")],
         Carrying(CarryStep.END, "d1")),
        # Restored: it stands under the id of before.
        ({"end_date": VOID, "disease_registration_id": "d2"}, [known("d1")],
         Carrying(CarryStep.END, "d1")),
        ({"end_date": VOID, "disease_registration_id": "d2"}, [], Carrying(CarryStep.END, "d2")),
        ({"end_date": VOID, "disease_registration_id": "d2"}, [known("d2", last=VOID)],
         Carrying(CarryStep.NOTHING, "d2")),
    ],
)  # fmt: skip
def test_identity_is_told_what_differs(
    own: dict[str, object], at_identity: list[KnownDisease], step: Carrying
) -> None:
    assert next_step(approved(**own), at_identity, []) == step


@pytest.mark.parametrize(
    ("own", "at_identity", "step"),
    [
        # Ended there since what offsite, restored from a backup, knows: under another id.
        ({}, [known("d2", last=TODAY)], Carrying(CarryStep.REFUSED, "d2")),
        # Taken back whole.
        ({}, [known("d2", last=VOID)], Carrying(CarryStep.REFUSED, "d1")),
        ({}, [], Carrying(CarryStep.REFUSED, "d1")),
        # Told, and cut off before the answer was stored.
        ({}, [known("d2")], Carrying(CarryStep.NOTHING, "d2")),
        ({"end_date": TODAY}, [known("d2", last=END)], Carrying(CarryStep.END, "d2")),
        ({"end_date": VOID}, [], Carrying(CarryStep.END, "d1")),
        # The backup is of before it was carried at all.
        ({"disease_registration_id": ""}, [known("d2", last=TODAY)],
         Carrying(CarryStep.REFUSED, "d2")),
        ({"disease_registration_id": ""}, [known("d2", last=VOID)], Carrying(CarryStep.REFUSED)),
    ],
)  # fmt: skip
def test_what_identity_ended_since_is_neither_lengthened_nor_made_again(
    own: dict[str, object], at_identity: list[KnownDisease], step: Carrying
) -> None:
    told = approved(**{"disease_registration_id": "d1", **own})
    assert next_step(told, at_identity, [], replaced=[known("d1")]) == step
    # Another one that was replaced says nothing of this one.
    if step.step is CarryStep.REFUSED:
        before = [known("d0", start=TODAY - DAY)]
        assert next_step(told, at_identity, [], replaced=before).step is not CarryStep.REFUSED


def test_what_was_taken_back_is_applied_for_again_on_the_same_day() -> None:
    # Both are of offsite: the one that was taken back is what identity replaced.
    void = approved(qualification_id="q2", end_date=VOID, disease_registration_id="d2")
    at_identity, replaced = [known("d2", last=VOID)], [known("d1")]
    assert next_step(approved(), at_identity, [void], replaced=replaced).step is CarryStep.REGISTER


def test_what_another_qualification_has_carried_is_left_alone() -> None:
    void = approved(end_date=VOID, disease_registration_id="d1")
    other = approved(qualification_id="q2", disease_registration_id="d2")
    assert next_step(void, [known("d2")], [other]).disease_registration_id == "d1"
    assert next_step(void, [known("d2")], []).disease_registration_id == "d2"


def test_the_wait_doubles_up_to_an_hour() -> None:
    waits = [wait_after(attempts).total_seconds() for attempts in (1, 2, 3, 9, 10, 100)]
    assert waits == [10, 20, 40, 2560, 3600, 3600]
