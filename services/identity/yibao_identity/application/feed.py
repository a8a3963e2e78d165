"""The feed of a region: whose facts changed, and what stands when settlement reads it."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_identity.application.person.rows import standing_enrolments
from yibao_identity.rules import card as card_rules
from yibao_identity.rules import certificate as certificate_rules
from yibao_identity.rules.card import CardState
from yibao_identity.rules.certificate import CertificateState
from yibao_identity.rules.credential import Credential, CredentialKind
from yibao_identity.rules.enrolment import Enrolment, until
from yibao_identity.rules.relative import LinkPurpose, LinkState, RelativeLink

if TYPE_CHECKING:
    from yibao_identity.application.work import Work


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """A row of the feed: that something of a person changed, and nothing else."""

    sequence: int
    person_id: str


@dataclass(frozen=True, slots=True)
class FeedPerson:
    """A person as the feed tells of one."""

    person_id: str
    birth_date: dt.date
    merged_into: str | None
    death_date: dt.date | None = None


@dataclass(frozen=True, slots=True)
class FeedCertificate:
    """An e-certificate as stored: the case that suspends it stands beside its state."""

    person_id: str
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

    def after(self, sequence: int, *, limit: int) -> Sequence[FeedEntry]:
        """Returns at most `limit` entries after a number, in their order."""
        ...

    def persons(self, person_ids: Collection[str]) -> Sequence[FeedPerson]:
        """Returns those of `person_ids` (none twice) who exist."""
        ...

    def certificates(self, person_ids: Collection[str]) -> Sequence[FeedCertificate]:
        """Returns all e-certificates of persons, in the order of their activation."""
        ...

    def cards(self, person_ids: Collection[str]) -> Sequence[FeedCard]:
        """Returns all cards of persons, in the order of their issue."""
        ...

    def links(self, person_ids: Collection[str]) -> Sequence[RelativeLink]:
        """Returns all links that persons asked for, in the order of agreement."""
        ...


@dataclass(frozen=True, slots=True)
class PersonStanding:
    """All that settlement must know of a person, as it stands when it is read.

    `payer_ids` are the relatives whose accounts may pay, in the order in which they agreed.
    """

    person_id: str
    birth_date: dt.date
    enrolments: tuple[Enrolment, ...]
    credentials: tuple[Credential, ...]
    merged_into: str | None
    payer_ids: tuple[str, ...]
    death_date: dt.date | None = None


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

    def changes(self, region: str, *, after_sequence: int, limit: int) -> list[EnrolmentChange]:
        """Returns at most `limit` changes that follow `after_sequence`, without a gap."""
        with self._transactions.read(region) as work:
            today = shanghai_day(self._clock())
            entries = work.feed_rows.after(after_sequence, limit=limit)
            standings = standings_of(work, {each.person_id for each in entries}, today=today)
        return [EnrolmentChange(each.sequence, standings[each.person_id]) for each in entries]


def standings_of(
    work: "Work", person_ids: Iterable[str], *, today: dt.date
) -> Mapping[str, PersonStanding]:
    """Returns what settlement must know of each of `person_ids`, who all exist."""
    wanted = sorted(set(person_ids))
    persons = work.feed_rows.persons(wanted)
    enrolments = standing_enrolments(work, wanted)
    credentials = _credentials(work, wanted, today)
    payers = _payers(work, wanted)
    return {
        person.person_id: PersonStanding(
            person.person_id,
            person.birth_date,
            until(enrolments[person.person_id], person.death_date),
            tuple(credentials[person.person_id]),
            person.merged_into,
            tuple(payers[person.person_id]),
            person.death_date,
        )
        for person in persons
    }


def _credentials(
    work: "Work", person_ids: Collection[str], today: dt.date
) -> Mapping[str, list[Credential]]:
    found: dict[str, list[Credential]] = defaultdict(list)
    for certificate in work.feed_rows.certificates(person_ids):
        present = certificate_rules.certificate_state(
            certificate.state, certificate.suspension_case_id
        )
        told = certificate_rules.credential_state(present)
        credential = Credential(certificate.subject, CredentialKind.ECERT, told)
        found[certificate.person_id].append(credential)
    for card in work.feed_rows.cards(person_ids):
        state = card_rules.state_on(
            card.state, activation_deadline_date=card.activation_deadline_date, today=today
        )
        told = card_rules.credential_state(state, is_suspended=card.is_suspended)
        found[card.person_id].append(Credential(card.subject, CredentialKind.CARD, told))
    return found


def _payers(work: "Work", person_ids: Collection[str]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for link in work.feed_rows.links(person_ids):
        if link.purpose is LinkPurpose.SHARE_ACCOUNT and link.state is LinkState.CONFIRMED:
            found[link.person_id].append(link.relative_id)
    return found
