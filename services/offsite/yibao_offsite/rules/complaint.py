"""Complaints and reports (投诉举报, I-05): anyone files, the agency answers by a day."""

import datetime as dt
import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from yibao_common.values.calendar import shanghai_day
from yibao_common.values.caller import Role
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_common.values.working_days import WorkingCalendar

# How many of the hexadecimal digits of its id, random ones from the end, a receipt bears.
_RECEIPT_DIGITS = 12


class ComplaintSubject(enum.IntEnum):
    """What a complaint is about, by its number in the contract."""

    CARE = 1
    CHARGE = 2
    FRAUD = 3
    REGISTRATION = 4
    AGENCY = 5
    OTHER = 6


class ComplaintState(enum.IntEnum):
    """Where a complaint is in its life, by its number in the contract."""

    FILED = 1
    ACCEPTED = 2
    ANSWERED = 3


class ComplaintAct(enum.Enum):
    """What an agency does to a complaint."""

    ACCEPT = "AcceptComplaint"
    ANSWER = "AnswerComplaint"


TRANSITIONS: Mapping[tuple[ComplaintState, ComplaintAct], ComplaintState] = {
    (ComplaintState.FILED, ComplaintAct.ACCEPT): ComplaintState.ACCEPTED,
    (ComplaintState.FILED, ComplaintAct.ANSWER): ComplaintState.ANSWERED,
    (ComplaintState.ACCEPTED, ComplaintAct.ANSWER): ComplaintState.ANSWERED,
}


@dataclass(frozen=True, slots=True)
class ComplaintTerms:
    """The terms of complaints, as the service is told.

    `due_working_days` are those in which one is answered; `most_a_day` is how many a party files
    on a day of Asia/Shanghai, `most_a_day_of_channel` a channel, which files for many.
    """

    due_working_days: int
    most_a_day: int
    most_a_day_of_channel: int
    calendar: WorkingCalendar = field(default_factory=WorkingCalendar)

    def most_of(self, role: Role) -> int:
        """Returns how many a party of a role files on a day."""
        return self.most_a_day_of_channel if role is Role.CHANNEL else self.most_a_day


@dataclass(frozen=True, slots=True)
class Told:
    """What is filed; `contact` is empty where it is anonymous."""

    subject: ComplaintSubject
    is_anonymous: bool
    institution_id: str
    visit_id: str
    text: str = field(repr=False)
    contact: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Complaint:
    """A complaint; `filer` is empty where it is anonymous, `task_id` where no task follows it.

    `secret_digest` stands for the secret that its filer tracks it by.
    """

    region: str
    complaint_id: str
    receipt_number: str
    told: Told
    filer: str
    secret_digest: bytes
    file_time: dt.datetime
    due_date: dt.date
    state: ComplaintState = ComplaintState.FILED
    task_id: str = ""
    answer: str = field(default="", repr=False)
    answerer: str = ""
    answer_time: dt.datetime | None = None
    version: int = 1

    def after(self, act: ComplaintAct) -> "Complaint":
        """Returns the complaint after an act, as a new version. Raises COMPLAINT_STATE."""
        after = TRANSITIONS.get((self.state, act))
        if after is None:
            raise RuleError(
                Reason.COMPLAINT_STATE,
                f"complaint {self.complaint_id} is {self.state.name}",
                complaint_id=self.complaint_id,
                state=self.state.name,
            )
        return replace(self, state=after, version=self.version + 1)


def filed(
    told: Told,
    *,
    region: str,
    complaint_id: str,
    filer: str,
    secret: str,
    terms: ComplaintTerms,
    now: dt.datetime,
) -> Complaint:
    """Returns a new complaint; of an anonymous one the filer is left out.

    Raises:
        RuleError: FIELD_OUT_OF_RANGE where an anonymous one says how to reach its filer.
    """
    if told.is_anonymous and told.contact:
        message = "is not told where the complaint is anonymous"
        refuse_faults([FieldFault("contact", Reason.FIELD_OUT_OF_RANGE, message)])
    today = shanghai_day(now)
    digits = complaint_id.replace("-", "")[-_RECEIPT_DIGITS:].upper()
    return Complaint(
        region,
        complaint_id,
        f"TS{today:%Y%m%d}{digits}",
        told,
        "" if told.is_anonymous else filer,
        secret_digest(secret),
        now,
        terms.calendar.after(today, terms.due_working_days),
    )


def secret_digest(secret: str) -> bytes:
    """Returns 32 bytes that stand for a secret; it was made by chance, so a plain hash will do."""
    return hashlib.sha256(f"yibao complaint secret\n{secret}".encode()).digest()


def is_secret_of(complaint: Complaint, secret: str) -> bool:
    """Tells whether a complaint was filed with a secret."""
    # Of digests: for how long they are compared tells nothing of the secret.
    return complaint.secret_digest == secret_digest(secret)


def party_digest(party: str, day: dt.date) -> bytes:
    """Returns what a party is counted by on a day, and is no longer known by the day after."""
    return hashlib.sha256(f"yibao complaints of a day\n{day}\n{party}".encode()).digest()


def check_count(filed_today: int, *, most: int) -> None:
    """Refuses a party that has filed enough. Raises RuleError COMPLAINTS_TOO_MANY."""
    if filed_today >= most:
        raise RuleError(
            Reason.COMPLAINTS_TOO_MANY, f"{most} complaints a day are taken", most_a_day=most
        )


def complaint_not_found() -> RuleError:
    """Returns the refusal for a complaint that is not there, or not the caller's to know of."""
    return RuleError(Reason.COMPLAINT_NOT_FOUND, "no such complaint")
