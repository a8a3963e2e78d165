"""The years of a personal account, for the holder, an agency, or a counter with a token."""

import datetime as dt
from collections.abc import Callable
from typing import NamedTuple

from yibao_common.values.calendar import shanghai_day
from yibao_common.values.caller import Caller, Role
from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason
from yibao_settlement.application.account import own_account
from yibao_settlement.application.account_statement import account_ids
from yibao_settlement.application.credential import Viewer
from yibao_settlement.application.reading import Reads
from yibao_settlement.rules.account_record import AccountYear, years_of
from yibao_settlement.rules.presentation import check_use
from yibao_settlement.rules.token import PresentedToken, check_form, check_token, hash_of

# As which identity asks for a record whose card and document it has checked.
_ASKING = "identity"


class FoundYears(NamedTuple):
    """The years of a person's account."""

    person_id: str
    years: list[AccountYear]


def find_account_years(
    reads: Reads, region: str, person_id: str, viewer: Viewer, *, year: int, now: dt.datetime
) -> FoundYears:
    """Returns the years of an account, or one; raises RuleError as `own_account`."""
    standing = own_account(reads, region, person_id, viewer)
    person_id = standing.person_id
    years = years_of(
        reads.account_movements(region, person_id, account_ids(person_id)),
        region=region,
        person_id=person_id,
        today=shanghai_day(now),
        year=year,
    )
    return FoundYears(person_id, years)


def viewer_by_token(
    reads: Reads,
    region: str,
    token: str,
    caller: Caller,
    *,
    check_feed: Callable[[str], None],
    now: dt.datetime,
) -> Viewer:
    """Returns whose account an institution may read that was given a token for the holder.

    The token is not used up by it, and may have been used. `check_feed` raises where what is
    known of a region's persons is too old. Raises RuleError FIELD_REQUIRED where there is none,
    TOKEN_MALFORMED, TOKEN_OTHER_REGION, FEED_STALE, TOKEN_NOT_FOUND, TOKEN_EXPIRED, and as
    `check_use` where its code would not be taken any more.
    """
    if not token:
        fault = "an institution reads by a token of the holder"
        refuse_faults([FieldFault("credential_token", Reason.FIELD_REQUIRED, fault)])
    check_form(token, region=region)
    check_feed(region)
    found = reads.token_holder(region, hash_of(token))
    resolved = None if found is None else found[0]
    audience = "" if resolved is None else resolved.audience
    check_token(
        PresentedToken(hash_of(token), audience, ""),
        resolved,
        institution_id=caller.own_institution(),
        used=(),
        now=now,
    )
    assert found is not None, "the check refuses none"
    known = found[1]
    check_use(
        found[0].code,
        person_id=known.credential.person_id,
        credential=known.credential,
        newest_codes={},
        used_codes=(),
    )
    return Viewer(None, known.person_id, frozenset(known.person_ids))


def check_asking(caller: Caller) -> None:
    """Raises OUT_OF_SCOPE where another service than identity asks for a printed record."""
    if caller.role is not Role.SERVICE or caller.id != _ASKING:
        raise RuleError(
            Reason.OUT_OF_SCOPE,
            "records of use are printed through identity",
            scope=f"service/{_ASKING}",
        )
