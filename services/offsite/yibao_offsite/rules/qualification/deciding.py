"""Deciding on qualifications: by a second operator, and ending what was approved."""

import dataclasses
import datetime as dt
from collections.abc import Sequence

from yibao_common.values.calendar import add_months
from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.person import KnownPerson
from yibao_offsite.rules.qualification.listed import ListedDisease
from yibao_offsite.rules.qualification.qualification import (
    STEPS,
    CarryState,
    Qualification,
    QualificationState,
    Step,
    check_step,
    wrong_state,
)
from yibao_offsite.rules.registration.kinds import EndReason
from yibao_offsite.rules.registration.persons import last_enrolled

_DAY = dt.timedelta(days=1)


def withdraw(qualification: Qualification, *, explanation: str) -> Qualification:
    """Returns an application withdrawn. Raises RuleError QUALIFICATION_STATE."""
    check_step(qualification, Step.WITHDRAW)
    return dataclasses.replace(
        qualification, state=QualificationState.WITHDRAWN, explanation=explanation
    )


def approve(
    qualification: Qualification,
    *,
    listed: ListedDisease,
    end_date: dt.date | None,
    checker: str,
    now: dt.datetime,
    explanation: str,
) -> Qualification:
    """Returns an application approved until `end_date`, or as long as the list allows.

    Raises:
        RuleError: QUALIFICATION_STATE, SAME_MAKER_AND_CHECKER, FIELD_OUT_OF_RANGE.
    """
    check_step(qualification, Step.APPROVE)
    _check_other(qualification, checker)
    most = last_day_of(qualification.start_date, listed)
    end = most if end_date is None else end_date
    faults = []
    if end is not None and end < qualification.start_date:
        faults.append(_fault("end_date", "lies before the first day"))
    if end is not None and most is not None and end > most:
        faults.append(_fault("end_date", f"lies after {most}, until when the list lets it hold"))
    refuse_faults(faults)
    return dataclasses.replace(
        qualification,
        state=QualificationState.APPROVED,
        end_date=end,
        checker=checker,
        decide_time=now,
        explanation=explanation,
        carry_state=CarryState.WAITING,
    )


def reject(
    qualification: Qualification, *, checker: str, now: dt.datetime, explanation: str
) -> Qualification:
    """Returns an application rejected.

    Raises RuleError QUALIFICATION_STATE, SAME_MAKER_AND_CHECKER, FIELD_REQUIRED.
    """
    check_step(qualification, Step.REJECT)
    _check_other(qualification, checker)
    refuse_faults(_missing_words(explanation))
    return dataclasses.replace(
        qualification,
        state=QualificationState.REJECTED,
        checker=checker,
        decide_time=now,
        explanation=explanation,
    )


def return_for(
    qualification: Qualification,
    paper_codes: Sequence[str],
    *,
    listed: ListedDisease,
    checker: str,
    explanation: str,
) -> Qualification:
    """Returns an application that goes back for papers, all of them at once.

    Raises RuleError QUALIFICATION_STATE, SAME_MAKER_AND_CHECKER, FIELD_REQUIRED,
    FIELD_OUT_OF_RANGE.
    """
    check_step(qualification, Step.RETURN)
    _check_other(qualification, checker)
    asked, field = set(paper_codes), "returned_paper_codes"
    faults = _missing_words(explanation)
    if not asked:
        faults.append(FieldFault(field, Reason.FIELD_REQUIRED, "is required for a return"))
    for each in sorted(asked - set(listed.paper_codes)):
        faults.append(_fault(field, f"{each} is no paper that the list asks for"))
    refuse_faults(faults)
    return dataclasses.replace(
        qualification,
        state=QualificationState.RETURNED,
        missing_paper_codes=tuple(code for code in listed.paper_codes if code in asked),
        explanation=explanation,
    )


