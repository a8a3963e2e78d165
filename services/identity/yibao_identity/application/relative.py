"""Links between relatives: asked for, agreed to and ended, each once by request id."""

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.caller import Caller, Role
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_identity.application.holder import live_person, lock_persons, require_holder
from yibao_identity.application.relative_code import withdraw_codes_by_link
from yibao_identity.rules.certificate import ecert_suspended
from yibao_identity.rules.credential import CredentialKind
from yibao_identity.rules.death import check_alive
from yibao_identity.rules.misuse import first_case
from yibao_identity.rules.person import person_not_found
from yibao_identity.rules.relative import (
    NO_TERMS,
    LinkPurpose,
    LinkState,
    Relation,
    RelativeLink,
    SharingTerms,
    check_limit,
    check_relation,
    check_terms,
    confirm,
    end,
    link_exists,
    link_not_found,
)

if TYPE_CHECKING:
    from yibao_identity.application.calls import Calls
    from yibao_identity.application.work import Work

_MOST_LISTED = 200

EncodeLink = Callable[[RelativeLink], bytes]


class RelativeRows(Protocol):
    """Links of a region, as one transaction finds, locks and writes them.

    A link stands from when it is asked for until it ends.
    """

    def find(self, link_id: str) -> RelativeLink | None:
        """Returns a link, or None."""
        ...

    def lock(self, link_id: str) -> RelativeLink:
        """Locks a link that exists until the transaction ends and returns it."""
        ...

    def lock_among(self, link_ids: Sequence[str]) -> Mapping[str, RelativeLink]:
        """Locks those that exist, in the order of their ids, and returns them by these."""
        ...

    def asked_by(self, person_id: str, purpose: LinkPurpose) -> Sequence[RelativeLink]:
        """Returns the links for a purpose that a person asked for and that stand."""
        ...

    def standing(self, person_id: str) -> Sequence[RelativeLink]:
        """Returns the links that stand and that a person takes part in, by their ids."""
        ...

    def of_person(self, person_id: str, *, most: int) -> Sequence[RelativeLink]:
        """Returns at most so many links of a person, on either side.

        Standing ones come first, so that links that ended push none off the list; then the
        newest.
        """
        ...

    def insert(self, link: RelativeLink, *, requested_by: str) -> None:
        """Stores a new link."""
        ...

    def confirm(self, link: RelativeLink, *, confirmed_by: str) -> None:
        """Stores that a link is in force now."""
        ...

    def end(self, link: RelativeLink, *, ended_by: str) -> None:
        """Stores that a link has ended."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class RequestLink:
    """Asks a relative for a link."""

    request: Request
    person_id: str
    relative_id: str
    purpose: LinkPurpose
    relation: Relation


@dataclasses.dataclass(frozen=True, slots=True)
class ConfirmLink:
    """Agrees to a link, as the relative."""

    request: Request
    link_id: str
    relative_id: str
    terms: SharingTerms = NO_TERMS


@dataclasses.dataclass(frozen=True, slots=True)
class EndLink:
    """Ends a link, as either of the two."""

    request: Request
    link_id: str
    person_id: str


class Relatives:
    """Links between relatives. Blocks.

    Each change returns the answer's bytes, once by request id. A holder who acts for
    somebody else is refused with OUT_OF_SCOPE before anything else is looked at, and put
    on record.
    """

    def __init__(
        self,
        calls: "Calls",
        *,
        clock: Clock,
        ids: Ids,
        limits: Mapping[LinkPurpose, int],
        given_most: int = 16,
    ) -> None:
        """Takes how many links of each purpose a person may have, and an account pays by."""
        self._calls = calls
        self._clock = clock
        self._ids = ids
        self._limits = limits
        self._given_most = given_most

    def request(self, command: RequestLink, encode: EncodeLink) -> bytes:
        """Stores what is asked for.

        Raises:
            RuleError: OUT_OF_SCOPE, FIELD_OUT_OF_RANGE, RELATION_NOT_ALLOWED,
                PERSON_NOT_FOUND, PERSON_MERGED, PERSON_DECEASED, ECERT_SUSPENDED,
                RELATIVE_LINK_EXISTS, RELATIVE_LINK_LIMIT, REQUEST_ID_REUSED; in this order,
                but the last one first.
        """
        return self._calls.answer(
            command.request, lambda work: encode(self._request(work, command))
        )

    def confirm(self, command: ConfirmLink, encode: EncodeLink) -> bytes:
        """Puts a link in force.

        Raises:
            RuleError: OUT_OF_SCOPE, RELATIVE_LINK_NOT_FOUND, FIELD_OUT_OF_RANGE,
                RELATIVE_LINK_STATE, ECERT_SUSPENDED, RELATIVE_LINK_LIMIT, REQUEST_ID_REUSED;
                in this order, but the last one first.
        """
        return self._calls.answer(
            command.request, lambda work: encode(self._confirm(work, command))
        )

    def end(self, command: EndLink, encode: EncodeLink) -> bytes:
        """Ends a link.

        Raises:
            RuleError: OUT_OF_SCOPE, RELATIVE_LINK_NOT_FOUND, RELATIVE_LINK_STATE,
                REQUEST_ID_REUSED; in this order, but the last one first.
        """
        return self._calls.answer(command.request, lambda work: encode(self._end(work, command)))

    def list(self, region: str, person_id: str, caller: Caller) -> Sequence[RelativeLink]:
        """Returns the links of a person, on either side: standing ones first, then newest.

        Raises:
            RuleError: OUT_OF_SCOPE, PERSON_NOT_FOUND.
        """
        with self._calls.read(region, caller, "ListRelativeLinks") as work:
            require_holder(work.holders, caller, person_id)
            if not work.persons.is_registered(person_id):
                raise person_not_found(person_id)
            return work.relatives.of_person(person_id, most=_MOST_LISTED)

    def _request(self, work: "Work", command: RequestLink) -> RelativeLink:
        request, caller = command.request, command.request.caller
        person_id, relative_id = command.person_id, command.relative_id
        require_holder(work.holders, caller, person_id)
        check_relation(
            command.purpose, command.relation, person_id=person_id, relative_id=relative_id
        )
        locked = lock_persons(work.holders, [person_id, relative_id])
        check_alive(live_person(locked[person_id]).death_date)
        check_alive(live_person(locked[relative_id]).death_date)
        _check_not_suspended(work, caller, person_id)
        standing = work.relatives.asked_by(person_id, command.purpose)
        for each in standing:
            if each.relative_id == relative_id:
                raise link_exists(each.link_id)
        check_limit(len(standing), command.purpose, limits=self._limits)
        link = RelativeLink(
            request.region,
            self._ids(),
            person_id,
            relative_id,
            command.purpose,
            command.relation,
            LinkState.REQUESTED,
            self._clock(),
        )
        work.relatives.insert(link, requested_by=caller.path)
        self._record(work, request, link)
        return link

    def _confirm(self, work: "Work", command: ConfirmLink) -> RelativeLink:
        request, now = command.request, self._clock()
        require_holder(work.holders, request.caller, command.relative_id)
        link = _lock_link(work, command.link_id)
        if command.relative_id != link.relative_id:
            raise link_not_found(command.link_id)
        check_terms(link.purpose, command.terms, today=shanghai_day(now))
        confirmed = confirm(link, now=now, terms=command.terms)
        _check_not_suspended(work, request.caller, command.relative_id)
        asked = work.relatives.asked_by(link.person_id, link.purpose)
        others = [each for each in asked if each.state is LinkState.CONFIRMED]
        # Again, because the limit may have been lowered since it was asked for.
        check_limit(len(others), link.purpose, limits=self._limits)
        if link.purpose is LinkPurpose.SHARE_ACCOUNT:
            given = len(beneficiaries_of(work, link.relative_id))
            check_limit(given, link.purpose, limits={link.purpose: self._given_most})
        work.relatives.confirm(confirmed, confirmed_by=request.caller.path)
        _tell_of_payer(work, request, link, now)
        self._record(work, request, confirmed)
        return confirmed

    def _end(self, work: "Work", command: EndLink) -> RelativeLink:
        request, now = command.request, self._clock()
        require_holder(work.holders, request.caller, command.person_id)
        link = _lock_link(work, command.link_id)
        if command.person_id not in (link.person_id, link.relative_id):
            raise link_not_found(command.link_id)
        ended = end(link, now=now)
        work.relatives.end(ended, ended_by=request.caller.path)
        if link.state is LinkState.CONFIRMED:
            _tell_of_payer(work, request, link, now)
        withdraw_codes_by_link(work, link, at=now, caller=request.caller.path)
        self._record(work, request, ended)
        return ended

    def _record(self, work: "Work", request: Request, link: RelativeLink) -> None:
        detail = {
            "link_id": link.link_id,
            "purpose": link.purpose.name,
            "state": link.state.name,
            **_terms_told(link),
        }
        subjects = (link.person_id, link.relative_id)
        entry = entry_of(request, at=self._clock(), subject_ids=subjects, detail=detail)
        work.audit.add(entry)


def _terms_told(link: RelativeLink) -> dict[str, str]:
    """Returns what the audit tells of the terms that a relative agreed to."""
    names = [field.name for field in dataclasses.fields(SharingTerms)]
    told = {name: getattr(link, name) for name in names}
    return {name: str(value) for name, value in told.items() if value not in (None, "")}


def end_links_of(work: "Work", person_id: str, *, at: dt.datetime, caller: str) -> set[str]:
    """Ends every link of a person whose row is locked, and withdraws what was shown by them.

    Returns who may no longer let the account of another pay: the caller tells settlement.
    """
    beneficiaries = set()
    # In the order in which those who issue relatives' codes lock links.
    for link in work.relatives.standing(person_id):
        work.relatives.end(end(link, now=at), ended_by=caller)
        withdraw_codes_by_link(work, link, at=at, caller=caller)
        if link.purpose is LinkPurpose.SHARE_ACCOUNT and link.state is LinkState.CONFIRMED:
            beneficiaries.add(link.person_id)
    return beneficiaries


def beneficiaries_of(work: "Work", person_id: str) -> set[str]:
    """Returns who may let the account of a person pay."""
    return {
        link.person_id
        for link in work.relatives.standing(person_id)
        if link.relative_id == person_id
        and link.purpose is LinkPurpose.SHARE_ACCOUNT
        and link.state is LinkState.CONFIRMED
    }


def _check_not_suspended(work: "Work", caller: Caller, person_id: str) -> None:
    """Refuses what would be agreed to by phone while a case suspends the e-certificate (I-04).

    Whoever misuses the phone could let the holder's account pay. A counter sees the person,
    who is locked.

    Raises:
        RuleError: ECERT_SUSPENDED.
    """
    if caller.role is Role.AGENCY:
        return
    records = work.holders.records_of(person_id)
    case_id = first_case(work.suspensions.of_persons(CredentialKind.ECERT, records))
    if case_id is not None:
        raise ecert_suspended(case_id)


def _lock_link(work: "Work", link_id: str) -> RelativeLink:
    """Locks both persons of a link, then the link.

    Raises:
        RuleError: RELATIVE_LINK_NOT_FOUND.
    """
    known = work.relatives.find(link_id)
    if known is None:
        raise link_not_found(link_id)
    # Whom it is about never changes, and persons are locked before links.
    lock_persons(work.holders, [known.person_id, known.relative_id])
    return work.relatives.lock(link_id)


def _tell_of_payer(work: "Work", request: Request, link: RelativeLink, now: dt.datetime) -> None:
    """Tells settlement whose accounts may pay; who may show whose code it need not know."""
    if link.purpose is LinkPurpose.SHARE_ACCOUNT:
        work.feed.tell([link.person_id], at=now, caller=request.caller.path)
