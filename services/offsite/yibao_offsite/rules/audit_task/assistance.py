"""Assistance checks (费用协查): the place of treatment is asked about a stay that looks wrong.

Source: 苏医保发〔2022〕75号, article 56: stays of 30,000 yuan and more, answered by the 26th of
the month after as correct or incorrect, confirmed in 5 working days.
"""

import datetime as dt
import enum
from dataclasses import dataclass, replace

from yibao_common.values.calendar import add_months
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason


class AssistanceAnswer(enum.IntEnum):
    """What the place of treatment answers, by its number in the contract."""

    CORRECT = 1
    INCORRECT = 2


@dataclass(frozen=True, slots=True)
class Assistance:
    """What is asked of a stay, and what was answered; amounts in fen.

    `answer`, `answerer` and `answer_time` are None and empty until it is answered.
    """

    treatment_region: str
    inpatient_number: str
    admission_date: dt.date
    discharge_date: dt.date
    diagnosis_code: str
    total_fen: int
    fund_total_fen: int
    doubt: str
    answer_due_date: dt.date
    answer: AssistanceAnswer | None = None
    answer_reason: str = ""
    answerer: str = ""
    answer_time: dt.datetime | None = None


def answer_due(asked: dt.date, *, answer_day: int) -> dt.date:
    """Returns by which day what is asked on `asked` is answered: one of the month after."""
    return add_months(asked, 1).replace(day=answer_day)


def check_asked(assistance: Assistance, *, region: str, minimum_fen: int, today: dt.date) -> None:
    """Checks what the place of treatment is asked.

    Raises:
        RuleError: FIELD_OUT_OF_RANGE with the fields at fault, ASSISTANCE_BELOW_MINIMUM.
    """
    faults = []
    if assistance.treatment_region == region:
        faults.append(_fault("treatment_region", "is the region that asks"))
    if assistance.discharge_date < assistance.admission_date:
        faults.append(_fault("discharge_date", "is before the admission"))
    if assistance.discharge_date > today:
        faults.append(_fault("discharge_date", "is to come"))
    if assistance.fund_total_fen > assistance.total_fen:
        faults.append(_fault("fund_total_fen", "is more than the total"))
    refuse_faults(faults)
    if assistance.total_fen < minimum_fen:
        raise RuleError(
            Reason.ASSISTANCE_BELOW_MINIMUM,
            f"a stay of {assistance.total_fen} fen is below {minimum_fen} fen",
            total_fen=assistance.total_fen,
            minimum_fen=minimum_fen,
        )


def answered(
    assistance: Assistance | None,
    answer: AssistanceAnswer,
    *,
    task_id: str,
    reason: str,
    answerer: str,
    now: dt.datetime,
) -> Assistance:
    """Returns the check with its answer, which is given once. Raises RuleError ASSISTANCE_STATE."""
    if assistance is None or assistance.answer is not None:
        raise _state(assistance, task_id, "nothing waits for an answer")
    return replace(
        assistance, answer=answer, answer_reason=reason, answerer=answerer, answer_time=now
    )


def check_answered(assistance: Assistance | None, *, task_id: str, today: dt.date) -> None:
    """Refuses a report while the place of treatment may still answer.

    Raises:
        RuleError: ASSISTANCE_STATE until it answered or its last day is over.
    """
    if assistance is None or assistance.answer is not None:
        return
    if today <= assistance.answer_due_date:
        raise _state(assistance, task_id, "the place of treatment has not answered yet")


def _state(assistance: Assistance | None, task_id: str, message: str) -> RuleError:
    due = "" if assistance is None else assistance.answer_due_date.isoformat()
    return RuleError(
        Reason.ASSISTANCE_STATE,
        f"task {task_id}: {message}",
        task_id=task_id,
        answer_due_date=due,
    )


def _fault(field: str, message: str) -> FieldFault:
    return FieldFault(f"assistance.{field}", Reason.FIELD_OUT_OF_RANGE, message)
