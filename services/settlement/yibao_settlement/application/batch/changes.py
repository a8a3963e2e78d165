"""What a batch writes, as its commands leave it in the working set."""

import datetime as dt
from dataclasses import dataclass, field
from typing import NamedTuple

from yibao_common.commands.request import Answer, Request
from yibao_settlement.application.settlement.corrected import Correction
from yibao_settlement.application.settlement.record import Adjustment, SettlementRecord
from yibao_settlement.application.settlement.refunded import Refund
from yibao_settlement.application.settlement.terms import TermsSet
from yibao_settlement.rules.ledger import Entry, PostingKind
from yibao_settlement.rules.period.month import month_of, original_month
from yibao_settlement.rules.presentation import PresentedCode
from yibao_settlement.rules.review import ReviewEvent
from yibao_settlement.rules.visit import Visit


class CodeUse(NamedTuple):
    """A code used up by a request at an institution, for a visit or a settlement."""

    code: PresentedCode
    request_id: str
    institution_id: str
    used_for_id: str


class Posting(NamedTuple):
    """Entries to append, and the request that they carry out.

    They are of `month`; `original_month` is that of what they change, where it is another one.
    """

    posting_id: str
    kind: PostingKind
    entries: tuple[Entry, ...]
    request_id: str
    posted_by: str
    month: int
    original_month: int | None = None


def posting_of(
    posting_id: str,
    kind: PostingKind,
    entries: tuple[Entry, ...],
    request: Request,
    now: dt.datetime,
    changed_time: dt.datetime | None,
) -> Posting:
    """Returns a posting of the month of `now`; see `WorkingSet.post`."""
    month, path = month_of(now), request.caller.path
    original = original_month(changed_time, month)
    return Posting(posting_id, kind, entries, request.request_id, path, month, original)


class Refunded(NamedTuple):
    """A refund, and what it leaves of the settlement."""

    refund: Refund
    left: SettlementRecord


@dataclass(slots=True)
class Changes:
    """What the batch writes, in the order of the commands."""

    answers: list[Answer] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    # Visits of before the batch, by id, as the last command that changed each left it: a
    # caller learns of a visit only after its commit.
    changed_visits: dict[str, Visit] = field(default_factory=dict)
    code_uses: list[CodeUse] = field(default_factory=list)
    settlements: list[SettlementRecord] = field(default_factory=list)
    # Settlements that were reversed, with the note of it.
    reversals: list[SettlementRecord] = field(default_factory=list)
    adjustments: list[Adjustment] = field(default_factory=list)
    refunds: list[Refunded] = field(default_factory=list)
    corrections: list[Correction] = field(default_factory=list)
    terms: list[TermsSet] = field(default_factory=list)
    postings: list[Posting] = field(default_factory=list)
    person_ids: set[str] = field(default_factory=set)
    # Persons whose accounts changed what they hold of earlier years, or their year.
    purses: set[str] = field(default_factory=set)
    # (visit, line id) of lines with ids: those that are new or were written anew, and those
    # of which only the settlement changed.
    charges: set[tuple[str, str]] = field(default_factory=set)
    charges_taken: set[tuple[str, str]] = field(default_factory=set)
    # Scopes of windows that changed.
    windows: set[str] = field(default_factory=set)
    # (person, benefit year) of earlier years that changed or were closed.
    closed_years: set[tuple[str, int]] = field(default_factory=set)
    # Settlements with cases that were opened, and with cases of before that changed.
    reviews_opened: list[str] = field(default_factory=list)
    reviews_changed: set[str] = field(default_factory=set)
    review_events: list[ReviewEvent] = field(default_factory=list)
