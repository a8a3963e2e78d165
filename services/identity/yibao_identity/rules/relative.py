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


class LinkState(enum.Enum):
    """Where a link is in its life."""

    REQUESTED = 1
    CONFIRMED = 2
    ENDED = 3


# Whose accounts may pay a person's bills (国办发〔2021〕14号).
_ACCOUNT_SHARERS = frozenset({Relation.SPOUSE, Relation.PARENT, Relation.CHILD})


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
            "only the accounts of spouse, parents and children may be shared",
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


def confirm(link: RelativeLink, *, now: dt.datetime) -> RelativeLink:
    """Returns the link in force.

    Raises:
        RuleError: RELATIVE_LINK_STATE.
    """
    if link.state is not LinkState.REQUESTED:
        raise _link_state(link)
    return dataclasses.replace(link, state=LinkState.CONFIRMED, confirm_time=now)


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
