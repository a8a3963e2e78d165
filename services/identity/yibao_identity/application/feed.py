"""The feed of a region: whose facts changed, and what stands when it is read.

`yibao_common.commands.feed` has what feeds have in common.
"""

import datetime as dt
import functools
import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.feed import Bookmark as Bookmark
from yibao_common.commands.feed import FeedHead as FeedHead
from yibao_common.commands.feed import FeedPage
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.caller import Role, parse_caller
from yibao_common.values.citizen_number import Gender
from yibao_common.values.clock import Clock
from yibao_identity.application.person.rows import standing_enrolments
from yibao_identity.rules import card as card_rules
from yibao_identity.rules import certificate as certificate_rules
from yibao_identity.rules.card import CardState
from yibao_identity.rules.certificate import CertificateState
from yibao_identity.rules.credential import Credential, CredentialKind
from yibao_identity.rules.device import acceptable_after
from yibao_identity.rules.disease import Disease, diseases_in_order
from yibao_identity.rules.enrolment import Enrolment, until
from yibao_identity.rules.person import mask_name
from yibao_identity.rules.relative import LinkPurpose, LinkState, RelativeLink

if TYPE_CHECKING:
    from yibao_identity.application.work import Work

_MARK_LENGTH = 32


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """A row of the feed: that something of a person changed, and nothing else."""

    sequence: int
    person_id: str
    record_time: dt.datetime


@dataclass(frozen=True, slots=True, repr=False)
class FeedPerson:
    """A person as the feed tells of one; never printed, because it holds the name."""

    person_id: str
    birth_date: dt.date
    merged_into: str | None
    death_date: dt.date | None
    person_name: str
    gender: Gender


@dataclass(frozen=True, slots=True)
class FeedCertificate:
    """An e-certificate as stored: the case that suspends it stands beside its state."""

    person_id: str
    certificate_id: str
    subject: str
    state: CertificateState
    suspension_case_id: str | None


@dataclass(frozen=True, slots=True)
class FeedCard:
    """A card as stored: a suspension and a deadline that is over lie beside its state."""

    person_id: str
    subject: str
    state: CardState
    activation_deadline_date: dt.date
    is_suspended: bool


class FeedRows(Protocol):
    """The feed of a region and what it tells of, as one transaction reads them."""

    def head(self) -> FeedHead | None:
        """Returns the end of the feed, or None where the region has none yet."""
        ...

    def begin(self) -> None:
        """Begins the feed of the region with an epoch of its own, unless there is one."""
        ...

    def entry(self, sequence: int) -> FeedEntry | None:
        """Returns the entry of a number, or None."""
        ...

    def after(self, sequence: int, *, limit: int) -> Sequence[FeedEntry]:
        """Returns at most `limit` entries after a number, in their order."""
        ...

    def persons(self, person_ids: Collection[str]) -> Sequence[FeedPerson]:
        """Returns those of `person_ids` (none twice) who exist."""
        ...

    def certificates(self, person_ids: Collection[str]) -> Sequence[FeedCertificate]:
        """Returns all e-certificates of persons, in the order of their activation."""
        ...

    def withdrawn(
        self, certificate_ids: Collection[str], *, at: dt.datetime, ending_after: dt.datetime
    ) -> Mapping[str, Sequence[str]]:
        """Returns the device certificates of e-certificates whose bits are set at `at`.

        By e-certificate, and of those alone that end after `ending_after`.
        """
        ...

    def codes_since(self, certificate_ids: Collection[str]) -> Mapping[str, dt.datetime]:
        """Returns, by e-certificate, since when its codes count; of those alone that tell."""
        ...

    def cards(self, person_ids: Collection[str]) -> Sequence[FeedCard]:
        """Returns all cards of persons, in the order of their issue."""
        ...

    def links(self, person_ids: Collection[str]) -> Sequence[RelativeLink]:
        """Returns all links that persons asked for, in the order of agreement."""
        ...

    def confirmers(self, link_ids: Collection[str]) -> Mapping[str, str]:
        """Returns by whose call, as its path, each of some links was agreed to."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class PersonStanding:
    """All that settlement must know of a person, as it stands when it is read; never printed.

    `payer_ids` are the relatives whose accounts may pay, in the order in which they agreed.
    Of the name all but the first character is hidden.
    """

    person_id: str
    birth_date: dt.date
    enrolments: tuple[Enrolment, ...]
    credentials: tuple[Credential, ...]
    merged_into: str | None
    payer_ids: tuple[str, ...]
    death_date: dt.date | None
    diseases: tuple[Disease, ...]
    person_name_masked: str
    gender: Gender
    # Those of `payer_ids` by the links that they agreed to, in the same order.
    givers: tuple[RelativeLink, ...] = ()


@dataclass(frozen=True, slots=True)
class EnrolmentChange:
    """An entry of the region's feed: that something changed, and what stands now."""

    sequence: int
    standing: PersonStanding


