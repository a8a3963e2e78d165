"""Qualifications for chronic and special diseases: their states, days and events.

Apply, return, decide, renew and end are the steps of national transactions 2503 and 2504
(慢特病备案) and of the receipts that agencies give.
"""

import datetime as dt
import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason


class QualificationState(enum.IntEnum):
    """Where a qualification is in its life; numbers of the contract."""

    APPLIED = 1
    RETURNED = 2
    APPROVED = 3
    REJECTED = 4
    ENDED = 5
    WITHDRAWN = 6


class Step(enum.Enum):
    """What is done with a qualification."""

    HAND_IN = enum.auto()
    WITHDRAW = enum.auto()
    APPROVE = enum.auto()
    REJECT = enum.auto()
    RETURN = enum.auto()
    RENEW = enum.auto()
    END = enum.auto()


# From which states a step is taken. Drawn in docs/concepts/chronic-diseases.md.
STEPS: Mapping[Step, frozenset[QualificationState]] = {
    Step.HAND_IN: frozenset({QualificationState.RETURNED}),
    Step.WITHDRAW: frozenset({QualificationState.APPLIED, QualificationState.RETURNED}),
    Step.APPROVE: frozenset({QualificationState.APPLIED}),
    Step.REJECT: frozenset({QualificationState.APPLIED, QualificationState.RETURNED}),
    Step.RETURN: frozenset({QualificationState.APPLIED}),
    Step.RENEW: frozenset({QualificationState.APPROVED}),
    Step.END: frozenset({QualificationState.APPROVED, QualificationState.ENDED}),
}
_STANDING = frozenset(
    {QualificationState.APPLIED, QualificationState.RETURNED, QualificationState.APPROVED}
)


class CarryState(enum.IntEnum):
    """Whether identity has a qualification; numbers of the contract."""

    NONE = 0
    WAITING = 1
    CARRIED = 2
    REFUSED = 3


class EventKind(enum.IntEnum):
    """What happened to a qualification; numbers of the contract."""

    APPLIED = 1
    RETURNED = 2
    PAPERS = 3
    APPROVED = 4
    REJECTED = 5
    WITHDRAWN = 6
    ENDED = 7
    CARRIED = 8
    REFUSED = 9
    RETRIED = 10


@dataclass(frozen=True, slots=True)
class HandedPaper:
    """A paper that was handed in; `sha256` of its scan is empty where it was only seen."""

    paper_code: str
    sha256: bytes = b""


@dataclass(frozen=True, slots=True)
class Application:
    """What is applied for; `start_date` is None for the day of the application."""

    person_id: str
    disease_code: str
    institution_id: str
    treating_institution_ids: tuple[str, ...]
    diagnosis_code: str
    diagnosis_basis: str
    papers: tuple[HandedPaper, ...]
    start_date: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Qualification:
    """A qualification, from its application on.

    First and last day are included; `end_date` is None while it is open, and the day before
    the first where it never held. `last_maker` applied or handed in papers last.
    `disease_registration_id` is what identity called it last, empty before it was carried.
    """

    region: str
    qualification_id: str
    person_id: str
    disease_code: str
    disease_name: str
    national_disease_code: str
    institution_id: str
    treating_institution_ids: tuple[str, ...]
    diagnosis_code: str
    diagnosis_basis: str
    papers: tuple[HandedPaper, ...]
    missing_paper_codes: tuple[str, ...]
    state: QualificationState
    start_date: dt.date
    end_date: dt.date | None
    maker: str
    last_maker: str
    apply_time: dt.datetime
    renewed_qualification_id: str = ""
    checker: str = ""
    decide_time: dt.datetime | None = None
    explanation: str = ""
    carry_state: CarryState = CarryState.NONE
    carry_problem: str = ""
    disease_registration_id: str = ""

    @property
    def last_day(self) -> dt.date:
        """The last day; the end of the calendar while it is open."""
        return self.end_date or dt.date.max

    @property
    def ever_holds(self) -> bool:
        """Whether there is any day on which it holds."""
        return self.start_date <= self.last_day


@dataclass(frozen=True, slots=True)
class QualificationEvent:
    """Something that happened to a qualification, by whom and what was said of it."""

    kind: EventKind
    event_time: dt.datetime
    actor: str
    explanation: str = ""


def check_room(new: Qualification, others: Iterable[Qualification]) -> None:
    """Refuses a second qualification of the same disease on some of the same days.

    `others` are those of the same person, whichever of its records they are of.

    Raises:
        RuleError: QUALIFICATION_EXISTS, naming the other one.
    """
    for other in others:
        holds = other.state in _STANDING or (
            other.state is QualificationState.ENDED and other.ever_holds
        )
        if (
            holds
            and other.qualification_id != new.qualification_id
            and other.disease_code == new.disease_code
            and other.start_date <= new.last_day
            and new.start_date <= other.last_day
        ):
            raise RuleError(
                Reason.QUALIFICATION_EXISTS,
                f"qualification {other.qualification_id} is of some of the same days",
                qualification_id=other.qualification_id,
            )


def check_step(qualification: Qualification, step: Step) -> None:
    """Checks that a step is taken from where the qualification is.

    Raises RuleError QUALIFICATION_STATE.
    """
    if qualification.state not in STEPS[step]:
        raise wrong_state(qualification)


def qualification_not_found(qualification_id: str) -> RuleError:
    """Returns the refusal of an unknown qualification."""
    return RuleError(
        Reason.QUALIFICATION_NOT_FOUND,
        f"qualification {qualification_id} does not exist",
        qualification_id=qualification_id,
    )


def wrong_state(qualification: Qualification) -> RuleError:
    """Returns the refusal of a step that the state does not take."""
    return RuleError(
        Reason.QUALIFICATION_STATE,
        f"qualification {qualification.qualification_id} is {qualification.state.name.lower()}",
        qualification_id=qualification.qualification_id,
        state=qualification.state.name,
        carry_state=qualification.carry_state.name,
    )
