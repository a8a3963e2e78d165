"""The words of registrations: categories, bases, channels, terms; numbers as in the contract."""

import enum


class Category(enum.Enum):
    """Why care is taken elsewhere, by the national rules (医保发〔2022〕22号, article 7)."""

    RETIRED_RESETTLED = 1
    LONG_TERM_RESIDENT = 2
    POSTED_WORKER = 3
    REFERRAL = 4
    OTHER_TEMPORARY = 5
    EMERGENCY = 6
    MATERNITY = 7

    @property
    def is_long_term(self) -> bool:
        """Whether the person lives elsewhere."""
        return self.value <= Category.POSTED_WORKER.value


class Basis(enum.Enum):
    """What a stay elsewhere is shown by; NONE where nothing is asked for."""

    NONE = 0
    PROOF = 1
    COMMITMENT = 2


class Channel(enum.Enum):
    """How a registration is applied for."""

    WINDOW = 1
    PHONE = 2
    POST = 3
    APP = 4
    MINI_PROGRAM = 5
    HOSPITAL = 6


class Origin(enum.Enum):
    """How a registration came about."""

    AGENCY = 1
    SELF_SERVICE = 2
    INSTITUTION = 3
    DEEMED = 4

    @property
    def may_see_papers(self) -> bool:
        """Whether who applies so may say that a paper was shown: an agency or a hospital."""
        return self in (Origin.AGENCY, Origin.INSTITUTION)


class Terms(enum.Enum):
    """The terms of care elsewhere: what the policy language knows as its fact `offsite`."""

    LOCAL = 1
    LONG_TERM = 2
    REFERRAL = 3
    EMERGENCY = 4
    TEMPORARY = 5


class Benefit(enum.Enum):
    """The benefits that a region opens elsewhere, each by itself."""

    INPATIENT = 1
    OUTPATIENT = 2
    CHRONIC = 3
    PHARMACY = 4


class EndReason(enum.Enum):
    """Why a registration ended before its time."""

    WISH = 1
    CHANGED = 2
    ENROLMENT_ENDED = 3
    DIED = 4
    FALSE_STATEMENT = 5
    AGENCY = 6
    MERGED = 7


class TaskKind(enum.Enum):
    """What an agency has to do about a registration."""

    DECISION = 1
    CHECK = 2
    EXPIRY = 3


CHANNELS_OF = {
    Origin.AGENCY: (Channel.WINDOW, Channel.PHONE, Channel.POST),
    Origin.SELF_SERVICE: (Channel.APP, Channel.MINI_PROGRAM),
    Origin.INSTITUTION: (Channel.HOSPITAL,),
}
"""The channels that each kind of applicant has; the first is the usual one."""
