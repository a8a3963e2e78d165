"""Pre-evaluations of transfers (转外就医预评估, O-06): seen before, compared after discharge.

Everything that can happen to one stands in `TRANSITIONS`. A referral is decided by an
evaluation that a second operator approved; the treatment is compared with it by the papers
of the discharge, and the person may be called again (`rules.recheck`).
"""

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from yibao_common.values.calendar import add_months, shanghai_day
from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_common.values.working_days import WorkingCalendar

# For what lies on a desk: until a second operator has looked at what was recorded, and until
# what was sent back is recorded again.
DESK_WORKING_DAYS = 1
# A referral lasts at least six months (苏医保发〔2022〕75号, article 10), so that its stay is over
# and compared by then.
COMPARISON_MONTHS = 6


class EvaluationState(enum.IntEnum):
    """Where an evaluation is in its life, by its number in the contract."""

    OPEN = 1
    RECORDED = 2
    APPROVED = 3
    COMPARED = 4
    CANCELLED = 5


class Opinion(enum.IntEnum):
    """What an evaluation says of a transfer, by its number in the contract."""

    NECESSARY = 1
    NOT_NECESSARY = 2


class EvaluationEvent(enum.IntEnum):
    """What is done to an evaluation, by its number in the contract."""

    OPENED = 1
    RECORDED = 2
    RETURNED = 3
    APPROVED = 4
    CANCELLED = 5
    COMPARED = 6
    RECHECK_CALLED = 7
    RECHECK_RECORDED = 8


class DifferenceKind(enum.IntEnum):
    """What differs between an evaluation and what was done, by its number in the contract."""

    DIAGNOSIS = 1
    OPERATION = 2
    STAY = 3
    FEES = 4
    OTHER = 5