def end(qualification: Qualification, *, end_date: dt.date, explanation: str) -> Qualification:
    """Returns a qualification with its last day, on its way to identity.

    Raises RuleError QUALIFICATION_STATE, FIELD_OUT_OF_RANGE.
    """
    check_step(qualification, Step.END)
    if end_date < qualification.start_date - _DAY:
        refuse_faults([_fault("end_date", "lies over a day before the first day")])
    if qualification.end_date is not None and end_date > qualification.end_date:
        # Longer is what a renewal makes it, with a checker.
        refuse_faults([_fault("end_date", f"lies after {qualification.end_date}, its last day")])
    return dataclasses.replace(
        qualification,
        state=QualificationState.ENDED,
        end_date=end_date,
        explanation=explanation,
        carry_state=CarryState.WAITING,
        carry_problem="",
    )


def end_by_person(
    qualification: Qualification, person: KnownPerson, *, today: dt.date
) -> Qualification | None:
    """Returns a qualification ended by the death of its person, or by the end of enrolment.

    None where it goes on. What was approved ends with the day of death, or the last day of
    enrolment, where that is earlier than its own last day. What was not decided yet ends
    without having held: on a death, and where the region insures the person no more.
    """
    is_undecided = qualification.state in STEPS[Step.WITHDRAW]
    if not is_undecided and qualification.state not in STEPS[Step.END]:
        return None
    ending = _ending_of(person)
    if ending is None:
        return None
    last, reason = ending
    told = dataclasses.replace(
        qualification, state=QualificationState.ENDED, explanation=reason.name
    )
    nothing = qualification.start_date - _DAY
    if is_undecided:
        is_over = reason is EndReason.DIED or last < today
        return dataclasses.replace(told, end_date=nothing) if is_over else None
    end_date = max(last, nothing)
    if end_date >= qualification.last_day:
        return None
    return dataclasses.replace(
        told, end_date=end_date, carry_state=CarryState.WAITING, carry_problem=""
    )


def goes_on(person: KnownPerson) -> bool:
    """Tells whether nothing of a person ends: alive, and insured without an end."""
    return _ending_of(person) is None


def check_goes_on(qualification: Qualification, person: KnownPerson, *, today: dt.date) -> None:
    """Refuses to approve for who has died, or is insured neither today nor from the first day on.

    Raises:
        RuleError: PERSON_DECEASED, PERSON_NOT_ENROLLED.
    """
    ending = _ending_of(person)
    if ending is None:
        return
    last, reason = ending
    if reason is EndReason.DIED:
        died = last.isoformat()
        raise RuleError(Reason.PERSON_DECEASED, f"the person died on {died}", death_date=died)
    day = max(today, qualification.start_date)
    if last < day:
        raise RuleError(
            Reason.PERSON_NOT_ENROLLED,
            f"the region does not insure the person any more on {day.isoformat()}",
        )


def retry(qualification: Qualification) -> Qualification:
    """Returns a qualification that identity refused, to be tried again.

    Raises RuleError QUALIFICATION_STATE.
    """
    if qualification.carry_state is not CarryState.REFUSED:
        raise wrong_state(qualification)
    return dataclasses.replace(qualification, carry_state=CarryState.WAITING, carry_problem="")


def _ending_of(person: KnownPerson) -> tuple[dt.date, EndReason] | None:
    """Returns the last day of what is a person's, and why; None where it has none."""
    if person.death_date is not None:
        return person.death_date, EndReason.DIED
    last = last_enrolled(person)
    return None if last is None else (last, EndReason.ENROLMENT_ENDED)


def last_day_of(start: dt.date, listed: ListedDisease) -> dt.date | None:
    """Returns until when a qualification from `start` on may hold, or None for ever."""
    if listed.valid_months is None:
        return None
    return add_months(start, listed.valid_months) - _DAY


def _check_other(qualification: Qualification, checker: str) -> None:
    makers = (qualification.maker, qualification.last_maker)
    if any(is_same_operator(each, checker) for each in makers):
        raise RuleError(
            Reason.SAME_MAKER_AND_CHECKER,
            f"{checker} has brought qualification {qualification.qualification_id}",
        )


def _missing_words(explanation: str) -> list[FieldFault]:
    if explanation:
        return []
    return [FieldFault("explanation", Reason.FIELD_REQUIRED, "says why it is not approved")]


def _fault(field: str, message: str) -> FieldFault:
    return FieldFault(field, Reason.FIELD_OUT_OF_RANGE, message)
