"""Of which kinds something may be due, as typed."""

import enum


class DueKind(enum.StrEnum):
    """A kind of what may be due, in the order in which kinds are asked for and told."""

    REGISTRATION = "registration"
    EVALUATION = "evaluation"
    RECHECK = "recheck"
    TICKET = "ticket"
    QUALIFICATION = "qualification"
    AUDIT = "audit"
    HOLD = "hold"
    ASSISTANCE = "assistance"
    COMPLAINT = "complaint"
    WAIVER = "waiver"


PLURALS = {
    DueKind.REGISTRATION: "registrations",
    DueKind.EVALUATION: "pre-evaluations",
    DueKind.RECHECK: "rechecks",
    DueKind.TICKET: "tickets",
    DueKind.QUALIFICATION: "qualifications",
    DueKind.AUDIT: "audit tasks",
    DueKind.HOLD: "overdue holds",
    DueKind.ASSISTANCE: "assistance checks",
    DueKind.COMPLAINT: "complaints",
    DueKind.WAIVER: "waivers",
}