class Feed:
    """What settlement follows. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock

    def begin(self, region: str) -> None:
        """Begins the feed of a region, unless there is one: an epoch is told from the start."""
        self._transactions.change(region, lambda work: work.feed_rows.begin())

    def head_sequence(self, region: str) -> int:
        """Returns the number of the newest change, 0 before the first."""
        head = self._transactions.look(region, lambda work: work.feed_rows.head())
        return 0 if head is None else head.sequence

    def page(self, region: str, bookmark: Bookmark, *, limit: int) -> FeedPage[EnrolmentChange]:
        """Returns at most `limit` changes that follow a bookmark, without a gap."""
        with self._transactions.read(region) as work:
            rows, now = work.feed_rows, self._clock()
            head = rows.head()
            if head is None:
                return FeedPage((), "", 0, "")
            end = (head.epoch, head.sequence, _mark_at(work, head.sequence))
            if not bookmark.is_of(head, mark_at=functools.partial(_mark_at, work)):
                return FeedPage((), *end, starts_anew=True)
            entries = rows.after(bookmark.sequence, limit=limit)
            standings = standings_of(work, {each.person_id for each in entries}, now=now)
        changes = (EnrolmentChange(each.sequence, standings[each.person_id]) for each in entries)
        return FeedPage(tuple(changes), *end)


def _mark_at(work: "Work", sequence: int) -> str:
    """Returns what tells the change of this number from any other one; empty for none.

    A change that is made again after a restore bears another time, to the microsecond.
    """
    entry = work.feed_rows.entry(sequence)
    if entry is None:
        return ""
    told = f"{work.region}/{sequence}/{entry.person_id}/{entry.record_time.isoformat()}"
    return hashlib.sha256(told.encode()).hexdigest()[:_MARK_LENGTH]


def standings_of(
    work: "Work", person_ids: Iterable[str], *, now: dt.datetime
) -> Mapping[str, PersonStanding]:
    """Returns what settlement must know of each of `person_ids`, who all exist."""
    wanted = sorted(set(person_ids))
    persons = work.feed_rows.persons(wanted)
    enrolments = standing_enrolments(work, wanted)
    credentials = _credentials(work, wanted, now)
    payers = _payers(work, wanted)
    diseases = work.diseases.standing(wanted)
    return {
        person.person_id: PersonStanding(
            person.person_id,
            person.birth_date,
            until(enrolments[person.person_id], person.death_date),
            tuple(credentials[person.person_id]),
            person.merged_into,
            tuple(link.relative_id for link in payers[person.person_id]),
            person.death_date,
            diseases_in_order(each for each in diseases[person.person_id] if each.ever_holds),
            mask_name(person.person_name),
            person.gender,
            tuple(payers[person.person_id]),
        )
        for person in persons
    }


def _credentials(
    work: "Work", person_ids: Collection[str], now: dt.datetime
) -> Mapping[str, list[Credential]]:
    found: dict[str, list[Credential]] = defaultdict(list)
    certificates = work.feed_rows.certificates(person_ids)
    certificate_ids = [each.certificate_id for each in certificates]
    withdrawn = work.feed_rows.withdrawn(
        certificate_ids, at=now, ending_after=acceptable_after(now)
    )
    codes_since = work.feed_rows.codes_since(certificate_ids)
    for certificate in certificates:
        present = certificate_rules.certificate_state(
            certificate.state, certificate.suspension_case_id
        )
        told = certificate_rules.credential_state(present)
        credential = Credential(
            certificate.subject,
            CredentialKind.ECERT,
            told,
            tuple(withdrawn.get(certificate.certificate_id, ())),
            codes_since.get(certificate.certificate_id),
            certificate.certificate_id,
        )
        found[certificate.person_id].append(credential)
    today = shanghai_day(now)
    for card in work.feed_rows.cards(person_ids):
        state = card_rules.state_on(
            card.state, activation_deadline_date=card.activation_deadline_date, today=today
        )
        told = card_rules.credential_state(state, is_suspended=card.is_suspended)
        found[card.person_id].append(Credential(card.subject, CredentialKind.CARD, told))
    return found


def _payers(work: "Work", person_ids: Collection[str]) -> Mapping[str, list[RelativeLink]]:
    """Returns by which links whose accounts may pay, by person.

    While a case suspends a payer's e-certificate, what was agreed to by phone does not count:
    whoever misuses the phone may have agreed to it (I-04). A counter has seen the payer.
    """
    sharing = [
        each
        for each in work.feed_rows.links(person_ids)
        if each.purpose is LinkPurpose.SHARE_ACCOUNT and each.state is LinkState.CONFIRMED
    ]
    doubtful = _agreed_in_doubt(work, sharing) if sharing else ()
    found: dict[str, list[RelativeLink]] = defaultdict(list)
    for link in sharing:
        if link.link_id not in doubtful:
            found[link.person_id].append(link)
    return found


def _agreed_in_doubt(work: "Work", links: Sequence[RelativeLink]) -> Collection[str]:
    """Returns the ids of links that were agreed to by the phone of who is suspended now."""
    payers = sorted({each.relative_id for each in links})
    suspended = {
        each.person_id
        for each in work.feed_rows.certificates(payers)
        # Also one that was closed meanwhile.
        if each.suspension_case_id is not None
    }
    link_ids = [each.link_id for each in links if each.relative_id in suspended]
    if not link_ids:
        return ()
    confirmers = work.feed_rows.confirmers(link_ids)
    return {each for each in link_ids if parse_caller(confirmers[each]).role is not Role.AGENCY}
