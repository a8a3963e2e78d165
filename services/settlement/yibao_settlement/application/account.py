"""Personal accounts: credited from a source of funds, and read."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from yibao_common.commands.request import Request
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.credential import Viewer
from yibao_settlement.application.credit.book import (
    CREDIT_METHOD as CREDIT_METHOD,
)
from yibao_settlement.application.credit.book import (
    AskedCredit,
    Credited,
    take_credit,
)
from yibao_settlement.application.credit.book import (
    credit_detail as credit_detail,
)
from yibao_settlement.application.credit.state import AccountClaims
from yibao_settlement.application.hold.listing import HoldWish
from yibao_settlement.application.reading import Reads
from yibao_settlement.rules.account import Standing, carried_over, check_not_merged
from yibao_settlement.rules.credit.credit import ALLOCATION, RECHARGE, TRANSFER, CreditKey
from yibao_settlement.rules.enrolment import not_enrolled_here

# The sources of credits, as the ledger names them.
SOURCES = (ALLOCATION, RECHARGE, TRANSFER)
# More than a person holds at a time.
_MOST_HOLDS = 500
# Writes a CreditAccountResponse of the region, the person's new standing and the credit.
Encode = Callable[[str, Standing, Credited], bytes]


@dataclass(frozen=True, slots=True)
class CreditAccount:
    """Credits a personal account from a source of funds; the amount is in fen.

    Money is this year's, but for `is_carried`: what another system kept of earlier years. It
    takes effect once by its business key, which is the request's id where none is named; above
    `second_above_fen` once a second person confirms it.
    """

    request: Request
    person_id: str
    amount_fen: int
    source: str
    encode: Encode
    is_carried: bool = False
    # Whether the region takes what persons pay in themselves (I-29).
    is_recharge_taken: bool = True
    business_key: str = ""
    insurance_type: str = ""
    second_above_fen: int | None = None

    @property
    def key(self) -> CreditKey:
        """By what it takes effect once."""
        business_key = self.business_key or self.request.request_id
        return CreditKey(self.person_id, self.insurance_type, self.source, business_key)

    def needs(self) -> Needs:
        """Returns the person and the key, and whether the request was carried out long ago."""
        return Needs(
            person_ids=(self.person_id,),
            postings_of=(self.request.request_id,),
            credit_keys=(self.key,),
        )

    def decide(self, working_set: WorkingSet, ids: Ids) -> bytes:
        """Credits the account; see `Command`.

        Raises RuleError RECHARGE_NOT_TAKEN, FIELD_OUT_OF_RANGE for a recharge of money of
        earlier years, REQUEST_ID_REUSED where its answer is no longer kept, PERSON_MERGED,
        PERSON_NOT_ENROLLED, CREDIT_KEY_USED or ACCOUNT_CLOSED.
        """
        if self.source == RECHARGE and not self.is_recharge_taken:
            message = f"region {working_set.region} takes no recharge of personal accounts"
            raise RuleError(Reason.RECHARGE_NOT_TAKEN, message)
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
        check_not_merged(working_set.standing(self.person_id))
        if self.person_id not in working_set.enrolments:
            raise not_enrolled_here()
        asked = AskedCredit(self.key, self.amount_fen, self.is_carried, self.second_above_fen)
        credited = take_credit(asked, self.request, working_set, ids)
        standing = carried_over(working_set.standing(self.person_id), working_set.account_year)
        return self.encode(working_set.region, standing, credited)


class FoundAccount(NamedTuple):
    """A person's account and current year, what of it holds reserve, in fen, and what it owes."""

    standing: Standing
    held_fen: int
    claims: AccountClaims


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
    claims = reads.account_claims(region, standing.person_id)
    return FoundAccount(carried_over(standing, shanghai_day(now).year), held_fen, claims)


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
