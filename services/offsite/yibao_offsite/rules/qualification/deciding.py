"""Deciding on qualifications: by a second operator, and ending what was approved."""

import dataclasses
import datetime as dt
from collections.abc import Sequence

from yibao_common.values.calendar import add_months
from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.qualification.listed import ListedDisease
from yibao_offsite.rules.qualification.qualification import (
    CarryState,
    Qualification,
    QualificationState,
    Step,
    check_step,
    wrong_state,
)

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


def retry(qualification: Qualification) -> Qualification:
    """Returns a qualification that identity refused, to be tried again.

    Raises RuleError QUALIFICATION_STATE.
    """
    if qualification.carry_state is not CarryState.REFUSED:
        raise wrong_state(qualification)
    return dataclasses.replace(qualification, carry_state=CarryState.WAITING, carry_problem="")


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
