"""Personal accounts: credited from a source of funds, and read."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.credential import Viewer
from yibao_settlement.application.hold.listing import HoldWish
from yibao_settlement.application.reading import Reads
from yibao_settlement.rules.account import Standing, carried_over, check_not_merged
from yibao_settlement.rules.enrolment import not_enrolled_here
from yibao_settlement.rules.ledger import (
    PostingKind,
    carried_account,
    credit_entries,
    person_account,
)

CREDIT_METHOD = "CreditAccount"
# The sources of credits, as the ledger names them.
ALLOCATION, RECHARGE = "allocation", "recharge"
SOURCES = (ALLOCATION, RECHARGE)
# More than a person holds at a time.
_MOST_HOLDS = 500


@dataclass(frozen=True, slots=True)
class CreditAccount:
    """Credits a personal account from a source of funds; the amount is in fen.

    Money is this year's, but for `is_carried`: what another system kept of earlier years.
    """

    request: Request
    person_id: str
    amount_fen: int
    source: str
    # Writes a CreditAccountResponse of the region and the person's new standing.
    encode: Callable[[str, Standing], bytes]
    is_carried: bool = False

    def needs(self) -> Needs:
        """Returns the person, and whether the request was carried out long ago."""
        return Needs(person_ids=(self.person_id,), postings_of=(self.request.request_id,))

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Credits the account; see `Command`.

        Raises RuleError FIELD_OUT_OF_RANGE for a recharge of money of earlier years,
        REQUEST_ID_REUSED where its answer is no longer kept, PERSON_MERGED
        or PERSON_NOT_ENROLLED.
        """
        if self.is_carried and self.source == RECHARGE:
            fault = "a recharge is money of this year"
            refuse_faults([FieldFault("purse", Reason.FIELD_OUT_OF_RANGE, fault)])
        request_id = self.request.request_id
        if request_id in working_set.posted_requests:
            raise RuleError(
                Reason.REQUEST_ID_REUSED,
                f"request_id {request_id} was carried out; its answer is no longer kept",
                request_id=request_id,
            )
        person_id, amount_fen = self.person_id, self.amount_fen
        check_not_merged(working_set.standing(person_id))
        if person_id not in working_set.enrolments:
            raise not_enrolled_here()
        account_id = (carried_account if self.is_carried else person_account)(person_id)
        entries = credit_entries(source=self.source, account_id=account_id, amount_fen=amount_fen)
        posting_id = ids()
        working_set.carry_over(person_id, self.request, ids)
        standing = working_set.change_person(person_id, balance_change_fen=amount_fen)
        if self.is_carried:
            standing = working_set.move_carried(person_id, amount_fen)
        working_set.post(posting_id, PostingKind.CREDIT, entries, self.request)
        working_set.audit.add(
            entry_of(
                self.request,
                at=working_set.now,
                subject_ids=(person_id, posting_id),
                detail=credit_detail(posting_id, account_id, amount_fen, source=self.source),
            )
        )
        return self.encode(working_set.region, standing)


def credit_detail(
    posting_id: str, account_id: str, amount_fen: int, *, source: str
) -> dict[str, str]:
    """Returns what the audit tells of a credit; the ledger checker compares it."""
    return {
        "posting": posting_id,
        "account": account_id,
        "amount_fen": str(amount_fen),
        "source": source,
    }


class FoundAccount(NamedTuple):
    """A person's account and current year, and what of it holds reserve, in fen."""

    standing: Standing
    held_fen: int


def find_account(
    reads: Reads, region: str, person_id: str, viewer: Viewer, *, now: dt.datetime
) -> FoundAccount:
    """Returns a person's account and current year, with the purses of `now`.

    Raises RuleError as `own_account`.
    """
    standing = own_account(reads, region, person_id, viewer)
    held_fen = 0
    if standing.hold_expire_time is not None:
        wish = HoldWish(now, person_id=standing.person_id)
        held = reads.held(region, wish, after=None, limit=_MOST_HOLDS)
        held_fen = sum(each.reserved.account_fen for each in held)
    return FoundAccount(carried_over(standing, shanghai_day(now).year), held_fen)


def own_account(reads: Reads, region: str, person_id: str, viewer: Viewer) -> Standing:
    """Returns the account that a caller asks for; a holder may leave out whose.

    Raises RuleError as `booked_account`, OUT_OF_SCOPE where a holder names somebody else,
    FIELD_REQUIRED where others name nobody.
    """
    person_id = viewer.own_person(person_id)
    if not person_id:
        refuse_faults([FieldFault("person_id", Reason.FIELD_REQUIRED, "is required")])
    # By any of the own records a holder asks for the one that stands.
    if viewer.person_id is not None:
        person_id = viewer.person_id
    return booked_account(reads, region, person_id)


def booked_account(reads: Reads, region: str, person_id: str) -> Standing:
    """Returns the account of a person of whom something is booked.

    Raises RuleError ACCOUNT_NOT_FOUND where nothing is, PERSON_MERGED.
    """
    standing = reads.standing(region, person_id)
    if standing is None:
        raise account_not_found(person_id)
    check_not_merged(standing)
    return standing


def account_not_found(person_id: str) -> RuleError:
    """Returns the refusal for a person of whom nothing is booked."""
    return RuleError(
        Reason.ACCOUNT_NOT_FOUND,
        f"nothing is booked of person {person_id}",
        person_id=person_id,
    )