_STATE, _EVENT = EvaluationState, EvaluationEvent
TRANSITIONS: Mapping[tuple[EvaluationState, EvaluationEvent], EvaluationState] = {
    (_STATE.OPEN, _EVENT.RECORDED): _STATE.RECORDED,
    (_STATE.OPEN, _EVENT.CANCELLED): _STATE.CANCELLED,
    (_STATE.RECORDED, _EVENT.RETURNED): _STATE.OPEN,
    (_STATE.RECORDED, _EVENT.APPROVED): _STATE.APPROVED,
    (_STATE.RECORDED, _EVENT.CANCELLED): _STATE.CANCELLED,
    (_STATE.APPROVED, _EVENT.COMPARED): _STATE.COMPARED,
    (_STATE.COMPARED, _EVENT.RECHECK_CALLED): _STATE.COMPARED,
    (_STATE.COMPARED, _EVENT.RECHECK_RECORDED): _STATE.COMPARED,
}


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found of the person; `history_version` is what its recorder had read."""

    opinion: Opinion
    findings: str = field(repr=False)
    examined_by: str = field(repr=False)
    examine_date: dt.date
    recorded_by: str
    record_time: dt.datetime
    history_version: int


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs from the evaluation; never printed."""

    kind: DifferenceKind
    description: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """An evaluation compared with discharge record, certificate and fee list."""

    discharge_date: dt.date
    discharge_record_id: str
    certificate_id: str
    fee_list_id: str
    differences: tuple[Difference, ...]
    compared_by: str
    compare_time: dt.datetime

    @property
    def is_consistent(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A pre-evaluation; `due_date` is the last day for its next step, or was that of the last.

    `note` says why it was cancelled, or sent back last.
    """

    region: str
    evaluation_id: str
    registration_id: str
    person_id: str
    state: EvaluationState
    due_date: dt.date
    opened_by: str
    open_time: dt.datetime
    version: int = 1
    examination: Examination | None = None
    approved_by: str | None = None
    approve_time: dt.datetime | None = None
    comparison: Comparison | None = None
    note: str = field(default="", repr=False)

    @property
    def is_due(self) -> bool:
        """Whether a next step is due: of a transfer that is not necessary nothing is compared."""
        if self.state is EvaluationState.APPROVED:
            return self.opinion is Opinion.NECESSARY
        return self.state in (EvaluationState.OPEN, EvaluationState.RECORDED)

    @property
    def opinion(self) -> Opinion | None:
        """What it says of the transfer; None before it was recorded."""
        return None if self.examination is None else self.examination.opinion


@dataclass(frozen=True, slots=True)
class EvaluationStanding:
    """What a referral is decided by; `opinion` is None before it was recorded."""

    evaluation_id: str
    state: EvaluationState
    opinion: Opinion | None

    @property
    def allows_transfer(self) -> bool:
        """Whether the transfer was found necessary, and a second operator approved that."""
        decided = (EvaluationState.APPROVED, EvaluationState.COMPARED)
        return self.state in decided and self.opinion is Opinion.NECESSARY


@dataclass(frozen=True, slots=True)
class EvaluationAct:
    """Something that was done to an evaluation; `number` counts from 1."""

    number: int
    event: EvaluationEvent
    acted_by: str
    act_time: dt.datetime
    recheck_id: str | None = None


@dataclass(frozen=True, slots=True)
class Referral:
    """What an evaluation has to know of the registration that it is of."""

    registration_id: str
    person_id: str
    is_referral: bool
    is_waiting: bool


def check_waits(referral: Referral | None, registration_id: str) -> Referral:
    """Returns a referral that waits for its decision. Raises REFERRAL_NOT_WAITING."""
    if referral is None or not referral.is_referral or not referral.is_waiting:
        raise RuleError(
            Reason.REFERRAL_NOT_WAITING,
            f"{registration_id} is no referral that waits for its decision",
            registration_id=registration_id,
        )
    return referral


def check_not_past(day: dt.date, *, today: dt.date) -> None:
    """Raises FIELD_OUT_OF_RANGE for a due day before today."""
    if day < today:
        refuse_faults([FieldFault("due_date", Reason.FIELD_OUT_OF_RANGE, "lies in the past")])


def check_not_future(day: dt.date, *, today: dt.date, path: str) -> None:
    """Raises FIELD_OUT_OF_RANGE for a day of the past that lies after today."""
    if day > today:
        refuse_faults([FieldFault(path, Reason.FIELD_OUT_OF_RANGE, "lies in the future")])


def moved(evaluation: Evaluation, event: EvaluationEvent) -> Evaluation:
    """Returns the evaluation in the state that an event brings it to.

    Raises:
        RuleError: PRE_EVALUATION_STATE where it cannot happen to it.
    """
    after = TRANSITIONS.get((evaluation.state, event))
    if after is None:
        raise evaluation_state(evaluation)
    return replace(evaluation, state=after, version=evaluation.version + 1)


def record(
    evaluation: Evaluation, examination: Examination, *, today: dt.date, calendar: WorkingCalendar
) -> Evaluation:
    """Returns the evaluation with what was found; its approval is due. Raises as `moved`."""
    due = calendar.after(today, DESK_WORKING_DAYS)
    return replace(
        moved(evaluation, EvaluationEvent.RECORDED), examination=examination, due_date=due
    )


def approve(evaluation: Evaluation, *, version: int, checker: str, now: dt.datetime) -> Evaluation:
    """Returns the evaluation approved; where the transfer is necessary its comparison is due.

    Raises:
        RuleError: PRE_EVALUATION_STATE, also where another version was read,
            SAME_MAKER_AND_CHECKER.
    """
    approved = _checked(evaluation, EvaluationEvent.APPROVED, version=version, checker=checker)
    due = add_months(shanghai_day(now), COMPARISON_MONTHS)
    return replace(approved, approved_by=checker, approve_time=now, due_date=due)


def send_back(
    evaluation: Evaluation, *, version: int, checker: str, note: str, due_date: dt.date
) -> Evaluation:
    """Returns the evaluation open again, to be recorded by a day. Raises as `approve`."""
    opened = _checked(evaluation, EvaluationEvent.RETURNED, version=version, checker=checker)
    return replace(opened, examination=None, note=note, due_date=due_date)


def compare(evaluation: Evaluation, comparison: Comparison) -> Evaluation:
    """Returns the evaluation compared with the discharge.

    Raises:
        RuleError: PRE_EVALUATION_STATE, also where no transfer was necessary.
    """
    if evaluation.opinion is Opinion.NOT_NECESSARY:
        raise evaluation_state(evaluation)
    return replace(moved(evaluation, EvaluationEvent.COMPARED), comparison=comparison)


def _checked(
    evaluation: Evaluation, event: EvaluationEvent, *, version: int, checker: str
) -> Evaluation:
    after = moved(evaluation, event)
    if version != evaluation.version:
        raise evaluation_state(evaluation)
    assert evaluation.examination is not None, evaluation.evaluation_id
    if is_same_operator(evaluation.examination.recorded_by, checker):
        raise RuleError(
            Reason.SAME_MAKER_AND_CHECKER, "who recorded an evaluation cannot decide of it"
        )
    return after


def check_evaluated(standing: EvaluationStanding | None, registration_id: str) -> None:
    """Refuses to approve a referral without an approved evaluation that finds it necessary.

    Raises:
        RuleError: PRE_EVALUATION_REQUIRED.
    """
    if standing is not None and standing.allows_transfer:
        return
    state = "NONE" if standing is None else standing.state.name
    opinion = standing.opinion.name if standing is not None and standing.opinion else "NONE"
    raise RuleError(
        Reason.PRE_EVALUATION_REQUIRED,
        f"referral {registration_id} has no approved evaluation that finds it necessary",
        registration_id=registration_id,
        state=state,
        opinion=opinion,
    )


def evaluation_not_found(evaluation_id: str) -> RuleError:
    """Returns the refusal of an evaluation that is not there."""
    return RuleError(
        Reason.PRE_EVALUATION_NOT_FOUND,
        f"there is no evaluation {evaluation_id}",
        evaluation_id=evaluation_id,
    )


def evaluation_state(evaluation: Evaluation) -> RuleError:
    """Returns the refusal of a step that an evaluation does not take now."""
    return RuleError(
        Reason.PRE_EVALUATION_STATE,
        f"evaluation {evaluation.evaluation_id} is {evaluation.state.name}",
        evaluation_id=evaluation.evaluation_id,
        state=evaluation.state.name,
        version=evaluation.version,
    )
