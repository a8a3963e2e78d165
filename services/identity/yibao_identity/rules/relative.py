"""Links between relatives: sharing an account (共济), showing a code (亲情账户)."""

import dataclasses
import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass

from yibao_common.values.errors import FieldFault, RuleError, refuse_faults
from yibao_common.values.reasons import Reason


class LinkPurpose(enum.Enum):
    """What a link is for."""

    SHARE_ACCOUNT = 1
    SHOW_CODE = 2


class Relation(enum.Enum):
    """What the relative is to the person."""

    SPOUSE = 1
    PARENT = 2
    CHILD = 3
    OTHER = 4
    SIBLING = 5
    GRANDPARENT = 6
    GRANDCHILD = 7


class LinkState(enum.Enum):
    """Where a link is in its life."""

    REQUESTED = 1
    CONFIRMED = 2
    ENDED = 3


# Whose accounts may pay a person's bills: near relatives (国办发〔2024〕38号; until then spouse,
# parents and children, 国办发〔2021〕14号).
_ACCOUNT_SHARERS = frozenset(Relation) - {Relation.OTHER}


@dataclass(frozen=True, slots=True)
class SharingTerms:
    """On which terms a relative lets the own account pay.

    From the first to the last day, both included, None without one; a limit of each bill and
    one of each calendar year in fen, None without one. `consent_reference` names the paper or
    the record by which the relative agreed, where there is one beside the call.
    """

    first_date: dt.date | None = None
    last_date: dt.date | None = None
    payment_limit_fen: int | None = None
    year_limit_fen: int | None = None
    consent_reference: str = ""


NO_TERMS = SharingTerms()


@dataclass(frozen=True, slots=True)
class RelativeLink:
    """A link that `person_id` asked for and benefits of, and `relative_id` agrees to."""

    region: str
    link_id: str
    person_id: str
    relative_id: str
    purpose: LinkPurpose
    relation: Relation
    state: LinkState
    request_time: dt.datetime
    confirm_time: dt.datetime | None = None
    end_time: dt.datetime | None = None
    first_date: dt.date | None = None
    last_date: dt.date | None = None
    payment_limit_fen: int | None = None
    year_limit_fen: int | None = None
    consent_reference: str = ""


def check_terms(purpose: LinkPurpose, terms: SharingTerms, *, today: dt.date) -> None:
    """Refuses terms of a link that shares no account, and days that are over or end too early.

    Raises:
        RuleError: FIELD_OUT_OF_RANGE.
    """
    if purpose is not LinkPurpose.SHARE_ACCOUNT:
        if terms != NO_TERMS:
            fault = "the link lets no account pay: it has no terms"
            refuse_faults([FieldFault("link_id", Reason.FIELD_OUT_OF_RANGE, fault)])
        return
    if terms.last_date is not None and terms.last_date < max(today, terms.first_date or today):
        fault = "lies before the first day or today"
        refuse_faults([FieldFault("last_date", Reason.FIELD_OUT_OF_RANGE, fault)])


def check_relation(
    purpose: LinkPurpose, relation: Relation, *, person_id: str, relative_id: str
) -> None:
    """Refuses a link to oneself, and sharing with others than the closest relatives.

    Raises:
        RuleError: FIELD_OUT_OF_RANGE, RELATION_NOT_ALLOWED.
    """
    if person_id == relative_id:
        message = "must be another person than person_id"
        refuse_faults([FieldFault("relative_id", Reason.FIELD_OUT_OF_RANGE, message)])
    if purpose is LinkPurpose.SHARE_ACCOUNT and relation not in _ACCOUNT_SHARERS:
        raise RuleError(
            Reason.RELATION_NOT_ALLOWED,
            "only the accounts of near relatives may be shared",
            relation=relation.name,
        )


def check_limit(others: int, purpose: LinkPurpose, *, limits: Mapping[LinkPurpose, int]) -> None:
    """Refuses a link beside `others` of the purpose, where these are as many as allowed.

    Raises:
        RuleError: RELATIVE_LINK_LIMIT.
    """
    limit = limits[purpose]
    if others >= limit:
        raise RuleError(
            Reason.RELATIVE_LINK_LIMIT,
            f"a person has at most {limit} links for this purpose",
            limit=limit,
        )


def confirm(
    link: RelativeLink, *, now: dt.datetime, terms: SharingTerms = NO_TERMS
) -> RelativeLink:
    """Returns the link in force, on the relative's terms.

    Raises:
        RuleError: RELATIVE_LINK_STATE.
    """
    if link.state is not LinkState.REQUESTED:
        raise _link_state(link)
    return dataclasses.replace(
        link, state=LinkState.CONFIRMED, confirm_time=now, **dataclasses.asdict(terms)
    )


def end(link: RelativeLink, *, now: dt.datetime) -> RelativeLink:
    """Returns the link as ended.

    Raises:
        RuleError: RELATIVE_LINK_STATE.
    """
    if link.state is LinkState.ENDED:
        raise _link_state(link)
    return dataclasses.replace(link, state=LinkState.ENDED, end_time=now)


def link_not_found(link_id: str) -> RuleError:
    """Returns the refusal of a link that the caller has no part in."""
    return RuleError(
        Reason.RELATIVE_LINK_NOT_FOUND, f"link {link_id} does not exist", link_id=link_id
    )


def link_exists(link_id: str) -> RuleError:
    """Returns the refusal of a second link of the same two for the same purpose."""
    return RuleError(
        Reason.RELATIVE_LINK_EXISTS,
        f"the two have link {link_id} for this purpose",
        link_id=link_id,
    )


def _link_state(link: RelativeLink) -> RuleError:
    return RuleError(
        Reason.RELATIVE_LINK_STATE,
        f"link {link.link_id} is {link.state.name.lower()}",
        link_id=link.link_id,
        state=link.state.name,
    )
