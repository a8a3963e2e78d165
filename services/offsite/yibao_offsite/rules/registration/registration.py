"""A registration for care elsewhere (异地就医备案): who, where, from when to when, by what."""

import datetime as dt
from dataclasses import dataclass

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_offsite.rules.registration.kinds import (
    Basis,
    Benefit,
    Category,
    Channel,
    EndReason,
    Origin,
    TaskKind,
    Terms,
)
from yibao_offsite.rules.registration.states import Event, State


@dataclass(frozen=True, slots=True)
class Material:
    """A paper: uploaded, where it has an id, or shown at a window; `fault` is what is wrong."""

    kind: str
    material_id: str | None = None
    is_shown: bool = False
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Referral:
    """Who referred a person elsewhere, for which diagnosis, and when (转诊)."""

    institution_id: str
    diagnosis_code: str
    referral_date: dt.date


@dataclass(frozen=True, slots=True)
class Application:
    """What is applied for; `expected_end_date` is the expected last day elsewhere.

    `admission_date` is None where care did not begin before the first day of cover.
    """

    person_id: str
    category: Category
    treatment_region: str
    start_date: dt.date
    expected_end_date: dt.date | None = None
    is_urgent: bool = False
    basis: Basis = Basis.NONE
    channel: Channel = Channel.WINDOW
    materials: tuple[Material, ...] = ()
    referral: Referral | None = None
    admission_date: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """What an agency has to do, by which day in Asia/Shanghai."""

    kind: TaskKind
    due_date: dt.date


@dataclass(frozen=True, slots=True)
class Registration:
    """A registration.

    `end_date` is the last day of cover as granted, None until changed; `ended_date` the last
    one as it came out, None while nothing ended it. `rules_version` is empty for those made
    before regions had rules. `handed_in_by` is who registered or handed it in last,
    `decided_by` who approved or refused it.
    """

    region: str
    registration_id: str
    application: Application
    state: State
    end_date: dt.date | None
    register_time: dt.datetime
    registered_by: str
    handed_in_by: str
    origin: Origin
    terms: Terms
    benefits: tuple[Benefit, ...]
    change_allowed_date: dt.date | None
    rules_version: str
    version: int = 1
    decided_by: str = ""
    cancel_time: dt.datetime | None = None
    cancelled_by: str = ""
    ended_date: dt.date | None = None
    end_reason: EndReason | None = None
    replaces_registration_id: str | None = None
    replaced_by_registration_id: str | None = None
    task: Task | None = None
    visit_id: str | None = None

    @property
    def person_id(self) -> str:
        """The person."""
        return self.application.person_id

    @property
    def category(self) -> Category:
        """Why care is taken elsewhere."""
        return self.application.category

    @property
    def treatment_region(self) -> str:
        """The city or municipality of treatment."""
        return self.application.treatment_region

    @property
    def start_date(self) -> dt.date:
        """The first day of cover."""
        return self.application.start_date

    @property
    def last_date(self) -> dt.date | None:
        """The last day of cover as it came out; None until changed."""
        return self.end_date if self.ended_date is None else self.ended_date

    def covers(self, day: dt.date) -> bool:
        """Tells whether it covers care that begins on a day; a revoked one covers none."""
        if not self.state.was_granted:
            return False
        return self.start_date <= day <= (self.last_date or dt.date.max)


@dataclass(frozen=True, slots=True)
class Step:
    """A step in the life of a registration, which made its `version`."""

    version: int
    event: Event
    state: State
    event_time: dt.datetime
    actor: str
    remark: str = ""


def registration_not_found(registration_id: str) -> RuleError:
    """Returns the refusal of an unknown registration."""
    return RuleError(
        Reason.REGISTRATION_NOT_FOUND,
        f"registration {registration_id} does not exist",
        registration_id=registration_id,
    )
